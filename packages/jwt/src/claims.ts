import { ownValue } from '@portcullis/core'

/** The ways to a claim, in order; each a list of member names. */
export type ClaimPath = readonly (readonly string[])[]

/**
 * The ways to read a claim's name, in order: the whole name as it stands and, where nesting is meant, its parts
 * between dots. Names that start with `http` are URLs (namespaced claims): their dots mean nothing.
 */
export function claimPath(name: string, nested: boolean): ClaimPath {
  const whole = [[name]]
  return nested && name.includes('.') && !name.startsWith('http') ? [...whole, name.split('.')] : whole
}

/** The value of a claim, undefined when it is not there. Own members only: nothing is ever read from a prototype. */
export function findClaim(claims: Readonly<Record<string, unknown>>, path: ClaimPath): unknown {
  for (const steps of path) {
    const value = ownValue(claims, steps)
    if (value !== undefined) return value
  }
  return undefined
}

/** A claim that lists words (roles, scopes, audiences): an array's texts, or a text's words between spaces. */
export function wordsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return value.split(' ').filter((word) => word !== '')
  return Array.isArray(value) ? value.filter((word) => typeof word === 'string') : []
}

/** Is the claim there at all? Null and the empty text say nothing. */
export function isStated(value: unknown): boolean {
  return value !== undefined && value !== null && value !== ''
}

/** A JSON object, not an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Registered claims that must be texts when they are there (RFC 7519, section 4.1). */
const TEXTS = ['iss', 'sub', 'jti'] as const
/** Registered claims that must be numbers of seconds. */
const TIMES = ['exp', 'nbf', 'iat'] as const
/** The last second that a date can have; beyond it lies no honest token. */
const LAST_SECOND = 8.64e12

/** Do the registered claims have the types of RFC 7519? An empty `sub` names nobody. */
export function hasRegisteredTypes(claims: Readonly<Record<string, unknown>>): boolean {
  for (const name of TEXTS) {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined
    if (value !== undefined && typeof value !== 'string') return false
  }
  if (claims.sub === '') return false
  for (const name of TIMES) {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined
    if (value !== undefined && !(typeof value === 'number' && Math.abs(value) <= LAST_SECOND)) return false
  }
  const { aud } = claims
  if (aud === undefined || typeof aud === 'string') return true
  return Array.isArray(aud) && aud.every((entry) => typeof entry === 'string')
}

/** Freezes a parsed JSON value, members first: claims are shared between requests. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) deepFreeze(member)
    Object.freeze(value)
  }
  return value
}
