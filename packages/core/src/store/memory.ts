import type { Bucket, Limit, LimitResult, Store, Window } from './store.ts'

interface Entry {
  /** Milliseconds of the monotonic clock; wall clock jumps must neither free nor lock anyone. */
  expires: number
  value: string
  count: number
}

/** How a {@link MemoryStore} is bounded. */
export interface MemoryStoreOptions {
  /** Most entries held. Beyond it expired entries go first, then those untouched for longest. Default 100,000. */
  maxEntries?: number
  /** The clock, in milliseconds; tests move it. Default the monotonic clock. */
  now?: () => number
}

/**
 * The store of one process. It answers synchronously and never holds more than `maxEntries`: a flood of keys evicts
 * what was not touched for longest, never what is being counted now.
 */
export class MemoryStore implements Store {
  readonly kind = 'memory'
  readonly #entries = new Map<string, Entry>()
  readonly #maxEntries: number
  readonly #now: () => number

  constructor(options: MemoryStoreOptions = {}) {
    this.#maxEntries = options.maxEntries ?? 100_000
    this.#now = options.now ?? (() => performance.now())
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): string | undefined {
    return this.#live(key, this.#now())?.value
  }

  set(key: string, value: string, ttlMs: number): void {
    this.#put(key, { expires: this.#now() + ttlMs, value, count: 0 })
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  increment(key: string, by: number, ttlMs: number): number {
    const now = this.#now()
    const entry = this.#live(key, now)
    if (entry === undefined) {
      this.#put(key, { expires: now + ttlMs, value: '', count: by })
      return by
    }
    entry.count += by
    this.#touch(key, entry)
    return entry.count
  }

  take(limits: readonly Limit[]): LimitResult[] {
    const now = this.#now()
    const results = limits.map((limit) =>
      limit.kind === 'window' ? this.#countWindow(limit, now) : this.#peekBucket(limit, now),
    )
    const allowed = results.every((result) => result.allowed)
    if (allowed) {
      for (let i = 0; i < limits.length; i++) {
        const limit = limits[i]!
        if (limit.kind === 'bucket') results[i] = this.#takeToken(limit, now)
      }
    }
    return results
  }

  peek(limits: readonly Limit[]): LimitResult[] {
    const now = this.#now()
    return limits.map((limit) => {
      if (limit.kind === 'bucket') return this.#peekBucket(limit, now)
      const entry = this.#live(limit.key, now)
      const count = entry?.count ?? 0
      return {
        allowed: count < limit.limit,
        limit: limit.limit,
        remaining: Math.max(0, limit.limit - count),
        resetMs: entry === undefined ? limit.windowMs : entry.expires - now,
      }
    })
  }

  healthy(): boolean {
    return true
  }

  close(): void {
    this.#entries.clear()
  }

  #countWindow(limit: Window, now: number): LimitResult {
    let entry = this.#live(limit.key, now)
    if (entry === undefined) {
      entry = { expires: now + limit.windowMs, value: '', count: 1 }
      this.#put(limit.key, entry)
    } else {
      entry.count++
      this.#touch(limit.key, entry)
    }
    return {
      allowed: entry.count <= limit.limit,
      limit: limit.limit,
      remaining: Math.max(0, limit.limit - entry.count),
      resetMs: entry.expires - now,
    }
  }

  /** A bucket is kept as the time at which it will be full again (the generic cell rate algorithm). */
  #peekBucket(limit: Bucket, now: number): LimitResult {
    const full = this.#live(limit.key, now)?.expires ?? now
    return bucketResult(limit, Math.max(full, now), now)
  }

  #takeToken(limit: Bucket, now: number): LimitResult {
    const entry = this.#live(limit.key, now)
    const full = Math.max(entry?.expires ?? now, now) + limit.refillMs
    if (entry === undefined) this.#put(limit.key, { expires: full, value: '', count: 0 })
    else {
      entry.expires = full
      this.#touch(limit.key, entry)
    }
    return { ...bucketResult(limit, full, now), allowed: true }
  }

  #live(key: string, now: number): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.expires > now) return entry
    this.#entries.delete(key)
    return undefined
  }

  #put(key: string, entry: Entry): void {
    this.#entries.delete(key)
    if (this.#entries.size >= this.#maxEntries) this.#evict()
    this.#entries.set(key, entry)
  }

  /** A Map keeps insertion order, so putting an entry again makes it the youngest. */
  #touch(key: string, entry: Entry): void {
    if (this.#entries.size < this.#maxEntries / 2) return
    this.#entries.delete(key)
    this.#entries.set(key, entry)
  }

  #evict(): void {
    const now = this.#now()
    let looked = 0
    for (const [key, entry] of this.#entries) {
      if (entry.expires <= now) this.#entries.delete(key)
      if (++looked === 64) break
    }
    if (this.#entries.size < this.#maxEntries) return
    const oldest = this.#entries.keys().next()
    if (oldest.done !== true) this.#entries.delete(oldest.value)
  }
}

/** @param full when the bucket will be full again; `now` when it is. */
function bucketResult(limit: Bucket, full: number, now: number): LimitResult {
  const used = (full - now) / limit.refillMs
  const remaining = Math.max(0, Math.floor(limit.capacity - used + 1e-9))
  return {
    allowed: remaining >= 1,
    limit: limit.capacity,
    remaining,
    resetMs: remaining >= 1 ? 0 : full - now - (limit.capacity - 1) * limit.refillMs,
  }
}
