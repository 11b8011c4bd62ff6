/**
 * A deterministic automaton made while it runs. Each transition is computed once and then costs one table look-up; a
 * subject that keeps making new states is simulated without storing them, so that time stays linear and memory bounded.
 */
import { type Automaton, FIRST_TARGET } from './automaton.ts'
import { CACHE_BYTES, charge, type Evictable, nextTick } from './budget.ts'
import { StateTable } from './state-table.ts'

/**
 * `search` stops at the first sign of a match; `collect` reports every position and pattern that matches, `which` the
 * patterns alone, not again at each position; `ordered`
 * keeps the leftmost start and reports the ends that a backtracking matcher would prefer, the last being the one it takes.
 */
export type WalkMode = 'search' | 'collect' | 'which' | 'ordered'

/** Called with the index of the byte not yet read and the ids of the patterns that match before it. */
export type OnMatch = (index: number, ids: readonly number[]) => void

const DEAD = -1
const FOUND = -2
/** Transitions at or below this stand for records of matches. */
const FIRST_RECORD = -3

/** A lazy DFA over the threads of an automaton. */
export class LazyDfa implements Evictable {
  charged = 0
  lastUse = 0
  readonly #automaton: Automaton
  readonly #mode: WalkMode
  readonly #entry: number
  /** The edge of the subject, as a byte class. */
  readonly #edge: number
  /** Matches may start at any byte. */
  readonly #restarts: boolean
  /** The thread that starts over at each byte, in an ordered walk, where its place among the others counts. */
  readonly #restart: number
  readonly #first: number
  #table: StateTable
  #records: { next: number; ids: readonly number[] }[] = []
  #idLists = new Map<string, readonly number[]>()
  #startStates: number[] = []
  readonly #mark: Int32Array
  #generation = 0
  #out: Int32Array
  #spare: Int32Array
  /** Patterns that the last step saw match. */
  readonly #ids: number[] = []
  /** New states since the walk began or the cache last filled up, and whether it just did. */
  #misses = 0
  #flushed = false

  /** @param anchored matches start only at the edge where the walk begins */
  constructor(automaton: Automaton, mode: WalkMode, anchored: boolean) {
    this.#automaton = automaton
    this.#mode = mode
    this.#entry = automaton.program.entry
    this.#edge = automaton.classCount
    this.#restarts = mode !== 'ordered' && !anchored
    this.#restart = automaton.program.op.length
    this.#first = mode === 'ordered' && !anchored ? this.#restart : this.#entry
    const size = this.#restart + 1
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
    this.#idLists = new Map()
    this.#startStates = []
  }

