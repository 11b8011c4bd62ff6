import type { Identity } from '@portcullis/core'
import { type ClaimHeader, claimHeaders, UnfitClaim } from './claim-headers.ts'
import { type ClaimPath, findClaim, isObject, isStated, wordsOf } from './claims.ts'
import type { VerifiedToken } from './verifier.ts'

/** What a route asks of a verified token. Durations are milliseconds. */
export interface RuleOptions {
  issuer: string | undefined
  audience: readonly string[] | undefined
  audienceMatcher: 'all' | 'any'
  /** Names of claims that must be there. */
  required: readonly string[]
  leeway: number
  /** Longest time that a token may have left to live; 0 = any. */
  maximumExpiration: number
  roles: { path: ClaimPath; wanted: readonly string[] | undefined }
  scopes: { path: ClaimPath; wanted: readonly string[]; matcher: 'all' | 'any' } | undefined
  propagate: readonly ClaimHeader[]
  preserveArrays: boolean
  /** Headers that every accepted request gets. */
  constantHeaders: readonly [name: string, value: string][]
}

/** Why a route does not take a verified token. */
export type RuleFault =
  | 'issuer'
  | 'audience'
  | 'claim-missing'
  | 'claim-value'
  | 'role'
  | 'scope'
  | 'expired'
  | 'not-yet-valid'
  | 'lifetime'

/** What a route makes of a token, but for the time: that is looked at with every request. */
export interface RouteVerdict {
  fault: RuleFault | undefined
  /** Milliseconds since 1970. */
  validFrom: number
  /** Before it, the token would live longer than the route allows. */
  lifetimeFrom: number
  validUntil: number
  identity: Identity
  headers: readonly [name: string, value: string | string[]][]
}

/** A route's rules; for each token they are applied once. */
export class TokenRules {
  readonly #options: RuleOptions

  constructor(options: RuleOptions) {
    this.#options = options
  }

  /** What the route makes of a token; kept with the token. */
  judge(token: VerifiedToken): RouteVerdict {
    let verdict = token.verdicts.get(this)
    if (verdict === undefined) {
      verdict = this.#apply(token)
      token.verdicts.set(this, verdict)
    }
    return verdict
  }

  #apply(token: VerifiedToken): RouteVerdict {
    const { leeway, maximumExpiration, propagate, preserveArrays, constantHeaders } = this.#options
    const claims = token.claims.value as { exp?: number; nbf?: number; iat?: number }
    const expires = claims.exp === undefined ? Number.POSITIVE_INFINITY : claims.exp * 1000
    const starts = Math.max(claims.nbf ?? Number.NEGATIVE_INFINITY, claims.iat ?? Number.NEGATIVE_INFINITY) * 1000
    let fault = this.#fault(token)
    let headers: RouteVerdict['headers'] = []
    try {
      if (fault === undefined) {
        headers = [...claimHeaders(token.claims, propagate, preserveArrays), ...constantHeaders]
      }
    } catch (error) {
      if (!(error instanceof UnfitClaim)) throw error
      fault = 'claim-value'
    }
    return {
      fault,
      validFrom: starts - leeway,
      lifetimeFrom: maximumExpiration === 0 ? Number.NEGATIVE_INFINITY : expires - maximumExpiration - leeway,
      validUntil: expires + leeway,
      identity: this.#identity(token),
      headers,
    }
  }

  /** What is wrong whatever the time; roles and scopes last, since only they are the holder's to know. */
  #fault({ claims: { value: claims }, trust }: VerifiedToken): RuleFault | undefined {
    const { issuer, audience, audienceMatcher, required, roles, scopes, propagate } = this.#options
    if (!required.every((name) => Object.hasOwn(claims, name) && isStated(claims[name]))) return 'claim-missing'
    if ([issuer, trust.issuer].some((wanted) => wanted !== undefined && claims.iss !== wanted)) return 'issuer'
    const audiences = [claims.aud ?? []].flat() as string[]
    for (const wanted of [audience, trust.audience]) {
      if (wanted !== undefined && !matches(wanted, audiences, audienceMatcher)) return 'audience'
    }
    const role = findClaim(claims, roles.path)
    // An upstream that expects roles must not get an object to make sense of.
    if (isObject(role) && propagate.some(({ path }) => findClaim(claims, path) === role)) return 'claim-value'
    if (roles.wanted !== undefined && !matches(roles.wanted, wordsOf(role), 'any')) return 'role'
    if (scopes === undefined) return undefined
    return matches(scopes.wanted, wordsOf(findClaim(claims, scopes.path)), scopes.matcher) ? undefined : 'scope'
  }

  #identity({ claims: { value: claims } }: VerifiedToken): Identity {
    const roles = wordsOf(findClaim(claims, this.#options.roles.path))
    return Object.freeze({
      kind: 'jwt',
      claims,
      ...(typeof claims.sub === 'string' ? { subject: claims.sub } : undefined),
      ...(roles.length === 0 ? undefined : { roles }),
    })
  }
}

function matches(wanted: readonly string[], stated: readonly string[], matcher: 'all' | 'any'): boolean {
  const has = (word: string): boolean => stated.includes(word)
  return matcher === 'all' ? wanted.every(has) : wanted.some(has)
}

/** What the time says of a token; undefined when it is valid now. */
export function timeFault(verdict: RouteVerdict, now: number): RuleFault | undefined {
  if (now >= verdict.validUntil) return 'expired'
  if (now < verdict.validFrom) return 'not-yet-valid'
  return now < verdict.lifetimeFrom ? 'lifetime' : undefined
}
