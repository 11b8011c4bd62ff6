import { isUtf8 } from 'node:buffer'

/** A name and a password, as a client sent them. */
export interface Credentials {
  name: string
  password: string
}

/** bcrypt reads no more than this of a password; what is longer could be cut anywhere beyond and still fit. */
const MAX_PASSWORD_BYTES = 72
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/** Is this the value of an `Authorization` header of the Basic scheme? */
export function isBasic(value: string): boolean {
  return value.length > 5 && value[5] === ' ' && value.slice(0, 5).toLowerCase() === 'basic'
}

/**
 * Reads the value of an `Authorization` header (RFC 7617, section 2): UTF-8, everything after the first colon is the
 * password, no control characters.
 *
 * @returns undefined for whatever is no name with a password that could be right.
 */
export function parseBasic(value: string): Credentials | undefined {
  const encoded = value.slice(6).trim()
  if (encoded.length > 1024 || !BASE64.test(encoded)) return undefined
  const bytes = Buffer.from(encoded, 'base64')
  if (!isUtf8(bytes)) return undefined
  const text = bytes.toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1 || /[\x00-\x1f\x7f]/.test(text)) return undefined
  const password = text.slice(colon + 1)
  if (password === '' || Buffer.byteLength(password) > MAX_PASSWORD_BYTES) return undefined
  return { name: text.slice(0, colon), password }
}
