import { ClockMap } from './clock-map.ts'
import { allowsNext, countRule, describeRule, forgottenAt, takeToken } from './counting.ts'
import type { Limit, Limiter, LimitResult, LimitRule, Store } from './store.ts'

/** One key: a value, or the state of the rules that count it. A plain counter is the state of a window. */
interface Entry {
  /** Milliseconds of the monotonic clock; wall clock jumps must neither free nor lock anyone. */
  expires: number
  value: string
  slots: number[]
  used: boolean
  pinned: boolean
}

/** How a {@link MemoryStore} is bounded. */
export interface MemoryStoreOptions {
  /**
   * Most entries held. Beyond it expired entries go first, then those untouched for longest; one that holds a ban
   * goes last. Default 100,000.
   */
  maxEntries?: number
  /** The clock, in milliseconds above 0; tests move it. Default the monotonic clock. */
  now?: () => number
}

const NONE: number[] = []

/**
 * The store of one process. It answers synchronously and never holds more than `maxEntries`: a flood of keys evicts
 * what was not touched for longest, never what is being counted now.
 */
export class MemoryStore implements Store {
  readonly kind = 'memory'
  readonly #entries: ClockMap<Entry>
  readonly #now: () => number
  /** The counts of shared rules by limiter: a handful, so they are never evicted. */
  readonly #shared = new Map<string, number[]>()

  constructor(options: MemoryStoreOptions = {}) {
    this.#entries = new ClockMap(options.maxEntries ?? 100_000)
    this.#now = options.now ?? (() => performance.now())
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): string | undefined {
    return this.#live(key, this.#now())?.value
  }

  set(key: string, value: string, ttlMs: number): void {
    const now = this.#now()
    this.#entries.set(key, { expires: now + ttlMs, value, slots: NONE, used: false, pinned: false }, now)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  increment(key: string, by: number, ttlMs: number): number {
    const now = this.#now()
    const entry = this.#counted(key, 2, now)
    const { slots } = entry
    if (slots[0]! <= now) {
      slots[0] = now + ttlMs
      slots[1] = by
    } else slots[1]! += by
    entry.expires = slots[0]!
    return slots[1]!
  }

  take(limits: readonly Limit[]): LimitResult[] {
    const now = this.#now()
    const entries = limits.map((limit) => this.#counted(limit.key, 2, now))
    const allowed = limits.map((limit, i) => countRule(limit, entries[i]!.slots, 0, now))
    const all = !allowed.includes(false)
    return limits.map((limit, i) => {
      const { slots } = entries[i]!
      if (all && limit.kind === 'bucket') takeToken(slots, 0)
      entries[i]!.expires = forgottenAt(limit, slots, 0)
      entries[i]!.pinned = !allowed[i]!
      return described(limit, slots, now, allowed[i]!)
    })
  }

  peek(limits: readonly Limit[]): LimitResult[] {
    const now = this.#now()
    return limits.map((limit) => {
      const slots = this.#entries.get(limit.key)?.slots ?? [0, 0]
      return described(limit, slots, now, allowsNext(limit, slots, 0, now))
    })
  }

  limiter(name: string, rules: readonly LimitRule[]): Limiter {
    let shared = this.#shared.get(name)
    if (shared === undefined) {
      shared = zeros(rules.length * 2)
      this.#shared.set(name, shared)
    }
    return new MemoryLimiter({
      rules,
      shared,
      now: this.#now,
      slotsOf: (id) => this.#entries.get(name + id)?.slots,
      entryOf: (id, now) => this.#counted(name + id, rules.length * 2, now),
    })
  }

  healthy(): boolean {
    return true
  }

  close(): void {
    this.#entries.clear()
  }

  #live(key: string, now: number): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.expires > now) return entry
    this.#entries.delete(key)
    return undefined
  }

  /** The entry that holds a key's counts. It needs no look at its expiry: what has run out counts as unused. */
  #counted(key: string, slots: number, now: number): Entry {
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      // Whoever counts says when it expires; until then the map must not tidy it away.
      const expires = Number.POSITIVE_INFINITY
      entry = { expires, value: '', slots: zeros(slots), used: false, pinned: false }
      this.#entries.set(key, entry, now)
    } else {
      entry.used = true
      if (entry.slots.length !== slots) entry.slots = zeros(slots)
    }
    return entry
  }
}

interface LimiterParts {
  rules: readonly LimitRule[]
  shared: number[]
  now: () => number
  slotsOf: (id: string) => readonly number[] | undefined
  entryOf: (id: string, now: number) => { slots: number[]; expires: number; pinned: boolean }
}

/** One lookup a request and nothing allocated: the results are the same objects every time. */
class MemoryLimiter implements Limiter {
  readonly #parts: LimiterParts
  readonly #results: LimitResult[]
  readonly #perId: boolean
  readonly #unused: readonly number[]

  constructor(parts: LimiterParts) {
    this.#parts = parts
    this.#results = parts.rules.map(() => ({ allowed: true, limit: 0, remaining: 0, resetMs: 0 }))
    this.#perId = parts.rules.some((rule) => rule.shared !== true)
    this.#unused = zeros(parts.rules.length * 2)
  }

  take(id: string): readonly LimitResult[] {
    const { rules, shared, entryOf } = this.#parts
    const now = this.#parts.now()
    const entry = this.#perId ? entryOf(id, now) : undefined
    const results = this.#results
    let all = true
    let banned = false
    for (let i = 0; i < rules.length; i++) {
      const rule = rules[i]!
      const allowed = countRule(rule, rule.shared === true ? shared : entry!.slots, i * 2, now)
      results[i]!.allowed = allowed
      all &&= allowed
      banned ||= !allowed && rule.shared !== true
    }
    let expires = now
    for (let i = 0; i < rules.length; i++) {
      const rule = rules[i]!
      const slots = rule.shared === true ? shared : entry!.slots
      if (all && rule.kind === 'bucket') takeToken(slots, i * 2)
      if (rule.shared !== true) expires = Math.max(expires, forgottenAt(rule, slots, i * 2))
      describeRule(rule, slots, i * 2, now, results[i]!, results[i]!.allowed)
    }
    if (entry !== undefined) {
      entry.expires = expires
      entry.pinned = banned
    }
    return results
  }

  peek(id: string): readonly LimitResult[] {
    const { rules, shared, slotsOf } = this.#parts
    const now = this.#parts.now()
    const own = slotsOf(id) ?? this.#unused
    for (let i = 0; i < rules.length; i++) {
      const rule = rules[i]!
      const slots = rule.shared === true ? shared : own
      describeRule(rule, slots, i * 2, now, this.#results[i]!, allowsNext(rule, slots, i * 2, now))
    }
    return this.#results
  }
}

function described(limit: Limit, slots: readonly number[], now: number, allowed: boolean): LimitResult {
  const result = { allowed, limit: 0, remaining: 0, resetMs: 0 }
  describeRule(limit, slots, 0, now, result, allowed)
  return result
}

function zeros(length: number): number[] {
  return new Array<number>(length).fill(0)
}
