import type { Algorithm } from './algorithms.ts'
import { deepFreeze, hasRegisteredTypes, isStated } from './claims.ts'
import { identify, type KeyIdStrategy } from './jwk-set.ts'
import type { KeySource } from './key-source.ts'
import type { StrictObject } from './strict-json.ts'
import { type FormFault, parseToken } from './token.ts'
import type { RouteVerdict, TokenRules } from './token-rules.ts'
import { TwoGenerationMap } from './two-generation-map.ts'
import type { VerificationKey } from './verification-key.ts'

/** One issuer: the keys and the one algorithm that its tokens are verified with. */
export interface Trust {
  alg: Algorithm
  keys: KeySource
  strategy: KeyIdStrategy
  /** What `iss` must be; undefined = the route's own rule alone. */
  issuer: string | undefined
  /** What `aud` must hold; undefined = the route's own rule alone. */
  audience: readonly string[] | undefined
}

/** A token whose signature is right, whoever asks. What a route makes of its claims is kept beside it. */
export interface VerifiedToken {
  claims: StrictObject
  header: Readonly<Record<string, unknown>>
  key: VerificationKey
  trust: Trust
  verdicts: Map<TokenRules, RouteVerdict>
}

/** Why a token could not be verified. */
export type VerifyFault =
  | FormFault
  | 'algorithm'
  | 'key-claim'
  | 'issuer'
  | 'unknown-key'
  | 'keys-unavailable'
  | 'signature'
  | 'claim-type'

/** How a {@link Verifier} finds the issuer of a token. */
export interface VerifierOptions {
  /** By the value of `keyClaim`. */
  trusts: ReadonlyMap<string, Trust>
  /** Takes every token, whatever its `keyClaim`. */
  only: Trust | undefined
  /** The claim, or header parameter, that names the issuer; with `only`, undefined = not looked at. */
  keyClaim: string | undefined
  /** Longest token, in characters. */
  maxLength: number
}

/** At most 10,000 tokens and 16 million characters of them. */
const VERIFIED = { entries: 10_000, characters: 16_000_000 }
/** Tokens with a wrong signature are remembered too, so that repeating one is cheap. */
const REFUSED = { entries: 2_000, characters: 2_000_000 }

/** A fetch that was under way already may have begun before the key was published: then one more is worth it. */
const LOOKS = 2

/** Verifies tokens, each once: a verified one is not verified again while its key is in force. */
export class Verifier {
  readonly #options: VerifierOptions
  readonly #verified = new TwoGenerationMap<VerifiedToken>(VERIFIED)
  /** The generation of the keys under which a token's signature was wrong. */
  readonly #refused = new TwoGenerationMap<number>(REFUSED)
  #ready: Promise<void> | undefined

  constructor(options: VerifierOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#verified.size
  }

  /** Every source of keys, each once. */
  get sources(): readonly KeySource[] {
    const { only, trusts } = this.#options
    return [...new Set([...(only === undefined ? [] : [only]), ...trusts.values()].map(({ keys }) => keys))]
  }

  get usable(): boolean {
    return this.sources.every((keys) => keys.usable)
  }

  ready(): Promise<void> {
    this.#ready ??= Promise.all(this.sources.map((keys) => keys.ready())).then(() => undefined)
    return this.#ready
  }

  async reload(): Promise<void> {
    await Promise.all(this.sources.map((keys) => keys.reload()))
  }

  close(): void {
    for (const keys of this.sources) keys.close()
  }

  /**
   * Verifies a token's signature. Answers at once for tokens in the cache and wherever the keys are at hand.
   *
   * @param now `Date.now()`
   */
  verify(token: string, now: number): VerifiedToken | VerifyFault | Promise<VerifiedToken | VerifyFault> {
    const known = this.#verified.get(token)
    if (known === undefined) return this.#verifyNew(token, now)
    const { keys } = known.trust
    if (now >= keys.refreshAt) {
      const refreshing = keys.refresh(now)
      if (refreshing !== undefined) return refreshing.then(() => this.#recheck(token, known, now))
    }
    return this.#recheck(token, known, now)
  }

  #recheck(token: string, known: VerifiedToken, now: number): ReturnType<Verifier['verify']> {
    if (!known.key.revoked) return known
    this.#verified.delete(token)
    return this.#verifyNew(token, now)
  }

  #verifyNew(token: string, now: number): ReturnType<Verifier['verify']> {
    const parsed = parseToken(token, this.#options.maxLength)
    if (typeof parsed === 'string') return parsed
    const { header, payload } = parsed
    const trust = this.#trustOf(header, payload.value)
    if (typeof trust === 'string') return trust
    if (header.alg !== trust.alg) return 'algorithm'
    if (!hasRegisteredTypes(payload.value)) return 'claim-type'
    const candidate = { token, header, claims: payload, trust, now }
    const refreshing = now >= trust.keys.refreshAt ? trust.keys.refresh(now) : undefined
    if (refreshing === undefined) return this.#tryKeys(candidate, LOOKS)
    return refreshing.then(() => this.#tryKeys(candidate, LOOKS))
  }

  /** @param looks how often the source may still be asked for a key that it does not have. */
  #tryKeys(candidate: Candidate, looks: number): ReturnType<Verifier['verify']> {
    const { token, header, claims, trust, now } = candidate
    const { keys } = trust
    if (!keys.usable) return 'keys-unavailable'
    const id = identify(trust.strategy, header)
    const found = keys.find(id, trust.alg)
    if (found.length === 0) {
      const fetching = looks > 0 ? keys.refetch(id, now) : undefined
      return fetching === undefined ? 'unknown-key' : fetching.then(() => this.#tryKeys(candidate, looks - 1))
    }
    if (this.#refused.get(token) === keys.generation) return 'signature'
    const key = found.find((each) => each.verifies(token))
    if (key === undefined) {
      this.#refused.set(token, keys.generation)
      return 'signature'
    }
    const verified: VerifiedToken = { claims, header, key, trust, verdicts: new Map() }
    deepFreeze(claims.value)
    this.#verified.set(token, verified)
    return verified
  }

  /** Payload first, then header, as in Kong. The value only ever chooses among configured issuers. */
  #trustOf(header: Readonly<Record<string, unknown>>, claims: Record<string, unknown>): Trust | 'key-claim' | 'issuer' {
    const { only, trusts, keyClaim } = this.#options
    if (keyClaim === undefined) return only!
    const value = Object.hasOwn(claims, keyClaim)
      ? claims[keyClaim]
      : Object.hasOwn(header, keyClaim)
        ? header[keyClaim]
        : undefined
    if (!isStated(value) || typeof value !== 'string') return 'key-claim'
    return only ?? trusts.get(value) ?? 'issuer'
  }
}

interface Candidate {
  token: string
  header: Readonly<Record<string, unknown>>
  claims: StrictObject
  trust: Trust
  now: number
}
