import { isUtf8 } from 'node:buffer'
import { JsonScan } from './strict-json-scan.ts'

/** How much JSON is read, and what of it is refused. Every number may be `Infinity`. */
export interface JsonLimits {
  /** Containers inside one another; `[1]` has depth 1. */
  maxDepth: number
  /** Members of one object. */
  maxKeys: number
  /** Elements of one array. */
  maxItems: number
  /** Characters (UTF-16) of a member's name. */
  maxNameLength: number
  /** Characters (UTF-16) of a text, as it is written. */
  maxStringLength: number
  /** May an object name a member twice? Readers differ in which one they take. */
  duplicateKeys: 'reject' | 'allow'
}

/** Bounds that no honest document meets. */
export const defaultJsonLimits: JsonLimits = {
  maxDepth: 64,
  maxKeys: 1000,
  maxItems: Number.POSITIVE_INFINITY,
  maxNameLength: 1024,
  maxStringLength: Number.POSITIVE_INFINITY,
  duplicateKeys: 'reject',
}

/** Why a text is not taken as JSON. */
export type JsonFault =
  | 'empty'
  | 'encoding'
  | 'bom'
  | 'syntax'
  | 'depth'
  | 'keys'
  | 'items'
  | 'name-length'
  | 'string-length'
  | 'duplicate-key'
  | 'prototype'
  | 'number'

/**
 * A document that was read, or why it was not. `exact` is false when some number has more digits than a double
 * holds: two different texts may then be one value, so such a value must not become a cache key.
 */
export type StrictJson =
  | { fault: JsonFault; value?: undefined; exact?: undefined }
  | { fault?: undefined; value: unknown; exact: boolean }

/**
 * Reads JSON (RFC 8259) so that every reader behind the gateway gets the same value of it: UTF-8 without a byte order
 * mark, no member named twice (I-JSON, RFC 7493 section 2.3), no `__proto__` and no `constructor.prototype`, no number
 * beyond a double's range and none whose fraction is lost by rounding. Depth and counts are bounded before anything is
 * built. Time is linear in the length.
 *
 * @param source the bytes as they arrived, or a text from a URL.
 */
export function parseStrictJson(source: Buffer | string, limits: JsonLimits = defaultJsonLimits): StrictJson {
  let text: string
  if (typeof source === 'string') text = source
  else {
    if (!isUtf8(source)) return { fault: 'encoding' }
    text = source.toString('utf8')
  }
  if (text === '') return { fault: 'empty' }
  if (text.charCodeAt(0) === 0xfeff) return { fault: 'bom' }
  const scan = new JsonScan(text, limits)
  const fault = scan.run()
  if (fault !== undefined) return { fault }
  try {
    return { value: JSON.parse(text), exact: scan.exact }
  } catch {
    return { fault: 'syntax' }
  }
}
