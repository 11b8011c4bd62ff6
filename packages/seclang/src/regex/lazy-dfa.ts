/**
 * A deterministic automaton made while it runs. Each transition is computed once and then costs one table look-up; a
 * subject that keeps making new states is simulated without storing them, so that time stays linear and memory bounded.
 */
import type { Automaton } from './automaton.ts'
import { CACHE_BYTES, charge, type Evictable, nextTick } from './budget.ts'
import { StateTable } from './state-table.ts'

/**
 * `search` stops at the first sign of a match; `collect` reports every position and pattern that matches; `ordered`
 * follows one start only and reports the ends that a backtracking matcher would prefer, the last being the one it takes.
 */
export type WalkMode = 'search' | 'collect' | 'ordered'

/** Called with the index of the byte not yet read and the ids of the patterns that match before it. */
export type OnMatch = (index: number, ids: readonly number[]) => void

const DEAD = -1
const FOUND = -2
/** Transitions at or below this stand for records of matches. */
const FIRST_RECORD = -3
/** New states in one stretch before the walk asks itself whether storing them pays. */
const PATIENCE = 128

/** A lazy DFA over the threads of an automaton. */
export class LazyDfa implements Evictable {
  charged = 0
  lastUse = 0
  readonly #automaton: Automaton
  readonly #mode: WalkMode
  readonly #entry: number
  /** The edge of the subject, as a byte class. */
  readonly #edge: number
  readonly #restarts: boolean
  #table: StateTable
  #records: { next: number; ids: readonly number[] }[] = []
  #startStates: number[] = []
  readonly #mark: Int32Array
  #generation = 0
  #out: Int32Array
  #spare: Int32Array
  #ids: number[] = []
  /** New states since the walk began or last thought about it. */
  #misses = 0

  /** @param anchored matches start only at the edge where the walk begins */
  constructor(automaton: Automaton, mode: WalkMode, anchored: boolean) {
    this.#automaton = automaton
    this.#mode = mode
    this.#entry = automaton.program.entry
    this.#edge = automaton.classCount
    this.#restarts = mode !== 'ordered' && !anchored
    const size = automaton.program.op.length
    this.#mark = new Int32Array(size)
    this.#out = new Int32Array(size)
    this.#spare = new Int32Array(size)
    this.#table = new StateTable(automaton.classCount + 1)
  }

  /** Empties the cache. */
  evict(): void {
    this.#flush()
    this.#automaton.forget()
    this.charged = 0
  }

