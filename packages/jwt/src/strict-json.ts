/** Deeper JSON than this is no honest token. */
const MAX_DEPTH = 32

/** A JSON object, and the source text of those of its numbers that a double cannot be trusted with. */
export interface StrictObject {
  value: Record<string, unknown>
  /** By path (names and indexes joined by NUL); undefined when there is none. */
  exactNumbers: ReadonlyMap<string, string> | undefined
}

/** The path of a member of {@link StrictObject.exactNumbers}. */
export function numberPath(steps: readonly (string | number)[]): string {
  return steps.join('\0')
}

/**
 * Parses a JSON object as RFC 7519 wants it: no member name twice (section 4), and nothing that would become a
 * prototype when an application merges the claims (`__proto__`, `constructor.prototype`). Linear in the text.
 *
 * @returns undefined for anything else: other JSON, too deep, numbers beyond a double.
 */
export function parseStrictObject(text: string): StrictObject | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const scanner = new Scanner(text)
  if (!scanner.run()) return undefined
  return { value: value as Record<string, unknown>, exactNumbers: scanner.numbers }
}

interface Frame {
  /** Names so far; undefined in an array. */
  names: Set<string> | undefined
  name: string
  index: number
}

/** Walks JSON that is known to be well-formed. */
class Scanner {
  numbers: Map<string, string> | undefined
  readonly #text: string
  readonly #frames: Frame[] = []
  #nameNext = false

  constructor(text: string) {
    this.#text = text
  }

  run(): boolean {
    const text = this.#text
    let i = 0
    while (i < text.length) {
      const char = text[i]!
      if (char === '"') {
        const end = endOfString(text, i)
        if (this.#nameNext && !this.#name(text.slice(i, end))) return false
        i = end
      } else if (char === '-' || (char >= '0' && char <= '9')) {
        const end = endOfNumber(text, i)
        if (!this.#number(text.slice(i, end))) return false
        i = end
      } else {
        if (!this.#punctuation(char)) return false
        i++
      }
    }
    return true
  }

  #punctuation(char: string): boolean {
    const frames = this.#frames
    if (char === '{' || char === '[') {
      if (frames.length === MAX_DEPTH) return false
      this.#nameNext = char === '{'
      frames.push({ names: this.#nameNext ? new Set() : undefined, name: '', index: 0 })
    } else if (char === '}' || char === ']') {
      frames.pop()
      this.#nameNext = false
    } else if (char === ',') {
      const frame = frames.at(-1)!
      frame.index++
      this.#nameNext = frame.names !== undefined
    }
    return true
  }

  #name(literal: string): boolean {
    const frame = this.#frames.at(-1)!
    const name = literal.includes('\\') ? (JSON.parse(literal) as string) : literal.slice(1, -1)
    if (frame.names!.has(name) || name === '__proto__') return false
    if (name === 'prototype' && this.#frames.at(-2)?.name === 'constructor') return false
    frame.names!.add(name)
    frame.name = name
    this.#nameNext = false
    return true
  }

  /** Up to 15 digits survive a double; longer ones are kept as they were written. */
  #number(literal: string): boolean {
    const value = Number(literal)
    if (!Number.isFinite(value)) return false
    if (literal.length > 15 && String(value) !== literal) {
      this.numbers ??= new Map()
      this.numbers.set(
        numberPath(this.#frames.map(({ names, name, index }) => (names === undefined ? index : name))),
        literal,
      )
    }
    return true
  }
}

function endOfString(text: string, start: number): number {
  let i = start + 1
  while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1
  return i + 1
}

function endOfNumber(text: string, start: number): number {
  let i = start + 1
  while (i < text.length && '0123456789.eE+-'.includes(text[i]!)) i++
  return i
}
