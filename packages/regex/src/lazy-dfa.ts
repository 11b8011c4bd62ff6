/**
 * A deterministic automaton made while it runs. Each transition is computed once and then costs one table look-up; a
 * subject that keeps making new states is simulated without storing them, so that time stays linear and memory bounded.
 */
import { type Automaton, FIRST_TARGET } from './automaton.ts'
import { CACHE_BYTES, charge, type Evictable, nextTick } from './budget.ts'
import { stepMarks, threadLists } from './scratch.ts'
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
/** Bytes to walk without storing states when the cache fills up for the first time in a walk. */
const FIRST_PAUSE = 4096

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
  readonly #size: number
  /** Patterns that the last step saw match. */
  readonly #ids: number[] = []
  /** Ids reported last, and where the walk began or last rested, and how long it rests next. */
  #reported: readonly number[] | undefined
  #rested = 0
  #pause = 0
  /** New states since then, and whether the cache just filled up. */
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
    this.#size = this.#restart + 1
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
      threadLists.out[0] = this.#first
      state = this.#table.intern(threadLists.out, 1, context)
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
    threadLists.reserve(this.#size)
    this.#rested = from
    this.#pause = FIRST_PAUSE
    this.#misses = 0
    this.#flushed = false
    this.#reported = undefined
    const classOf = this.#automaton.classOf
    let state = this.#start(context)
    let edges = this.#table.edges
    for (let i = from; ; i += delta) {
      const c = i === to ? this.#edge : classOf[bytes[i]!]!
      const next = edges[state + c]!
      if (next > 0) {
        state = next
        continue
      }
      if (next <= FIRST_RECORD && this.#reported !== undefined) {
        const record = this.#records[FIRST_RECORD - next]!
        if (record.ids === this.#reported && record.next > 0) {
          state = record.next
          continue
        }
      }
      state = this.#unusual(state, c, next, i, onMatch)
      const stop = this.#flushed && state > 0 ? this.#restUntil(i, to, delta) : i
      if (stop !== i) {
        state = this.#simulate(bytes, i + delta, stop, delta, state, onMatch)
        i = stop - delta
      }
      if (state < 0) return state === FOUND
      edges = this.#table.edges
    }
  }

  /** Handles a transition that is unknown, reports a match or ends the walk; returns the state it leads to. */
  #unusual(state: number, c: number, known: number, index: number, onMatch: OnMatch | undefined): number {
    const next = known === 0 ? this.#build(state, c) : known
    if (next > FIRST_RECORD) return next
    const record = this.#records[FIRST_RECORD - next]!
    if (record.ids !== this.#reported) onMatch!(index, record.ids)
    if (this.#mode === 'which') this.#reported = record.ids
    return record.next
  }

  /**
   * The cache filled up. When most bytes make a state, it pays to do without for a while, each time for longer.
   * @returns the index up to which to simulate, or `index` to go on as before
   */
  #restUntil(index: number, to: number, delta: number): number {
    this.#flushed = false
    const thrashing = Math.abs(index - this.#rested) < this.#misses * 8
    this.#misses = 0
    this.#rested = index
    if (!thrashing) return index
    const pause = this.#pause
    this.#pause *= 2
    return delta > 0 ? Math.min(to, index + 1 + pause) : Math.max(to, index - 1 - pause)
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
      next = this.#intern(threadLists.out, count, c)
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
   * Moves threads over a byte of class `c` into `threadLists.out`, and the patterns that match before it into `#ids`.
   * @param threads holds the threads, from index `first` to `end` (not included)
   * @returns how many threads there are then, or -1 when a search is over
   */
  #step(threads: Int32Array, first: number, end: number, context: number, c: number): number {
    const entry = this.#entry
    const generation = stepMarks.begin(this.#size)
    if (this.#ids.length > 0) this.#ids.length = 0
    let count = 0
    if (this.#restarts) {
      // In such a walk the entry is a thread of every state, so it is not stored.
      stepMarks.at[entry] = generation
      count = this.#advance(entry, 0, context, c)
    }
    for (let i = first; i < end && count >= 0; i++) {
      const thread = threads[i]!
      if (thread !== this.#restart) {
        count = this.#advance(thread, count, context, c)
        continue
      }
      count = this.#advance(entry, count, context, c)
      if (count >= 0) threadLists.out[count++] = thread
    }
    if (count >= 0) return count
    return this.#mode === 'search' ? -1 : -1 - count
  }

  /** Adds to `threadLists.out`, which holds `count` threads, what one thread leads to; returns what `#absorb` does. */
  #advance(thread: number, count: number, context: number, c: number): number {
    const automaton = this.#automaton
    const row = automaton.rows[thread * automaton.contextCount + context]!
    const step = automaton.steps[row + c]! || automaton.resolve(thread, context, c)
    if (step >= FIRST_TARGET) {
      const target = step - FIRST_TARGET
      const { at, generation } = stepMarks
      if (at[target] === generation) return count
      at[target] = generation
      threadLists.out[count] = target
      return count + 1
    }
    return step < 0 ? this.#absorb(automaton.lists[-1 - step]!, count) : count
  }

  /**
   * Adds the threads of a list to `threadLists.out`, which holds `count`. A match cuts what is less preferred, unless all are
   * collected.
   * @returns the new count, or -1 less it when a match cut
   */
  #absorb(list: Int32Array, count: number): number {
    const { at, generation } = stepMarks
    let total = count
    for (let k = 0; k < list.length; k++) {
      const target = list[k]!
      if (target < 0) {
        this.#ids.push(-1 - target)
        if (this.#mode === 'search' || this.#mode === 'ordered') return -1 - total
      } else if (at[target] !== generation) {
        at[target] = generation
        threadLists.out[total++] = target
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
      threads = threadLists.swap()
      first = 0
      end = count
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