  get #bytes(): number {
    return this.#table.bytes + this.#automaton.memoBytes + this.#records.length * 64
  }

  /** The state at which a walk starts. */
  #start(context: number): number {
    let state = this.#startStates[context]
    if (state === undefined) {
      this.#out[0] = this.#first
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
    this.#flushed = false
    const classOf = this.#automaton.classOf
    let state = this.#start(context)
    let edges = this.#table.edges
    const quiet = this.#mode === 'which'
    let reported: readonly number[] | undefined
    let stretch = from
    let pause = 4096
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
        if (record.ids !== reported) onMatch!(i, record.ids)
        if (quiet) reported = record.ids
        next = record.next
      }
      if (next < 0) return next === FOUND
      state = next
      if (!this.#flushed) continue
      this.#flushed = false
      // The cache filled up. When most bytes make a state, do without for a while, each time for longer.
      if (Math.abs(i - stretch) < this.#misses * 8) {
        const stop = delta > 0 ? Math.min(to, i + 1 + pause) : Math.max(to, i - 1 - pause)
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
    const table = this.#table
    const count = this.#step(table.threads, table.firstThread(state), table.endThread(state), context, c)
    let next: number
    let stored = true
    if (count < 0) next = FOUND
    else if (c === this.#edge || (count === 0 && !this.#restarts)) next = DEAD
    else {
      this.#misses++
      if (this.#automaton.memoBytes > CACHE_BYTES) this.#automaton.forget()
      if (this.#table.bytes + this.#records.length * 64 > CACHE_BYTES) {
        this.#flush()
        this.#flushed = true
        stored = false
      }
      next = this.#intern(this.#out, count, c)
    }
    if (this.#ids.length > 0 && next !== FOUND) {
      next = FIRST_RECORD - (this.#records.push({ next, ids: this.#sharedIds() }) - 1)
    }
    if (stored) this.#table.edges[state + c] = next
    const bytes = this.#bytes
    if (bytes !== this.charged) charge(this, bytes)
    return next
  }

  /** A lasting copy of `#ids`, the same array for the same ids. */
  #sharedIds(): readonly number[] {
    const key = this.#ids.join()
    let ids = this.#idLists.get(key)
    if (!ids) {
      ids = this.#ids.slice()
      this.#idLists.set(key, ids)
    }
    return ids
  }

  #intern(threads: Int32Array, count: number, c: number): number {
    if (this.#mode !== 'ordered') sortPrefix(threads, count)
    return this.#table.intern(threads, count, this.#automaton.contextOf[c]!)
  }

  /**
   * Moves threads over a byte of class `c` into `#out`, and the patterns that match before it into `#ids`.
   * @param threads holds the threads, from index `first` to `end` (not included)
   * @returns how many threads there are then, or -1 when a search is over
   */
  #step(threads: Int32Array, first: number, end: number, context: number, c: number): number {
    const { rows, contextCount } = this.#automaton
    const out = this.#out
    const mark = this.#mark
    const generation = ++this.#generation
    if (this.#ids.length > 0) this.#ids.length = 0
    // In a walk that restarts the entry is a thread of every state, so it is not stored.
    if (this.#restarts) mark[this.#entry] = generation
    let count = 0
    for (let i = this.#restarts ? first - 1 : first; i < end; i++) {
      let thread = i < first ? this.#entry : threads[i]!
      const again = thread === this.#restart
      if (again) thread = this.#entry
      const step =
        this.#automaton.steps[rows[thread * contextCount + context]! + c]! ||
        this.#automaton.resolve(thread, context, c)
      if (step >= FIRST_TARGET) {
        const target = step - FIRST_TARGET
        if (mark[target] !== generation) {
          mark[target] = generation
          out[count++] = target
        }
      } else if (step < 0) {
        count = this.#absorb(this.#automaton.lists[-1 - step]!, count)
        if (count < 0) return this.#mode === 'search' ? -1 : -1 - count
      }
      if (again) out[count++] = this.#restart
    }
    return count
  }

  /**
   * Adds the threads of a list to `#out`, which holds `count`. A match cuts what is less preferred, unless all are
   * collected.
   * @returns the new count, or -1 less it when a match cut
   */
  #absorb(list: Int32Array, count: number): number {
    let total = count
    for (let k = 0; k < list.length; k++) {
      const target = list[k]!
      if (target < 0) {
        this.#ids.push(-1 - target)
        if (this.#mode === 'search' || this.#mode === 'ordered') return -1 - total
      } else if (this.#mark[target] !== this.#generation) {
        this.#mark[target] = this.#generation
        this.#out[total++] = target
      }
    }
    return total
  }

  /** Walks without storing states, up to `stop`; returns the state reached there, or how the walk ended. */
  #simulate(bytes: Uint8Array, from: number, stop: number, delta: number, state: number, onMatch?: OnMatch): number {
    const { classOf, contextOf } = this.#automaton
    const table = this.#table
    let threads = table.threads
    let first = table.firstThread(state)
    let end = table.endThread(state)
    let context = table.contextOf(state)
    let c = -1
    for (let i = from; i !== stop; i += delta) {
      c = classOf[bytes[i]!]!
      const count = this.#step(threads, first, end, context, c)
      if (count < 0) return FOUND
      if (this.#ids.length > 0) onMatch!(i, this.#ids)
      if (count === 0 && !this.#restarts) return DEAD
      context = contextOf[c]!
      threads = this.#out
      first = 0
      end = count
      this.#out = this.#spare
      this.#spare = threads
    }
    return c < 0 ? state : this.#intern(threads, end, c)
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
