/** `@pm` and `@pmFromFile`: does any of many phrases stand in the value, whatever the case of ASCII letters? */

import { lowercase } from '../transform/normalise.ts'
import type { Operator } from './types.ts'

/** Numbers of trie nodes start above the codes of two bytes, which stand for the nodes of the first two levels. */
const FIRST_NODE = 65_536

/** A trie of the phrases: each position of the value costs at most as many steps as the phrases are long. */
class PhraseSet {
  private readonly phrases: readonly string[]
  /** 1 for two bytes with which a phrase starts. */
  private readonly starts = new Uint8Array(FIRST_NODE)
  /** Phrases of one byte. */
  private readonly single = new Uint8Array(256)
  /** Node behind a node and a byte (`node * 256 + byte`). */
  private readonly edges = new Map<number, number>()
  /** Nodes at which a phrase ends. */
  private readonly ends = new Set<number>()

  /** @param phrases byte strings; case does not matter, empty ones are passed over */
  constructor(phrases: readonly string[]) {
    this.phrases = [...new Set(phrases.map(lowercase))].filter((p) => p !== '')
    let nodes = FIRST_NODE
    for (const phrase of this.phrases) {
      if (phrase.length === 1) {
        this.single[phrase.charCodeAt(0)] = 1
        continue
      }
      let node = (phrase.charCodeAt(0) << 8) | phrase.charCodeAt(1)
      this.starts[node] = 1
      for (let i = 2; i < phrase.length; i++) {
        const edge = node * 256 + phrase.charCodeAt(i)
        let next = this.edges.get(edge)
        if (next === undefined) {
          next = nodes++
          this.edges.set(edge, next)
        }
        node = next
      }
      this.ends.add(node)
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
      const pair = (code << 8) | text.charCodeAt(i + 1)
      const end = this.starts[pair] === 1 ? this.endFrom(text, i + 2, pair) : 0
      if (end > 0) return value.slice(i, end)
    }
    return undefined
  }

  /** End of the shortest phrase on the way from a node, 0 when there is none. */
  private endFrom(text: string, from: number, start: number): number {
    let node: number | undefined = start
    for (let i = from; node !== undefined; i++) {
      if (this.ends.has(node)) return i
      if (i >= text.length) return 0
      node = this.edges.get(node * 256 + text.charCodeAt(i))
    }
    return 0
  }
}

/** `|20 0a|` inside a phrase stands for bytes in hexadecimal, as in Snort's rules. */
function decodeHex(phrase: string): string {
  return phrase.replace(/\|((?:\s*[0-9a-fA-F]{2})+\s*)\|/g, (_all, hex: string) =>
    Buffer.from(hex.replace(/\s/g, ''), 'hex').toString('latin1'),
  )
}

/** A list longer than this goes into the prefilter with the beginnings of its phrases only, which many share. */
const LONG_LIST = 100
const BEGINNING = 6

function literalsOf(list: readonly string[]): string[] {
  return list.length <= LONG_LIST ? [...list] : [...new Set(list.map((phrase) => phrase.slice(0, BEGINNING)))]
}

function operator(phrases: readonly string[]): Operator {
  const set = new PhraseSet(phrases)
  return {
    matches: (value) => set.find(value) !== undefined,
    captures: (value) => [set.find(value) ?? ''],
    prefilter: { kind: 'literals', literals: literalsOf(set.list) },
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
