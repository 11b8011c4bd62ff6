/** `@pm` and `@pmFromFile`: does any of many phrases stand in the value, whatever the case of ASCII letters? */

import { lowercase } from '../transform/normalise.ts'
import type { Operator } from './types.ts'

/** Finds phrases by the hash of their first bytes; built once, no allocation while it runs. */
export class PhraseSet {
  /** Phrases whose first two bytes fall into the same slot, as a linked list over `next`. */
  private readonly head = new Int32Array(4096).fill(-1)
  private readonly next: Int32Array
  private readonly phrases: readonly string[]
  /** Phrases of one byte. */
  private readonly single = new Uint8Array(256)

  /** @param phrases byte strings; case does not matter, empty ones are passed over */
  constructor(phrases: readonly string[]) {
    this.phrases = [...new Set(phrases.map(lowercase))].filter((p) => p !== '')
    this.next = new Int32Array(this.phrases.length).fill(-1)
    for (const [i, phrase] of this.phrases.entries()) {
      if (phrase.length === 1) this.single[phrase.charCodeAt(0)] = 1
      else {
        const slot = slotOf(phrase.charCodeAt(0), phrase.charCodeAt(1))
        this.next[i] = this.head[slot]!
        this.head[slot] = i
      }
    }
  }

  /** The phrases in lower case. */
  get list(): readonly string[] {
    return this.phrases
  }

  /** The first phrase found, scanning from the left; undefined when there is none. */
  find(value: string): string | undefined {
    const text = lowercase(value)
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (this.single[code] === 1) return value.slice(i, i + 1)
      for (let p = this.head[slotOf(code, text.charCodeAt(i + 1))]!; p >= 0; p = this.next[p]!) {
        const phrase = this.phrases[p]!
        if (text.startsWith(phrase, i)) return value.slice(i, i + phrase.length)
      }
    }
    return undefined
  }
}

function slotOf(first: number, second: number): number {
  return ((first << 5) ^ (second * 131)) & 4095
}

/** `|20 0a|` inside a phrase stands for bytes in hexadecimal, as in Snort's rules. */
function decodeHex(phrase: string): string {
  return phrase.replace(/\|((?:\s*[0-9a-fA-F]{2})+\s*)\|/g, (_all, hex: string) =>
    Buffer.from(hex.replace(/\s/g, ''), 'hex').toString('latin1'),
  )
}

function operator(phrases: readonly string[]): Operator {
  const set = new PhraseSet(phrases)
  return {
    matches: (value) => set.find(value) !== undefined,
    captures: (value) => [set.find(value) ?? ''],
    prefilter: { kind: 'literals', literals: set.list },
  }
}

/** Phrases separated by white space. */
export function pm(argument: string): Operator {
  const words = argument.replace(/\|[0-9a-fA-F\s]+\|/g, (s) => s.replace(/\s/g, '')).split(/\s+/)
  return operator(words.map(decodeHex))
}

/** Phrases one a line; empty lines and lines that start with `#` are passed over. */
export function pmLines(text: string): Operator {
  const lines = text.split('\n').map((line) => line.trim())
  return operator(lines.filter((line) => line !== '' && !line.startsWith('#')))
}
