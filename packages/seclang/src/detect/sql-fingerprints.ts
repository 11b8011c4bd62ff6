import { PACKED_FINGERPRINTS } from './sql-fingerprint-data.ts'
import type { SqlToken } from './sql-token.ts'

/** The classes of tokens; capitals stand for both cases. */
const LETTERS = '?1SNVFEKUBTAO&CX(){}.,:;\\'
/** How many places the table has: a power of two, several times the known fingerprints. */
const PLACES = 1 << 16

function buildNumbers(): Uint8Array {
  const numbers = new Uint8Array(128)
  for (let at = 0; at < LETTERS.length; at++) {
    numbers[LETTERS.charCodeAt(at)] = at + 1
    numbers[LETTERS[at]!.toLowerCase().charCodeAt(0)] = at + 1
  }
  return numbers
}

/** The number of each letter, five bits wide. */
const NUMBERS = buildNumbers()

/** A fingerprint as a number: five bits for each letter. */
export function fingerprintCode(letters: string): number {
  let code = 0
  for (let at = 0; at < letters.length; at++) code = (code << 5) | NUMBERS[letters.charCodeAt(at)]!
  return code
}

/** A comment no innocent value contains. */
export const EVIL: number = fingerprintCode('X')

/** The code of the fingerprint of at most five folded tokens; one that is never innocent stands for them all. */
export function codeOf(tokens: readonly SqlToken[]): number {
  let code = 0
  for (const { type } of tokens) {
    if (type === 'X') return EVIL
    code = (code << 5) | NUMBERS[type.charCodeAt(0)]!
  }
  return code
}

/** The letters of the fingerprint of folded tokens. */
export function lettersOf(tokens: readonly SqlToken[]): string {
  let letters = ''
  for (const { type } of tokens) letters += type
  return letters.includes('X') ? 'X' : letters
}

function placeOf(code: number): number {
  return Math.imul(code, 0x9e3779b1) >>> 16
}

function unpack(packed: string): Int32Array {
  const known = new Int32Array(PLACES)
  const add = (letters: string): void => {
    const code = fingerprintCode(letters)
    let place = placeOf(code)
    while (known[place] !== 0) place = (place + 1) & (PLACES - 1)
    known[place] = code
  }
  add('X')
  for (const line of packed.split('\n')) {
    const entry = line.slice(2)
    for (let at = 3; at < entry.length; at += 2) add((entry.slice(0, 3) + entry.slice(at, at + 2)).trimEnd())
  }
  return known
}

const KNOWN = unpack(PACKED_FINGERPRINTS)

/** Says whether the code of a fingerprint is that of an injection. */
export function isInjection(code: number): boolean {
  for (let place = placeOf(code); KNOWN[place] !== 0; place = (place + 1) & (PLACES - 1)) {
    if (KNOWN[place] === code) return true
  }
  return false
}
