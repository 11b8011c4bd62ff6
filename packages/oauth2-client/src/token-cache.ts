import type { FetchedToken } from './token-endpoint.ts'
import { TokenError } from './token-endpoint.ts'

/** A token in use. */
export interface Token {
  /** `Bearer …`, as the header has it. */
  readonly header: string
}

/** How a {@link TokenCache} works. */
export interface TokenCacheOptions {
  fetch: () => Promise<FetchedToken>
  /** Milliseconds before the expiry at which a token is renewed. */
  marginMs: number
  /** Told of each failed fetch; at most one in each backoff. */
  onFailure?: (reason: string) => void
  /** The clock; tests move it. Default the monotonic clock. */
  now?: () => number
}

interface Held extends Token {
  fetchedAt: number
  renewAt: number
  /** A little before it expires, for the way to the upstream. */
  deadAt: number
  /** Has the upstream taken it, or is it the first one? Only then may a 401 cost another token request. */
  droppable: boolean
}

const TRAVEL_MS = 2000
const FIRST_BACKOFF_MS = 1000
const LAST_BACKOFF_MS = 5000
const LONGEST_BACKOFF_MS = 30_000
/** A token that replaced a refused one may be refused again after this time. */
const REPLACED_MS = 10_000

/**
 * Holds one token. However many requests ask for it, one fetch is under way at a time; a token near its expiry is used
 * on while the next one is fetched; a failed fetch is not repeated for a moment, so that a token endpoint that is down
 * is neither hammered nor waited for by every request.
 */
export class TokenCache {
  readonly #options: TokenCacheOptions
  readonly #now: () => number
  #held: Held | undefined
  #pending: Promise<Token> | undefined
  #failedUntil = 0
  #failure: TokenError | undefined
  #backoff = FIRST_BACKOFF_MS
  #replacing = false

  constructor(options: TokenCacheOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /**
   * The token, at once when there is one.
   *
   * @throws {TokenError} (or rejects with it) when there is none to be had.
   */
  get(): Token | Promise<Token> {
    const now = this.#now()
    const held = this.#held
    if (held !== undefined && now < held.deadAt) {
      if (now >= held.renewAt && this.#pending === undefined && now >= this.#failedUntil) this.#renew()
      return held
    }
    if (this.#pending !== undefined) return this.#pending
    if (now < this.#failedUntil) throw this.#failure!
    return this.#fetch()
  }

  /** The upstream has taken this token. */
  accepted(token: Token): void {
    if (token === this.#held) this.#held.droppable = true
  }

  /**
   * The upstream has answered 401 to this token.
   *
   * @returns whether another try may have another token. Not when the token was fetched because of a 401 and has not
   * worked since: an upstream that refuses every token must not double the load of the token endpoint.
   */
  refused(token: Token): boolean {
    const held = this.#held
    if (token !== held) return true
    if (!held.droppable && this.#now() - held.fetchedAt < REPLACED_MS) return false
    this.#held = undefined
    this.#replacing = true
    return true
  }

  #renew(): void {
    this.#fetch().catch(() => undefined)
  }

  #fetch(): Promise<Token> {
    const pending = this.#options.fetch().then(
      (fetched) => this.#hold(fetched),
      (error: unknown) => this.#fail(error),
    )
    this.#pending = pending
    const done = (): void => {
      this.#pending = undefined
    }
    pending.then(done, done)
    return pending
  }

  #hold({ value, lifetimeMs }: FetchedToken): Token {
    const now = this.#now()
    const margin = Math.min(this.#options.marginMs, lifetimeMs / 2)
    const travel = Math.min(TRAVEL_MS, lifetimeMs / 10, margin)
    this.#held = {
      header: `Bearer ${value}`,
      fetchedAt: now,
      renewAt: now + lifetimeMs - margin,
      deadAt: now + lifetimeMs - travel,
      droppable: !this.#replacing,
    }
    this.#replacing = false
    this.#backoff = FIRST_BACKOFF_MS
    this.#failedUntil = 0
    return this.#held
  }

  #fail(error: unknown): never {
    const failure = error instanceof TokenError ? error : new TokenError('the token request failed')
    const wait = Math.max(this.#backoff, Math.min(failure.retryAfterMs ?? 0, LONGEST_BACKOFF_MS))
    this.#failedUntil = this.#now() + wait
    this.#failure = failure
    this.#backoff = Math.min(this.#backoff * 2, LAST_BACKOFF_MS)
    this.#options.onFailure?.(failure.message)
    throw failure
  }
}