  #flush(): void {
    this.#table = new StateTable(this.#edge + 1)
    this.#records = []
    this.#startStates = []
  }

  get #bytes(): number {
    return this.#table.bytes + this.#automaton.memoBytes + this.#records.length * 64
  }

  /** The state at which a walk starts. */
  #start(context: number): number {
    let state = this.#startStates[context]
    if (state === undefined) {
      this.#out[0] = this.#entry
      state = this.#table.intern(this.#out, 1, context)
      this.#startStates[context] = state
    }
    return state
  }

  /**
   * Walks over `bytes` from index `from` to index `to` (not included), by `delta` of 1 or -1.
   * @param context kind of the byte before the first, see `Automaton.contextOf`
   * @returns true when a `search` met a match
   */
  walk(bytes: Uint8Array, from: number, to: number, delta: 1 | -1, context: number, onMatch?: OnMatch): boolean {
    this.lastUse = nextTick()
    this.#misses = 0
    const classOf = this.#automaton.classOf
    let state = this.#start(context)
    let edges = this.#table.edges
    let stretch = from
    let pause = 1024
    for (let i = from; ; i += delta) {
      const c = i === to ? this.#edge : classOf[bytes[i]!]!
      let next = edges[state + c]!
      if (next > 0) {
        state = next
        continue
      }
      if (next === 0) {
        next = this.#build(state, c)
        edges = this.#table.edges
      }
      if (next <= FIRST_RECORD) {
        const record = this.#records[FIRST_RECORD - next]!
        onMatch!(i, record.ids)
        next = record.next
      }
      if (next < 0) return next === FOUND
      state = next
      if (this.#misses < PATIENCE) continue
      // Most bytes make a state: simulate a while, each time for longer.
      const thrashing = Math.abs(i - stretch) < PATIENCE * 8
      if (thrashing) {
        const stop = delta > 0 ? Math.min(to, i + 1 + pause) : Math.max(to, i + 1 - pause)
        const after = this.#simulate(bytes, i + delta, stop, delta, state, onMatch)
        if (after < 0) return after === FOUND
        state = after
        edges = this.#table.edges
        i = stop - delta
        pause *= 2
      }
      this.#misses = 0
      stretch = i
    }
  }

  /** Computes a transition and stores it. */
  #build(state: number, c: number): number {
    const context = this.#table.contextOf(state)
    const count = this.#step(this.#table.threadsOf(state), context, c)
    const ids = this.#ids
    let next: number
    let stored = true
    if (count < 0) next = FOUND
    else if (c === this.#edge || (count === 0 && !this.#restarts)) next = DEAD
    else {
      this.#misses++
      if (this.#bytes > CACHE_BYTES) {
        this.#flush()
        if (this.#automaton.memoBytes > CACHE_BYTES / 2) this.#automaton.forget()
        stored = false
      }
      next = this.#intern(this.#out, count, c)
    }
    if (ids.length > 0 && next !== FOUND) {
      next = FIRST_RECORD - (this.#records.push({ next, ids }) - 1)
      this.#ids = []
    }
    if (stored) this.#table.edges[state + c] = next
    const bytes = this.#bytes
    if (bytes !== this.charged) charge(this, bytes)
    return next
  }

  #intern(threads: Int32Array, count: number, c: number): number {
    if (this.#mode !== 'ordered') sortPrefix(threads, count)
    return this.#table.intern(threads, count, this.#automaton.contextOf[c]!)
  }

  /**
   * Moves all threads over a byte of class `c` into `#out`, and the patterns that match before it into `#ids`.
   * @returns how many threads there are, or -1 when a search is over
   */
  #step(threads: Int32Array, context: number, c: number): number {
    const automaton = this.#automaton
    const mark = this.#mark
    const out = this.#out
    const generation = ++this.#generation
    const restarts = this.#restarts
    let count = 0
    if (this.#ids.length > 0) this.#ids = []
    // The entry is a thread of every state of an unanchored walk, so it is not stored.
    if (restarts) mark[this.#entry] = generation
    for (let i = restarts ? -1 : 0; i < threads.length; i++) {
      const thread = i < 0 ? this.#entry : threads[i]!
      if (restarts && i >= 0 && thread === this.#entry) continue
      const list = automaton.follow(thread, context, c)
      for (let k = 0; k < list.length; k++) {
        const target = list[k]!
        if (target < 0) {
          if (this.#mode === 'search') return -1
          this.#ids.push(-1 - target)
          if (this.#mode === 'ordered') return count
        } else if (mark[target] !== generation) {
          mark[target] = generation
          out[count++] = target
        }
      }
    }
    return count
  }

  /** Walks without storing states, up to `stop`; returns the state reached there, or how the walk ended. */
  #simulate(bytes: Uint8Array, from: number, stop: number, delta: number, state: number, onMatch?: OnMatch): number {
    const { classOf, contextOf } = this.#automaton
    let threads: Int32Array = this.#table.threadsOf(state).slice()
    let context = this.#table.contextOf(state)
    let c = -1
    for (let i = from; i !== stop; i += delta) {
      c = classOf[bytes[i]!]!
      const count = this.#step(threads, context, c)
      if (count < 0) return FOUND
      if (this.#ids.length > 0) onMatch!(i, this.#ids)
      if (count === 0 && !this.#restarts) return DEAD
      context = contextOf[c]!
      threads = this.#out.subarray(0, count)
      const out = this.#out
      this.#out = this.#spare
      this.#spare = out
    }
    return c < 0 ? state : this.#intern(threads, threads.length, c)
  }
}

/** Sorts the first `count` entries. */
function sortPrefix(array: Int32Array, count: number): void {
  if (count > 24) {
    array.subarray(0, count).sort()
    return
  }
  for (let i = 1; i < count; i++) {
    const value = array[i]!
    let k = i - 1
    for (; k >= 0 && array[k]! > value; k--) array[k + 1] = array[k]!
    array[k + 1] = value
  }
}
