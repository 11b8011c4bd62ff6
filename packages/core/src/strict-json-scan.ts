import type { JsonFault, JsonLimits } from './strict-json.ts'

const QUOTE = 34
const COMMA = 44
const COLON = 58
const OPEN_LIST = 91
const BACKSLASH = 92
const CLOSE_LIST = 93
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125
/** Beyond this many names an object's names go into a set. */
const FEW = 8

interface Container {
  object: boolean
  /** Under which name it stands in its object. */
  name: string | undefined
  names: string[] | undefined
  seen: Set<string> | undefined
  /** Names, or commas of a list. */
  count: number
}

/**
 * One pass over a JSON text for what `JSON.parse` does not tell. It trusts the syntax: on a text that is no JSON it may
 * say anything, since `JSON.parse` has the last word.
 */
export class JsonScan {
  /** False once a number was met that a double cannot hold exactly. */
  exact = true
  readonly #text: string
  readonly #limits: JsonLimits
  readonly #open: Container[] = []
  #expectsName = false
  #name: string | undefined

  constructor(text: string, limits: JsonLimits) {
    this.#text = text
    this.#limits = limits
  }

  run(): JsonFault | undefined {
    const text = this.#text
    let at = 0
    while (at < text.length) {
      const code = text.charCodeAt(at)
      let fault: JsonFault | undefined
      if (code === QUOTE) {
        const end = endOfString(text, at)
        if (end === -1) return 'syntax'
        fault = this.#expectsName ? this.#takeName(at, end) : this.#takeText(end - at - 1)
        at = end
      } else if (code === 45 || (code >= 48 && code <= 57)) {
        const end = endOfNumber(text, at)
        fault = this.#takeNumber(text.slice(at, end))
        at = end - 1
      } else fault = this.#takeMark(code)
      if (fault !== undefined) return fault
      at++
    }
    return this.#open.length === 0 ? undefined : 'syntax'
  }

  #takeMark(code: number): JsonFault | undefined {
    if (code === OPEN_OBJECT || code === OPEN_LIST) return this.#enter(code === OPEN_OBJECT)
    if (code === CLOSE_OBJECT || code === CLOSE_LIST) return this.#leave()
    if (code === COMMA) return this.#next()
    if (code === COLON) this.#expectsName = false
    return undefined
  }

  #enter(object: boolean): JsonFault | undefined {
    if (this.#open.length >= this.#limits.maxDepth) return 'depth'
    this.#open.push({ object, name: this.#name, names: undefined, seen: undefined, count: 0 })
    this.#expectsName = object
    this.#name = undefined
    return undefined
  }

  #leave(): JsonFault | undefined {
    const left = this.#open.pop()
    this.#expectsName = false
    return left === undefined ? 'syntax' : undefined
  }

  #next(): JsonFault | undefined {
    const container = this.#open.at(-1)
    if (container === undefined) return 'syntax'
    this.#expectsName = container.object
    this.#name = undefined
    if (!container.object && ++container.count >= this.#limits.maxItems) return 'items'
    return undefined
  }

  #takeText(length: number): JsonFault | undefined {
    return length > this.#limits.maxStringLength ? 'string-length' : undefined
  }

  #takeName(start: number, end: number): JsonFault | undefined {
    const container = this.#open.at(-1)!
    const name = readName(this.#text, start, end)
    if (name === undefined) return 'syntax'
    if (name.length > this.#limits.maxNameLength) return 'name-length'
    if (name === '__proto__' || (name === 'prototype' && container.name === 'constructor')) return 'prototype'
    if (++container.count > this.#limits.maxKeys) return 'keys'
    this.#name = name
    this.#expectsName = false
    return this.#limits.duplicateKeys === 'reject' && isRepeated(container, name) ? 'duplicate-key' : undefined
  }

  /** A number out of range, or one whose fraction rounds away, is not what an exact reader behind us would see. */
  #takeNumber(token: string): JsonFault | undefined {
    const value = Number(token)
    if (Number.isNaN(value)) return 'syntax'
    if (!Number.isFinite(value)) return 'number'
    if (isExact(token, value)) return undefined
    this.exact = false
    return /[.eE]/.test(token) && Number.isInteger(value) ? 'number' : undefined
  }
}

function isRepeated(container: Container, name: string): boolean {
  const { seen } = container
  if (seen !== undefined) return seen.size === seen.add(name).size
  if (container.names === undefined) {
    container.names = [name]
    return false
  }
  if (container.names.includes(name)) return true
  container.names.push(name)
  if (container.names.length > FEW) container.seen = new Set(container.names)
  return false
}

function readName(text: string, start: number, end: number): string | undefined {
  const written = text.slice(start + 1, end)
  if (!written.includes('\\')) return written
  try {
    return JSON.parse(text.slice(start, end + 1))
  } catch {
    return undefined
  }
}

/** The place of the closing quote, -1 when there is none. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return at
    if (code === BACKSLASH) at++
  }
  return -1
}

function endOfNumber(text: string, start: number): number {
  let at = start + 1
  while (at < text.length) {
    const code = text.charCodeAt(at)
    const digit = code >= 48 && code <= 57
    if (!digit && code !== 46 && code !== 43 && code !== 45 && code !== 69 && code !== 101) break
    at++
  }
  return at
}

/** Does a double keep apart this number and every other one that is written differently? 15 digits always fit. */
function isExact(token: string, value: number): boolean {
  if (token.length <= 15 && !token.includes('e') && !token.includes('E')) return true
  if (String(value) === token) return true
  const digits = token
    .replace(/[eE].*$/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+/, '')
  if (digits === '') return true
  const size = Math.abs(value)
  return digits.length <= 15 && size > 1e-300 && size < 1e300
}
