import { parseStrictObject, type StrictObject } from './strict-json.ts'

/** A token whose form is right; nothing of it is verified. */
export interface ParsedToken {
  header: Readonly<Record<string, unknown>>
  payload: StrictObject
}

/** What is wrong with a token's form, for the decision record. */
export type FormFault = 'size' | 'form' | 'header' | 'payload' | 'critical-header'

const SEGMENT = /^[A-Za-z0-9_-]*$/
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/**
 * Parses a compact JWS (RFC 7515, section 7.1) strictly, without touching a key: three parts in canonical base64url,
 * header and payload JSON objects in UTF-8 without repeated names, no header parameter that must be understood
 * (`crit`, RFC 7515 4.1.11; `b64`, RFC 7797) since none is.
 */
export function parseToken(token: string, maxLength: number): ParsedToken | FormFault {
  if (token.length > maxLength) return 'size'
  const parts = token.split('.', 4)
  if (parts.length !== 3 || !parts.every(isCanonical)) return 'form'
  const header = decodeObject(parts[0]!)?.value
  if (header === undefined || typeof header.alg !== 'string') return 'header'
  if ('crit' in header || 'b64' in header) return 'critical-header'
  const payload = decodeObject(parts[1]!)
  return payload === undefined ? 'payload' : { header, payload }
}

/**
 * Base64url that encodes its bytes in the only way (RFC 4648, 3.5): the unused bits of the last digit are zero, so
 * that one token has one spelling and a cache or a revocation list cannot be got around by another.
 */
function isCanonical(segment: string): boolean {
  if (segment === '' || !SEGMENT.test(segment)) return false
  const rest = segment.length % 4
  if (rest === 0) return true
  const last = DIGITS.indexOf(segment.at(-1)!)
  return rest === 2 ? last % 16 === 0 : rest === 3 && last % 4 === 0
}

function decodeObject(segment: string): StrictObject | undefined {
  return parseStrictObject(Buffer.from(segment, 'base64url'))
}
