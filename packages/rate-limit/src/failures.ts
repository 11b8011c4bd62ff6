import type { LimitResult, MaybePromise, Refusal, RequestState } from '@portcullis/core'
import type { Counter } from './counter.ts'
import type { Judge } from './judge.ts'

/** How long a request waits for the outcome of others before it is refused. */
const PATIENCE_MS = 1000

/** Requests of one client that have not been answered yet, and those that wait for their outcome. */
interface Lane {
  open: number
  waiting: (() => void)[]
}

/**
 * Counts failures, not requests. Exact under concurrency: while a client may fail n more times, no more than n of its
 * requests are unanswered at once; further ones wait a moment for the outcome. So fifty parallel guesses get no more
 * answers than five in a row, and fifty parallel requests that succeed are all served.
 */
export class FailureGate {
  readonly #counter: Counter
  readonly #judge: Judge
  readonly #windows: readonly number[]
  readonly #lanes = new Map<string, Lane>()
  readonly #tickets = new WeakMap<RequestState, string>()
  readonly #patience: number

  constructor(counter: Counter, judge: Judge, windows: readonly number[], patienceMs: number = PATIENCE_MS) {
    this.#counter = counter
    this.#judge = judge
    this.#windows = windows
    this.#patience = patienceMs
  }

  /** Clients with an unanswered request. */
  get size(): number {
    return this.#lanes.size
  }

  /** May this request be tried? */
  enter(state: RequestState, id: string): MaybePromise<Refusal | undefined> {
    return this.#try(state, id, performance.now() + this.#patience)
  }

  /**
   * The request is answered: a failure is counted before the client learns of it.
   *
   * @param id under which to count a request that never entered.
   */
  settle(state: RequestState, id: string, failed: boolean): MaybePromise<void> {
    const done = (): void => this.leave(state)
    if (!failed) return done()
    const entered = this.#tickets.get(state) ?? id
    const counted = this.#counter.take(entered, (results) => void this.#judge.tell(state, results, this.#windows))
    return counted instanceof Promise ? counted.then(done, done) : done()
  }

  /** The request is over, however it ended. May be told twice. */
  leave(state: RequestState): void {
    const id = this.#tickets.get(state)
    if (id === undefined) return
    this.#tickets.delete(state)
    const lane = this.#lanes.get(id)!
    lane.open--
    this.#wakeOne(id, lane)
  }

  #try(state: RequestState, id: string, until: number): MaybePromise<Refusal | undefined> {
    return this.#counter.peek(id, (results) => this.#consider(state, id, until, results)) as MaybePromise<
      Refusal | undefined
    >
  }

  #consider(
    state: RequestState,
    id: string,
    until: number,
    results: readonly LimitResult[],
  ): MaybePromise<Refusal | undefined> {
    const refusal = this.#judge.decide(state, results, this.#windows)
    const lane = this.#lanes.get(id)
    if (refusal !== undefined) {
      if (lane !== undefined) this.#wakeOne(id, lane)
      return refusal
    }
    let left = Number.POSITIVE_INFINITY
    for (const result of results) left = Math.min(left, result.remaining)
    if (lane === undefined) this.#lanes.set(id, { open: 1, waiting: [] })
    else if (lane.open < left) lane.open++
    else return this.#wait(state, id, lane, until, results)
    this.#tickets.set(state, id)
    return undefined
  }

  async #wait(
    state: RequestState,
    id: string,
    lane: Lane,
    until: number,
    results: readonly LimitResult[],
  ): Promise<Refusal | undefined> {
    const busy = results.map((result) => ({ ...result, allowed: false, resetMs: 1000 }))
    const left = until - performance.now()
    const woken =
      left > 0 &&
      (await new Promise<boolean>((resolve) => {
        const wake = (): void => {
          clearTimeout(timer)
          resolve(true)
        }
        const timer = setTimeout(() => {
          lane.waiting.splice(lane.waiting.indexOf(wake), 1)
          resolve(false)
        }, left)
        lane.waiting.push(wake)
      }))
    return woken ? this.#try(state, id, until) : this.#judge.decide(state, busy, this.#windows)
  }

  #wakeOne(id: string, lane: Lane): void {
    const next = lane.waiting.shift()
    if (next !== undefined) next()
    else if (lane.open === 0) this.#lanes.delete(id)
  }
}
