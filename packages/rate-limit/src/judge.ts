import { type LimitResult, Refusal, type RequestState } from '@portcullis/core'
import type { RateLimitConfig } from './config.ts'
import { Status, wholeSeconds } from './status.ts'

/** The shared store cannot say whether the request may pass, and the configuration does not say to guess. */
export const STORE_UNAVAILABLE: Refusal = new Refusal(
  503,
  'STORE_UNAVAILABLE',
  'The gateway cannot check the rate limit of this request',
)

const KEPT_REFUSALS = 1000

/** Turns what a limiter said into a decision and into what the client is told. */
export class Judge {
  readonly #status: number
  readonly #message: string
  readonly #hidden: boolean
  readonly #monitor: boolean
  readonly #detail: Readonly<Record<string, unknown>>
  /** One refusal for each number of seconds. */
  readonly #refusals = new Map<number, Refusal>()

  /** @param place where the block stands, for the decision record. */
  constructor(config: RateLimitConfig, place: string) {
    this.#detail = { place }
    this.#status = config.error_code ?? 429
    this.#message = config.error_message ?? 'API rate limit exceeded'
    this.#hidden = config.hide_client_headers === true
    this.#monitor = config.mode === 'monitor'
  }

  /** @param windows the place of each result's window among the fields, -1 for a bucket. */
  decide(state: RequestState, results: readonly LimitResult[], windows: readonly number[]): Refusal | undefined {
    const status = this.tell(state, results, windows)
    let wait = -1
    for (let i = 0; i < results.length; i++) {
      const result = results[i]!
      if (!result.allowed && result.resetMs > wait) wait = result.resetMs
    }
    if (wait === -1) return undefined
    const seconds = Math.max(1, wholeSeconds(wait))
    if (!this.#monitor) {
      status.refused = true
      if (!this.#hidden) status.retryAfter = Math.max(seconds, status.retryAfter)
    }
    return this.#refusal(seconds)
  }

  /** Notes what the client is told, without deciding. */
  tell(state: RequestState, results: readonly LimitResult[], windows: readonly number[]): Status {
    const status = Status.of(state)
    if (!this.#hidden) status.merge(results, windows)
    return status
  }

  #refusal(seconds: number): Refusal {
    let refusal = this.#refusals.get(seconds)
    if (refusal === undefined) {
      const headers = this.#hidden ? undefined : { headers: { 'retry-after': String(seconds) } }
      refusal = new Refusal(this.#status, 'RATE_LIMITED', this.#message, { ...headers, detail: this.#detail })
      if (this.#refusals.size < KEPT_REFUSALS) this.#refusals.set(seconds, refusal)
    }
    return refusal
  }
}
