import { type ClaimPath, findClaim, isStated } from './claims.ts'
import type { StrictObject } from './strict-json.ts'

/** A claim and the request header that it becomes. */
export interface ClaimHeader {
  path: ClaimPath
  /** Lower-case. */
  header: string
}

/** Longest header value that a claim may become, in bytes. */
const MAX_HEADER_VALUE = 4096

/** Thrown for a claim that cannot go into a header: the token is refused. */
export class UnfitClaim extends Error {}

/**
 * What the upstream is told of a token's claims. Claims that are missing, null, empty or an empty array make no
 * header at all: what the client sent under the name is gone already.
 *
 * A text, a number and a boolean are one item, the elements of an array are one item each, an object is one item in
 * JSON. Items are joined by commas, or become header lines of their own (`preserveArrays`).
 *
 * @throws {@link UnfitClaim} for control characters, broken Unicode and values beyond {@link MAX_HEADER_VALUE}.
 */
export function claimHeaders(
  claims: StrictObject,
  wanted: readonly ClaimHeader[],
  preserveArrays: boolean,
): [name: string, value: string | string[]][] {
  const headers: [string, string | string[]][] = []
  for (const { path, header } of wanted) {
    const value = findClaim(claims.exact, path)
    if (!isStated(value)) continue
    const items = [value].flat().map((item) => encodeItem(typeof item === 'string' ? item : JSON.stringify(item)))
    if (items.length === 0) continue
    if (items.reduce((length, item) => length + item.length + 1, 0) > MAX_HEADER_VALUE) throw new UnfitClaim()
    headers.push([header, preserveArrays && Array.isArray(value) ? items : items.join(',')])
  }
  return headers
}

/** What would end an item, be read as encoded, be trimmed away, or be no ASCII. */
const ENCODED = /[%,]|^ +| +$|[^\x20-\x7e]+/g

/**
 * One item as printable ASCII: percent-encoded UTF-8 (RFC 3986, section 2.1) for `%`, `,`, spaces at the ends and
 * everything beyond ASCII. A comma in a header therefore always stands between two items, and `decodeURIComponent`
 * of an item is the claim, to the letter.
 */
export function encodeItem(text: string): string {
  if (/[\x00-\x1f\x7f]/.test(text)) throw new UnfitClaim()
  try {
    return text.replace(ENCODED, encodeURIComponent)
  } catch {
    throw new UnfitClaim()
  }
}
