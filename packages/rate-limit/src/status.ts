import type { LimitResult, RateLimitStatus, RequestState } from '@portcullis/core'
import type { FastifyReply } from 'fastify'
import { WINDOWS } from './config.ts'

const NAMES = WINDOWS.map(({ label }) => ({
  limit: `x-ratelimit-limit-${label}`,
  remaining: `x-ratelimit-remaining-${label}`,
}))

/** Whole seconds, for a header; a hair above a whole number is that number. */
export function wholeSeconds(ms: number): number {
  return Math.ceil(ms / 1000 - 1e-6)
}

/** What an upstream may say of limits of its own: the gateway's words take their place. */
const FOREIGN: readonly string[] = [
  ...NAMES.flatMap(({ limit, remaining }) => [limit, remaining]),
  'x-ratelimit-reset',
  'x-rate-limit-limit',
  'x-rate-limit-remaining',
  'x-rate-limit-reset',
  'ratelimit',
  'ratelimit-policy',
]

/** What all limits of a request say together, and the headers that tell the client. */
export class Status implements RateLimitStatus {
  limit: number = Number.POSITIVE_INFINITY
  remaining: number = Number.POSITIVE_INFINITY
  resetMs = 0
  /** Seconds to wait, when a limit has refused the request. */
  retryAfter = 0
  /** Has a limit refused the request? It is no failure of authentication then. */
  refused = false
  /** Limit and remaining of each window, in the order of {@link WINDOWS}; -1 = no such limit. */
  readonly #windows: number[] = [-1, -1, -1, -1, -1, -1, -1, -1]
  #fresh = false

  /** The status of a request; made on first use. */
  static of(state: RequestState): Status {
    if (state.rateLimit instanceof Status) return state.rateLimit
    const made = new Status()
    state.rateLimit = made
    return made
  }

  /** Adds what a limiter said; of two limits of a kind the one with less left is told. */
  merge(results: readonly LimitResult[], windows: readonly number[]): void {
    this.#fresh = true
    for (let i = 0; i < results.length; i++) {
      const { limit, remaining, resetMs } = results[i]!
      const at = windows[i]! * 2
      const told = this.#windows
      if (at >= 0 && (told[at] === -1 || remaining < told[at + 1]!)) {
        told[at] = limit
        told[at + 1] = remaining
      }
      if (remaining < this.remaining || (remaining === this.remaining && resetMs > this.resetMs)) {
        this.limit = limit
        this.remaining = remaining
        this.resetMs = resetMs
      }
    }
  }

  /** Writes the headers, once for all limits of the request. */
  write(reply: FastifyReply): void {
    if (!this.#fresh) return
    this.#fresh = false
    for (const name of FOREIGN) if (reply.hasHeader(name)) reply.removeHeader(name)
    for (let i = 0; i < NAMES.length; i++) {
      const limit = this.#windows[i * 2]!
      if (limit === -1) continue
      reply.header(NAMES[i]!.limit, limit)
      reply.header(NAMES[i]!.remaining, this.#windows[i * 2 + 1]!)
    }
    reply.header('x-ratelimit-limit', this.limit)
    reply.header('x-ratelimit-remaining', this.remaining)
    reply.header('ratelimit-limit', this.limit)
    reply.header('ratelimit-remaining', this.remaining)
    reply.header('ratelimit-reset', wholeSeconds(this.resetMs))
    if (this.retryAfter > 0) reply.header('retry-after', this.retryAfter)
  }
}
