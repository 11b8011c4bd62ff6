import type { MaybePromise } from '../component.ts'

/** A fixed window: at most `limit` requests in each period of `windowMs`, counted from the first one. */
export interface Window {
  kind: 'window'
  key: string
  limit: number
  windowMs: number
}

/** A token bucket: holds `capacity`, one token comes back every `refillMs`. */
export interface Bucket {
  kind: 'bucket'
  key: string
  capacity: number
  refillMs: number
}

/** One limit to count a request against. */
export type Limit = Window | Bucket

/**
 * A limit without a key, for a {@link Limiter}. A `shared` rule has one count for everybody, the others one for each
 * id.
 */
export type LimitRule = (Omit<Window, 'key'> | Omit<Bucket, 'key'>) & { shared?: boolean }

/** What a limit said of one request. */
export interface LimitResult {
  allowed: boolean
  limit: number
  /** What is left after this request. */
  remaining: number
  /** Milliseconds until the window ends, or until the bucket has its next token (0 when one is there). */
  resetMs: number
}

/**
 * Counts ids (addresses, consumers) against fixed rules. Made once at start, so that a request costs one lookup in
 * memory, or one script in Redis, however many rules there are.
 *
 * The results stand in the order of the rules. They may be the same objects for every call: read them at once.
 */
export interface Limiter {
  /** Counts one request: windows count every request, buckets give a token only when every rule allows it. */
  take(id: string): MaybePromise<readonly LimitResult[]>
  /** What `take` would say of the next request, without counting it. `remaining` is what is left before it. */
  peek(id: string): MaybePromise<readonly LimitResult[]>
}

/** The shared store cannot be reached, or does not answer in time. Never holds the store's address. */
export class StoreUnavailableError extends Error {
  readonly code = 'PORTCULLIS_STORE_UNAVAILABLE'

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreUnavailableError'
  }
}

/**
 * Where counters, bans, caches, revocations and WAF collections live. Two implementations: memory (bounded, answers
 * synchronously) and Redis (many gateways, one store). Every method may throw or reject {@link StoreUnavailableError}.
 */
export interface Store {
  readonly kind: 'memory' | 'redis'
  /** A stored value, or undefined when there is none or it has expired. */
  get(key: string): MaybePromise<string | undefined>
  /** Stores a value for `ttlMs` milliseconds. */
  set(key: string, value: string, ttlMs: number): MaybePromise<void>
  delete(key: string): MaybePromise<void>
  /**
   * Adds to a counter and returns its new value. A new counter lives `ttlMs` milliseconds from its first addition. It
   * is a window's count too, so that `peek` can read it.
   */
  increment(key: string, by: number, ttlMs: number): MaybePromise<number>
  /**
   * Counts one request against several limits in one step. Windows count every request, buckets give a token only
   * when every limit allows the request. The results stand in the order of the limits. In a Redis Cluster the keys of
   * one call must share a hash tag (`{…}`).
   */
  take(limits: readonly Limit[]): MaybePromise<LimitResult[]>
  /** What `take` would say of the next request, without counting it. */
  peek(limits: readonly Limit[]): MaybePromise<LimitResult[]>
  /** A limiter whose counts are those of every other limiter of this name, in every gateway that shares the store. */
  limiter(name: string, rules: readonly LimitRule[]): Limiter
  /** Waits for the first connection, for a bounded time; rejects only when the store can never work. */
  ready?(): Promise<void>
  /** Milliseconds that an operation takes, lately; undefined where it takes none. */
  readonly latency?: number
  /** Does it answer? */
  healthy(): MaybePromise<boolean>
  close(): MaybePromise<void>
}
