import type { FastifyBaseLogger } from 'fastify'
import type { Algorithm } from './algorithms.ts'
import { type KeyIdStrategy, parseJwkSet } from './jwk-set.ts'
import { KeyRing } from './key-ring.ts'
import type { KeySource } from './key-source.ts'
import type { VerificationKey } from './verification-key.ts'

/** How {@link RemoteKeys} keeps its keys. Durations are milliseconds. */
export interface RemoteKeysOptions {
  /** For logs: the URL without its query. */
  name: string
  /** Fetches the document; bounded in time and size, rejects on any failure. */
  fetch: () => Promise<string>
  close: () => void
  strategy: KeyIdStrategy
  /** How long a set is good without being fetched again. */
  cacheDuration: number
  /** How long keys are used beyond that while the provider does not answer. */
  maxStale: number
  /** Least time between two fetches because of unknown key ids. */
  cooldown: number
  log: FastifyBaseLogger
  now?: () => number
}

/** Part of `cacheDuration` after which a request starts a fetch that none waits for. */
const EARLY = 0.8
const FIRST_RETRY = 1000
const LAST_RETRY = 30_000
const MAX_UNKNOWN = 1000

/**
 * A JWK set behind a URL. One fetch at a time, whoever asks; nobody waits while keys are there and the provider is
 * merely due or down; a set older than `cacheDuration + maxStale` is dropped. There are no timers: requests drive it.
 */
export class RemoteKeys implements KeySource {
  refreshAt = 0
  readonly #options: RemoteKeysOptions
  readonly #now: () => number
  readonly #ring = new KeyRing()
  #loadedAt: number | undefined
  #failures = 0
  #fetching: Promise<void> | undefined
  #nextForced = 0
  #unknown = new Map<string, number>()
  #closed = false

  constructor(options: RemoteKeysOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  get generation(): number {
    return this.#ring.generation
  }

  get usable(): boolean {
    return this.#loadedAt !== undefined && this.#ring.size > 0
  }

  get fetched(): { name: string; age: number } | undefined {
    return this.#loadedAt === undefined ? undefined : { name: this.#options.name, age: this.#now() - this.#loadedAt }
  }

  find(id: string | undefined, alg: Algorithm): readonly VerificationKey[] {
    return this.#ring.find(id, alg)
  }

  refresh(now: number): Promise<void> | undefined {
    if (now >= this.#tooOldAt) {
      this.#options.log.error({ keys: this.#options.name }, 'the key set is too old to be used any longer')
      this.#loadedAt = undefined
      this.#ring.replace([])
    }
    if (now < this.refreshAt) return undefined
    const fetching = this.#fetch()
    return this.#mayServe(now) ? undefined : fetching
  }

  refetch(id: string | undefined, now: number): Promise<void> | undefined {
    if (id === undefined || !this.usable || this.#failures > 0) return undefined
    if (this.#fetching !== undefined) return this.#fetching
    const { cooldown } = this.#options
    const asked = this.#unknown.get(id)
    if (asked !== undefined && now < asked + cooldown) return undefined
    if (this.#unknown.size >= MAX_UNKNOWN) this.#unknown.clear()
    this.#unknown.set(id, now)
    if (now < this.#nextForced) return undefined
    this.#nextForced = now + cooldown
    return this.#fetch()
  }

  async ready(): Promise<void> {
    await this.refresh(this.#now())
  }

  async reload(): Promise<void> {
    await this.#fetch()
  }

  close(): void {
    this.#closed = true
    this.#options.close()
  }

  /** When the keys may be used no longer, whatever the provider does. */
  get #tooOldAt(): number {
    const { cacheDuration, maxStale } = this.#options
    return this.#loadedAt === undefined ? Number.POSITIVE_INFINITY : this.#loadedAt + cacheDuration + maxStale
  }

  /** Keys that are fresh, or stale with the provider known to be down, are served while a fetch runs. */
  #mayServe(now: number): boolean {
    if (this.#loadedAt === undefined) return false
    return this.#failures > 0 || now < this.#loadedAt + this.#options.cacheDuration
  }

  #fetch(): Promise<void> {
    this.#fetching ??= this.#load().finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  async #load(): Promise<void> {
    const { fetch, strategy, cacheDuration, log, name } = this.#options
    try {
      const { keys, skipped } = parseJwkSet(await fetch(), strategy)
      if (keys.length === 0) {
        // The provider answers and has no key any more: that is its word, not an outage.
        this.#ring.replace([])
        this.#loadedAt = undefined
        throw new RangeError('no key of the set can be used')
      }
      const now = this.#now()
      const before = this.generation
      this.#ring.replace(keys)
      this.#failures = 0
      this.#loadedAt = now
      this.refreshAt = now + cacheDuration * EARLY
      if (this.generation !== before) log.info({ keys: name, count: keys.length, skipped }, 'key set loaded')
    } catch (error) {
      this.#failures++
      const retry = Math.min(FIRST_RETRY * 2 ** (this.#failures - 1), LAST_RETRY)
      this.refreshAt = Math.min(this.#now() + retry, this.#tooOldAt)
      if (!this.#closed) log.warn({ keys: name, reason: (error as Error).message }, 'key set not loaded')
    }
  }
}
