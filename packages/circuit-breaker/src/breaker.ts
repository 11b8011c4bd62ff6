/** The states of a breaker: `closed` lets requests through, `open` none, `half-open` one to see. */
export type BreakerState = 'closed' | 'open' | 'half-open'

/** How a {@link Breaker} counts. Times in milliseconds. */
export interface BreakerOptions {
  /** It opens when more failures than this follow on each other. */
  maxErrors: number
  /** The count starts anew this long after it began; 0 = never. */
  intervalMs: number
  /** How long it stays open before it tries again. */
  openMs: number
  onChange?: (from: BreakerState, to: BreakerState) => void
  /** The clock; tests move it. Default the monotonic clock. */
  now?: () => number
}

/** What a request that was let through got: hand it back with its outcome. */
export interface Ticket {
  readonly generation: number
}

/**
 * A circuit breaker as KrakenD (gobreaker) has it: consecutive failures open it, after a while one request probes the
 * upstream, and its outcome closes or opens it again. Outcomes of requests let through before the last change of state
 * say nothing of now and are ignored.
 */
export class Breaker {
  readonly #options: BreakerOptions
  readonly #now: () => number
  #state: BreakerState = 'closed'
  #generation = 0
  #failures = 0
  /** When the present count, or the present open state, ends. */
  #until: number
  #probe: Ticket | undefined
  #probeLostAt = 0

  constructor(options: BreakerOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#until = this.#countEnds()
  }

  /** The state now: an open breaker whose time is over counts as half-open. */
  get state(): BreakerState {
    return this.#state === 'open' && this.#now() >= this.#until ? 'half-open' : this.#state
  }

  /** Lets a request through, or says in how many milliseconds to come again. */
  admit(): Ticket | number {
    const now = this.#now()
    if (this.#state === 'closed') {
      if (now >= this.#until) this.#startCount()
      return { generation: this.#generation }
    }
    if (this.#state === 'open') {
      if (now < this.#until) return this.#until - now
      this.#become('half-open')
    }
    // A probe that never comes back must not keep the breaker shut for ever.
    if (this.#probe !== undefined && now < this.#probeLostAt) return this.#probeLostAt - now
    this.#probe = { generation: this.#generation }
    this.#probeLostAt = now + this.#options.openMs
    return this.#probe
  }

  /** The request succeeded: the upstream works. */
  succeed(ticket: Ticket): void {
    if (ticket.generation !== this.#generation) return
    this.#failures = 0
    if (this.#state === 'half-open') this.#become('closed')
  }

  /** The request failed, and the upstream is to blame. */
  fail(ticket: Ticket): void {
    if (ticket.generation !== this.#generation) return
    if (this.#state === 'half-open') {
      this.#become('open')
      return
    }
    if (this.#now() >= this.#until) this.#startCount()
    if (++this.#failures > this.#options.maxErrors) this.#become('open')
  }

  /** The request ended without saying anything of the upstream: the next one may probe. May be told twice. */
  forget(ticket: Ticket): void {
    if (ticket === this.#probe) this.#probe = undefined
  }

  #become(state: BreakerState): void {
    const from = this.#state
    this.#state = state
    this.#generation++
    this.#failures = 0
    this.#probe = undefined
    this.#until = state === 'open' ? this.#now() + this.#options.openMs : this.#countEnds()
    this.#options.onChange?.(from, state)
  }

  #startCount(): void {
    this.#failures = 0
    this.#until = this.#countEnds()
  }

  #countEnds(): number {
    const { intervalMs } = this.#options
    return intervalMs === 0 ? Number.POSITIVE_INFINITY : this.#now() + intervalMs
  }
}
