import { numberEnd } from './sql-literals.ts'
import { isNotable } from './sql-words.ts'

/** What a byte means to a value that may be plain. */
const Role = { stops: 0, parts: 1, repeats: 2, dot: 3, digit: 4, letter: 5 } as const

function buildRoles(): Uint8Array {
  const roles = new Uint8Array(256)
  const put = (characters: string, role: number): void => {
    for (const character of characters) roles[character.charCodeAt(0)] = role
  }
  for (let code = 128; code < 256; code++) roles[code] = Role.letter
  put(' \t\n\v\f\r\xa0,:+*%=?!<>~^', Role.parts)
  // two in a row are a comment or a logical operator; so is a slash with an asterisk
  put('-/&|', Role.repeats)
  put('.', Role.dot)
  put('0123456789', Role.digit)
  put('_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ', Role.letter)
  return roles
}

const ROLES = buildRoles()
const SLASH = 47
const ASTERISK = 42

/** The position behind the word that begins at `from`; -1 where it, or what stands before one of its dots, means something. */
function skipWord(value: string, from: number): number {
  let at = from + 1
  for (; at < value.length; at++) {
    const code = value.charCodeAt(at)
    const role = ROLES[code & 255]!
    if (role === Role.dot) {
      if (isNotable(value, from, at)) return -1
    } else if (role === Role.stops) return -1
    else if (role < Role.dot) break
  }
  return isNotable(value, from, at) ? -1 : at
}

/**
 * Says whether a value is nothing but numbers, words without a meaning in SQL, and single operators, dots, colons and commas between
 * them. Numbers, words and these fold to fingerprints of which none is that of an injection, so nothing else need be asked.
 */
export function isPlain(value: string): boolean {
  let at = 0
  while (at < value.length) {
    const code = value.charCodeAt(at)
    const role = ROLES[code & 255]!
    if (role === Role.letter) {
      at = skipWord(value, at)
      if (at === -1) return false
      continue
    }
    if (role === Role.stops) return false
    if (role >= Role.dot) {
      at = numberEnd(value, at)
      continue
    }
    at++
    if (role === Role.repeats) {
      const next = value.charCodeAt(at)
      if (next === (code === SLASH ? ASTERISK : code)) return false
    }
  }
  return true
}
