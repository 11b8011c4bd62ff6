/** Splits rule text into directives as httpd's configuration reader does, which the Core Rule Set is written for. */

import type { Position } from '../errors.ts'

/** One directive with its arguments, quotes removed. */
export interface Directive extends Position {
  /** Name as written. */
  name: string
  /** Arguments after unquoting. */
  args: string[]
}

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13)
}

/** Inside quotes and words a backslash pair becomes one backslash and an escaped quote loses its backslash. */
function collapse(raw: string, quote: string, pairs: boolean): string {
  if (!raw.includes('\\')) return raw
  let out = ''
  for (let i = 0; i < raw.length; i++) {
    const next = raw[i + 1]
    if (raw[i] === '\\' && ((pairs && next === '\\') || (quote !== '' && next === quote))) i++
    else if (!pairs && raw[i] === '\\' && next === '\\') out += raw[i++]!
    out += raw[i]!
  }
  return out
}

function endOfQuoted(line: string, start: number, quote: string): number {
  let i = start
  while (i < line.length && line[i] !== quote) {
    const next = line[i + 1]
    i += line[i] === '\\' && (next === quote || next === '\\') ? 2 : 1
  }
  return Math.min(i, line.length)
}

/**
 * The words of one logical line.
 * @param pairs whether a backslash pair becomes one backslash
 */
export function splitWords(line: string, pairs = true): string[] {
  const words: string[] = []
  let i = 0
  for (;;) {
    while (i < line.length && isSpace(line.charCodeAt(i))) i++
    if (i >= line.length) return words
    const quote = line[i]!
    if (quote === '"' || quote === "'") {
      const end = endOfQuoted(line, i + 1, quote)
      words.push(collapse(line.slice(i + 1, end), quote, pairs))
      i = end + 1
    } else {
      let end = i
      while (end < line.length && !isSpace(line.charCodeAt(end))) end++
      words.push(collapse(line.slice(i, end), '', pairs))
      i = end
    }
  }
}

/**
 * Reads the directives of a text (a byte string). Lines that end in a backslash go on in the next one; a line whose
 * first sign is `#` is a comment and, unlike in httpd, never swallows the line after it.
 */
export function readDirectives(text: string, file: string, pairs = true): Directive[] {
  const lines = text.split('\n')
  const found: Directive[] = []
  for (let i = 0; i < lines.length; i++) {
    const line = i + 1
    let logical = lines[i]!.replace(/\r$/, '')
    if (/^\s*#/.test(logical)) continue
    const parts: string[] = []
    while (logical.endsWith('\\') && i + 1 < lines.length) {
      parts.push(logical.slice(0, -1))
      i++
      logical = lines[i]!.replace(/\r$/, '')
    }
    parts.push(logical)
    const [name, ...args] = splitWords(parts.join(''), pairs)
    if (name !== undefined) found.push({ file, line, name, args })
  }
  return found
}
