/**
 * Flattens a JSON body into arguments: `json.user.name`; all elements of an array bear the array's name, as in ModSecurity
 * 2, so that one selector reaches them all (libmodsecurity 3 appends `.array_0` and so on). A reader of its own, because values must be the bytes sent, repeated names must all be seen and depth must be bounded.
 */

import { isUtf8 } from '../operators/validate.ts'
import type { BodyError, NamedValue } from './types.ts'

/** Bounds of the reader. */
export interface JsonLimits {
  /** Deepest nesting of arrays and objects. */
  readonly depth: number
  /** Most values. */
  readonly values: number
}

class JsonFault extends Error {}

const ESCAPES: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y

class JsonReader {
  readonly found: NamedValue[] = []
  private at = 0
  private depth = 0
  private readonly text: string
  private readonly limits: JsonLimits

  constructor(text: string, limits: JsonLimits) {
    this.text = text
    this.limits = limits
  }

  document(): void {
    this.value('json')
    this.skip()
    if (this.at < this.text.length) throw new JsonFault('trailing bytes after the JSON value')
  }

  private skip(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at)
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return
      this.at++
    }
  }

  private add(path: string, value: string): void {
    if (this.found.length >= this.limits.values) throw new JsonFault('too many arguments')
    this.found.push({ key: path, value })
  }

  private value(path: string): void {
    this.skip()
    const c = this.text[this.at]
    if (c === '"') this.add(path, this.string())
    else if (c === '{') this.object(path)
    else if (c === '[') this.array(path)
    else if (!this.word(path)) this.number(path)
  }

  private word(path: string): boolean {
    for (const word of ['true', 'false', 'null']) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length
        this.add(path, word === 'null' ? '' : word)
        return true
      }
    }
    return false
  }

  private number(path: string): void {
    NUMBER.lastIndex = this.at
    const found = NUMBER.exec(this.text)
    if (found === null) throw new JsonFault(`unexpected byte at ${this.at}`)
    this.at += found[0].length
    this.add(path, found[0])
  }

  private enter(): void {
    this.at++
    if (++this.depth > this.limits.depth) throw new JsonFault('JSON is nested too deeply')
    this.skip()
  }

  private leave(): void {
    this.at++
    this.depth--
  }

  /** After a member: true when another one follows. */
  private more(close: string): boolean {
    this.skip()
    const c = this.text[this.at]
    if (c === ',') {
      this.at++
      return true
    }
    if (c !== close) throw new JsonFault(`expected a comma or "${close}" at ${this.at}`)
    return false
  }

  private object(path: string): void {
    this.enter()
    if (this.text[this.at] !== '}') {
      do {
        this.skip()
        if (this.text[this.at] !== '"') throw new JsonFault(`expected a name at ${this.at}`)
        const name = this.string()
        this.skip()
        if (this.text[this.at] !== ':') throw new JsonFault(`expected a colon at ${this.at}`)
        this.at++
        this.value(`${path}.${name === '' ? 'empty-key' : name}`)
      } while (this.more('}'))
    }
    this.leave()
  }

  private array(path: string): void {
    this.enter()
    if (this.text[this.at] !== ']') {
      do this.value(path)
      while (this.more(']'))
    }
    this.leave()
  }

  private string(): string {
    const start = ++this.at
    for (;;) {
      const code = this.text.charCodeAt(this.at)
      if (code === 34) break
      if (code === 92) return this.escaped(start)
      if (!(code >= 32)) throw new JsonFault(`bare control byte or open string at ${this.at}`)
      this.at++
    }
    const value = this.text.slice(start, this.at++)
    return this.checked(value)
  }

  private escaped(start: number): string {
    const parts = [this.text.slice(start, this.at)]
    let from = this.at
    for (;;) {
      const code = this.text.charCodeAt(this.at)
      if (code === 34) break
      if (!(code >= 32)) throw new JsonFault(`bare control byte or open string at ${this.at}`)
      if (code === 92) {
        parts.push(this.text.slice(from, this.at), this.escape())
        from = this.at
      } else this.at++
    }
    parts.push(this.text.slice(from, this.at++))
    return this.checked(parts.join(''))
  }

  private checked(value: string): string {
    if (!isUtf8(value)) throw new JsonFault('a string is not UTF-8')
    return value
  }

  private escape(): string {
    const c = this.text[this.at + 1] ?? ''
    this.at += 2
    if (c === 'u') return this.codePoint()
    const plain = ESCAPES[c]
    if (plain !== undefined) return plain
    if (c === '"' || c === '\\' || c === '/') return c
    throw new JsonFault(`unknown escape at ${this.at - 2}`)
  }

  private unit(): number {
    const hex = this.text.slice(this.at, this.at + 4)
    if (!/^[0-9a-fA-F]{4}$/.test(hex)) throw new JsonFault(`malformed \\u escape at ${this.at}`)
    this.at += 4
    return Number.parseInt(hex, 16)
  }

  private codePoint(): string {
    const high = this.unit()
    if (high < 0x80) return String.fromCharCode(high)
    let text = String.fromCharCode(high)
    if (high >= 0xd800 && high < 0xdc00 && this.text.startsWith('\\u', this.at)) {
      this.at += 2
      text += String.fromCharCode(this.unit())
    }
    return Buffer.from(text, 'utf8').toString('latin1')
  }
}

/**
 * Reads a JSON document.
 * @returns what was read, also up to an error
 */
export function parseJson(text: string, limits: JsonLimits): { list: NamedValue[]; error?: BodyError } {
  const reader = new JsonReader(text, limits)
  try {
    reader.document()
    return { list: reader.found }
  } catch (error) {
    if (error instanceof JsonFault) return { list: reader.found, error: { message: error.message } }
    throw error
  }
}
