/**
 * Captures in linear time: all threads advance together over the subject, in order of preference, each with its own
 * captures (Pike's method).
 */
import { hasByte } from './bytes.ts'
import { holds, OP, type Program } from './program.ts'
import { Marks } from './scratch.ts'

/** Threads waiting to read the byte at one position. */
class ThreadList {
  count = 0
  readonly at: Int32Array
  captures: Int32Array
  readonly marks: Marks = new Marks()

  constructor(size: number, slots: number) {
    this.at = new Int32Array(size)
    this.captures = new Int32Array(slots * 16)
  }
}

/** A machine for one program. */
export class PikeVm {
  readonly #program: Program
  readonly #slots: number
  #now: ThreadList
  #next: ThreadList
  readonly #current: Int32Array
  /** Instructions to follow; a negative one restores the slot and value that lie below it. */
  readonly #stack: Int32Array

  /** @param groups number of capture groups */
  constructor(program: Program, groups: number) {
    this.#program = program
    this.#slots = (groups + 1) * 2
    this.#now = new ThreadList(program.op.length, this.#slots)
    this.#next = new ThreadList(program.op.length, this.#slots)
    this.#current = new Int32Array(this.#slots)
    // Each instruction is followed once and leaves at most four entries.
    this.#stack = new Int32Array(program.op.length * 4 + 4)
  }

  /**
   * The match that starts exactly at `start`, as slots: start and end of group 0, of group 1 and so on, -1 for unset.
   * @param end where the match is known to end
   * @param length length of the subject, for assertions
   */
  match(bytes: Uint8Array, start: number, end: number, length: number): Int32Array | null {
    let found: Int32Array | null = null
    this.#current.fill(-1)
    this.#current[0] = start
    this.#now.count = 0
    this.#now.marks.begin(this.#program.op.length)
    this.#add(this.#now, this.#program.entry, start, bytes, length)
    for (let at = start; this.#now.count > 0; at++) {
      const matched = this.#advance(at, end, bytes, length)
      if (matched) found = matched
      const swap = this.#now
      this.#now = this.#next
      this.#next = swap
    }
    return found
  }

  /** Moves every thread over the byte at `at`; returns the captures of a match that ends there, which cuts the rest. */
  #advance(at: number, end: number, bytes: Uint8Array, length: number): Int32Array | null {
    const { op, a, b, sets } = this.#program
    const { count, at: threads, captures } = this.#now
    const slots = this.#slots
    this.#next.count = 0
    const generation = this.#next.marks.begin(op.length)
    const marked = this.#next.marks.at
    for (let t = 0; t < count; t++) {
      const thread = threads[t]!
      if (op[thread] === OP.match) {
        const found = captures.slice(t * slots, (t + 1) * slots)
        found[1] = at
        return found
      }
      if (at >= end || !hasByte(sets[a[thread]!]!, bytes[at]!)) continue
      if (marked[b[thread]!] === generation) continue
      for (let s = 0; s < slots; s++) this.#current[s] = captures[t * slots + s]!
      this.#add(this.#next, b[thread]!, at + 1, bytes, length)
    }
    return null
  }

  /** Adds a thread and all that it leads to without reading a byte. */
  #add(list: ThreadList, entry: number, at: number, bytes: Uint8Array, length: number): void {
    const { op, a, b, assertions } = this.#program
    const current = this.#current
    const { at: marked, generation } = list.marks
    const stack = this.#stack
    let height = 0
    stack[height++] = entry
    while (height > 0) {
      const pc = stack[--height]!
      if (pc < 0) {
        current[stack[height - 1]!] = stack[height - 2]!
        height -= 2
        continue
      }
      if (marked[pc] === generation) continue
      marked[pc] = generation
      const code = op[pc]
      if (code === OP.split) {
        stack[height++] = b[pc]!
        stack[height++] = a[pc]!
      } else if (code === OP.save) {
        stack[height++] = current[a[pc]!]!
        stack[height++] = a[pc]!
        stack[height++] = -1
        stack[height++] = b[pc]!
        current[a[pc]!] = at
      } else if (code === OP.assert) {
        const left = at > 0 ? bytes[at - 1]! : -1
        const right = at < length ? bytes[at]! : -1
        if (holds(assertions[a[pc]!]!, left, right)) stack[height++] = b[pc]!
      } else {
        this.#append(list, pc)
      }
    }
  }

  #append(list: ThreadList, pc: number): void {
    const slots = this.#slots
    const base = list.count * slots
    if (base + slots > list.captures.length) {
      const larger = new Int32Array(list.captures.length * 2)
      larger.set(list.captures)
      list.captures = larger
    }
    for (let s = 0; s < slots; s++) list.captures[base + s] = this.#current[s]!
    list.at[list.count++] = pc
  }
}
