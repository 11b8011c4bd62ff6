/** `application/x-www-form-urlencoded` and query strings. */

import { urlDecode } from '../transform/decode.ts'
import type { NamedValue } from './types.ts'

/** Decoded arguments and whether a percent sign was malformed. */
export interface Arguments {
  readonly list: NamedValue[]
  /** More than `limit` arguments were sent; the rest is missing in `list`. */
  readonly tooMany: boolean
}

/**
 * Splits at the separator and the first `=`, decodes `%HH` and `+`. An argument without `=` has the empty value.
 * @param limit most arguments to read
 * @param separator one character
 */
export function parseArguments(text: string, limit: number, separator = '&'): Arguments {
  const list: NamedValue[] = []
  let from = 0
  while (from < text.length) {
    let end = text.indexOf(separator, from)
    if (end < 0) end = text.length
    if (end > from) {
      if (list.length >= limit) return { list, tooMany: true }
      let equals = text.indexOf('=', from)
      if (equals < 0 || equals > end) equals = end
      list.push({ key: decode(text.slice(from, equals)), value: decode(text.slice(equals + 1, end)) })
    }
    from = end + 1
  }
  return { list, tooMany: false }
}

function decode(text: string): string {
  return text === '' ? '' : urlDecode(text)
}

/** A percent sign without two hexadecimal digits somewhere in the text. */
export function hasBadEscape(text: string): boolean {
  return /%(?![0-9a-fA-F]{2})/.test(text)
}
