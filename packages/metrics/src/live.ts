import type { Decision } from '@portcullis/core'
import { BOUNDS, bucketOf, quantile } from './histogram.ts'
import { TopList } from './top-list.ts'
import { type Outcome, wafRule } from './traffic.ts'

/** The outcomes, in the order of the dashboard's data. */
export const OUTCOMES = ['ok', 'refused', 'error', 'aborted'] as const
/** Seconds that the dashboard looks back. */
export const WINDOW = 300

/** Seconds that a percentile looks back. */
const SMOOTH = 5
const BUCKETS = BOUNDS.length + 1
const OUTCOME_INDEX: Readonly<Record<Outcome, number>> = { ok: 0, refused: 1, error: 2, aborted: 3 }

/** One second of traffic. */
export interface Second {
  /** Seconds since 1970. */
  time: number
  /** Requests by outcome, see {@link OUTCOMES}. */
  counts: readonly number[]
  /** Percentiles of the latency of the last five seconds in milliseconds: 50, 95, 99; null without requests. */
  latency: readonly (number | null)[]
}

/** A rule that matched. */
export interface RuleMatches {
  rule: string
  message: string
  tags: readonly string[]
  count: number
  /** Milliseconds since 1970. */
  last: number
}

/** Most rules that are kept with their text. */
const MAX_RULES = 500

/** The last minutes of traffic, second by second, in memory of a fixed size: what the dashboard shows. */
export class Live {
  readonly addresses: TopList = new TopList(256)
  readonly routes: TopList = new TopList(256)
  readonly #rules = new Map<string, RuleMatches>()
  readonly #counts = new Float64Array(WINDOW * OUTCOMES.length)
  readonly #latencies = new Float64Array(WINDOW * BUCKETS)
  readonly #now: () => number
  #second: number

  /** @param now milliseconds since 1970; tests move it. */
  constructor(now: () => number = Date.now) {
    this.#now = now
    this.#second = Math.floor(now() / 1000)
  }

  /** One request is over. @param address of a client that was refused. */
  record(
    outcome: Outcome,
    milliseconds: number,
    address: string | undefined,
    route: string,
    decisions: readonly Decision[],
  ): void {
    const slot = this.#advance() % WINDOW
    this.#counts[slot * OUTCOMES.length + OUTCOME_INDEX[outcome]]!++
    if (outcome !== 'aborted') this.#latencies[slot * BUCKETS + bucketOf(milliseconds)]!++
    if (outcome === 'refused') {
      this.routes.add(route)
      if (address !== undefined) this.addresses.add(address)
    }
    for (const decision of decisions) this.#match(decision)
  }

  /** The seconds that are over, oldest first. */
  seconds(): Second[] {
    const current = this.#advance()
    const seconds: Second[] = []
    for (let time = current - WINDOW + 1; time < current; time++) {
      const slot = ((time % WINDOW) + WINDOW) % WINDOW
      const buckets = this.#bucketsUpTo(time)
      seconds.push({
        time,
        counts: [...this.#counts.subarray(slot * OUTCOMES.length, (slot + 1) * OUTCOMES.length)],
        latency: [0.5, 0.95, 0.99].map((share) => quantile(buckets, share) ?? null),
      })
    }
    return seconds
  }

  /** Latencies of a few seconds together: those of one alone jump about. */
  #bucketsUpTo(time: number): Float64Array {
    const sum = new Float64Array(BUCKETS)
    for (let second = Math.max(time - SMOOTH + 1, this.#second - WINDOW + 1); second <= time; second++) {
      const slot = ((second % WINDOW) + WINDOW) % WINDOW
      for (let i = 0; i < BUCKETS; i++) sum[i]! += this.#latencies[slot * BUCKETS + i]!
    }
    return sum
  }

  /** The rules that matched most often. */
  rules(most: number): RuleMatches[] {
    return [...this.#rules.values()].sort((a, b) => b.count - a.count).slice(0, most)
  }

  /** Empties the seconds that have passed since the last call; returns the present one. */
  #advance(): number {
    const second = Math.floor(this.#now() / 1000)
    // A clock that was set back must not empty what was counted.
    for (let passed = Math.max(this.#second + 1, second - WINDOW + 1); passed <= second; passed++) {
      const slot = passed % WINDOW
      this.#counts.fill(0, slot * OUTCOMES.length, (slot + 1) * OUTCOMES.length)
      this.#latencies.fill(0, slot * BUCKETS, (slot + 1) * BUCKETS)
    }
    this.#second = Math.max(this.#second, second)
    return this.#second
  }

  #match(decision: Decision): void {
    const rule = wafRule(decision)
    if (rule === undefined) return
    let known = this.#rules.get(rule)
    if (known === undefined) {
      if (this.#rules.size >= MAX_RULES) return
      const tags = decision.detail?.['tags']
      known = {
        rule,
        message: decision.message ?? '',
        tags: Array.isArray(tags) ? tags.map(String) : [],
        count: 0,
        last: 0,
      }
      this.#rules.set(rule, known)
    }
    known.count++
    known.last = this.#now()
  }
}
