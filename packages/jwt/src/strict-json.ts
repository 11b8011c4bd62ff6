import { defaultJsonLimits, parseStrictJson } from '@portcullis/core'
import { isObject } from './claims.ts'

/** Deeper JSON than this is no honest token. */
const LIMITS = { ...defaultJsonLimits, maxDepth: 32 }

/** A JSON object of a token. */
export interface StrictObject {
  value: Record<string, unknown>
  /** The same; but integers that a double cannot hold are texts, digit by digit as they were written. */
  exact: Record<string, unknown>
}

/** A text of JSON, or a number of more than 15 characters. */
const TEXT_OR_LONG_NUMBER = /"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]{15,}/g

/**
 * Reads a JSON object as RFC 7519 wants it: UTF-8, no member name twice (section 4), nothing that would become a
 * prototype when an application merges the claims. Linear in the length.
 *
 * @returns undefined for anything else.
 */
export function parseStrictObject(source: Buffer): StrictObject | undefined {
  const { fault, value, exact } = parseStrictJson(source, LIMITS)
  if (fault !== undefined || !isObject(value)) return undefined
  if (exact) return { value, exact: value }
  const text = source.toString('utf8')
  const quoted = text.replace(TEXT_OR_LONG_NUMBER, (token) => (token.startsWith('"') ? token : `"${token}"`))
  return { value, exact: JSON.parse(quoted) as Record<string, unknown> }
}
