/** Splits rule text into directives as httpd's configuration reader does, which the Core Rule Set is written for. */

import type { Reading } from '../engine/dialect.ts'
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

/** How many of `n` backslashes in a row are left, by reading. */
const KEPT: Record<Reading['backslashes'], (n: number) => number> = {
  pairs: (n) => n - Math.floor(n / 2),
  keep: (n) => n,
  meaning: (n) => n - 2 * Math.floor(n / 4),
}

/** Takes the escapes of the configuration's own syntax away: backslash pairs as read, and the backslash before a quote. */
function unquote(raw: string, quote: string, backslashes: Reading['backslashes']): string {
  return raw.replace(/(\\+)(.?)/gs, (_all, run: string, next: string) => {
    const escapes = quote !== '' && next === quote && run.length % 2 === 1
    return '\\'.repeat(KEPT[backslashes](escapes ? run.length - 1 : run.length)) + next
  })
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
 * @param backslashes how backslashes are read
 */
export function splitWords(line: string, backslashes: Reading['backslashes']): string[] {
  const words: string[] = []
  let i = 0
  for (;;) {
    while (i < line.length && isSpace(line.charCodeAt(i))) i++
    if (i >= line.length) return words
    const quote = line[i]!
    if (quote === '"' || quote === "'") {
      const end = endOfQuoted(line, i + 1, quote)
      words.push(unquote(line.slice(i + 1, end), quote, backslashes))
      i = end + 1
    } else {
      let end = i
      while (end < line.length && !isSpace(line.charCodeAt(end))) end++
      words.push(unquote(line.slice(i, end), '', backslashes))
      i = end
    }
  }
}

/**
 * Reads the directives of a text (a byte string). Lines that end in a backslash go on in the next one; a line whose
 * first sign is `#` is a comment and, unlike in httpd, never swallows the line after it.
 */
export function* readDirectives(
  text: string,
  file: string,
  backslashes: Reading['backslashes'],
): Generator<Directive, void> {
  const lines = text.split('\n')
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
    const [name, ...args] = splitWords(parts.join(''), backslashes)
    if (name !== undefined) yield { file, line, name, args }
  }
}
