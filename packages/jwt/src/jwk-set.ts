import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import type { JWK } from 'jose'

/** Where a token and a key of a set name each other: KrakenD's `key_identify_strategy`. */
export type KeyIdStrategy = 'kid' | 'x5t' | 'x5t#S256' | 'kid_x5t'

/** A key of a set that may verify signatures. */
export interface SetKey {
  /** What tokens call it; undefined for a key without an id. */
  id: string | undefined
  /** The algorithm that its owner allows it for; undefined = any that fits. */
  alg: string | undefined
  key: KeyObject
  /** The same for the same key with the same attributes, also after it was fetched again. */
  identity: string
}

/** What a JWK set holds, and what of it was left out and why (kid and reason, no key material). */
export interface ParsedSet {
  keys: SetKey[]
  skipped: string[]
}

/** More keys than any provider rotates through; beyond it a set is refused. */
const MAX_KEYS = 256

/**
 * Reads a JWK set (RFC 7517, section 5). Keys for encryption, keys that may not verify, private keys and keys that
 * cannot be read are left out, each with its reason; an unreadable document is an error.
 *
 * @throws SyntaxError or RangeError when the text is no JWK set or has too many keys. Messages quote nothing of it.
 */
export function parseJwkSet(text: string, strategy: KeyIdStrategy): ParsedSet {
  const list = keysOf(text)
  if (list.length > MAX_KEYS) throw new RangeError(`a key set with ${list.length} keys (at most ${MAX_KEYS})`)
  const parsed: ParsedSet = { keys: [], skipped: [] }
  for (const [index, jwk] of list.entries()) {
    const result = readJwk(jwk, strategy)
    if (typeof result === 'string') parsed.skipped.push(`key ${index + 1}: ${result}`)
    else parsed.keys.push(result)
  }
  return parsed
}

function keysOf(text: string): unknown[] {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    throw new SyntaxError('not a JWK set: no JSON')
  }
  const keys = typeof document === 'object' && document !== null ? (document as { keys?: unknown }).keys : undefined
  if (!Array.isArray(keys)) throw new SyntaxError('not a JWK set: no list "keys"')
  return keys
}

function readJwk(candidate: unknown, strategy: KeyIdStrategy): SetKey | string {
  if (typeof candidate !== 'object' || candidate === null) return 'is no object'
  const jwk = candidate as JWK
  if (jwk.use !== undefined && jwk.use !== 'sig') return 'is not for signatures (use)'
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify'))) {
    return 'may not verify (key_ops)'
  }
  if (jwk.kty !== 'oct' && 'd' in jwk) return 'is a private key: whoever publishes it has given it away'
  const key = importKey(jwk)
  if (key === undefined) return 'cannot be read'
  const id = identify(strategy, jwk)
  const alg = typeof jwk.alg === 'string' ? jwk.alg : undefined
  const material = key.type === 'secret' ? key.export() : key.export({ type: 'spki', format: 'der' })
  return { id, alg, key, identity: `${id ?? ''} ${alg ?? ''} ${key.type} ${material.toString('base64')}` }
}

function importKey(jwk: JWK): KeyObject | undefined {
  try {
    if (jwk.kty === 'oct') return typeof jwk.k === 'string' ? createSecretKey(jwk.k, 'base64url') : undefined
    return createPublicKey({ key: jwk as never, format: 'jwk' })
  } catch {
    return undefined
  }
}

/**
 * The id under which a strategy knows a JWK or a token's header. A token without the thumbprint that is asked for
 * falls back to its `kid`, as in KrakenD; ids longer than any honest one count as none.
 */
export function identify(strategy: KeyIdStrategy, of: Readonly<Record<string, unknown>> | JWK): string | undefined {
  const member = (name: string): string | undefined => {
    const value = (of as Record<string, unknown>)[name]
    return typeof value === 'string' && value.length <= 256 ? value : undefined
  }
  const kid = member('kid')
  if (strategy === 'kid') return kid
  if (strategy === 'kid_x5t') {
    const x5t = member('x5t')
    return x5t === undefined ? kid : `${kid ?? ''}${x5t}`
  }
  return member(strategy) ?? kid
}
