/**
 * A backtracking matcher for what no automaton can do: lookaround, atomic groups, backreferences. It follows PCRE's
 * order of preference and counts its steps, so that it ends in bounded time on any subject.
 */
import { hasByte, lowerByte } from './bytes.ts'
import { holds, OP, type Program, type SubProgram } from './program.ts'
import { MatchLimitError } from './types.ts'

/** Steps one search may take, over all start positions; about 20 ms. */
const MAX_STEPS = 1_000_000
/** Longer stacks are given back after a search. */
const KEPT_STACK = 1 << 14

/** A matcher for one program. */
export class Backtracker {
  readonly #program: Program
  readonly #groupSlots: number
  readonly #slots: Int32Array
  /** Choice points: instruction, position, height of the trail. */
  #choices: number[] = []
  /** Slots to restore on failure: slot, old value. */
  #trail: number[] = []
  #bytes: Uint8Array = new Uint8Array(0)
  #length = 0
  #steps = 0

  /** @param groups number of capture groups */
  constructor(program: Program, groups: number) {
    this.#program = program
    this.#groupSlots = (groups + 1) * 2
    this.#slots = new Int32Array(this.#groupSlots + program.loops)
  }

  /** Begins a search, with all its steps still to spend. */
  begin(bytes: Uint8Array, length: number): void {
    this.#bytes = bytes
    this.#length = length
    this.#steps = 0
    if (this.#choices.length > KEPT_STACK) this.#choices = []
    if (this.#trail.length > KEPT_STACK) this.#trail = []
  }

  /**
   * The match that starts exactly at `start`, as slots like those of `PikeVm.match`.
   * @throws MatchLimitError when the search has spent its steps
   */
  match(start: number): Int32Array | null {
    this.#slots.fill(-1)
    this.#choices.length = 0
    this.#trail.length = 0
    const end = this.#run(this.#program.entry, start, -1)
    if (end < 0) return null
    const found = this.#slots.slice(0, this.#groupSlots)
    found[0] = start
    found[1] = end
    return found
  }

  /** Runs to a match instruction, at position `required` if that is not -1; returns the position or -1. */
  #run(entry: number, from: number, required: number): number {
    const { op, a, b } = this.#program
    const base = this.#choices.length
    let pc = entry
    let at = from
    for (;;) {
      if (++this.#steps > MAX_STEPS) throw new MatchLimitError('the pattern took too many steps')
      if (op[pc] === OP.match) {
        if (required === -1 || at === required) {
          this.#choices.length = base
          return at
        }
        at = -1
      } else if (op[pc] === OP.split) {
        this.#choices.push(b[pc]!, at, this.#trail.length)
        pc = a[pc]!
        continue
      } else {
        at = this.#apply(pc, at)
      }
      if (at >= 0) {
        pc = op[pc] === OP.moved ? this.#afterLoop(pc, at) : b[pc]!
        continue
      }
      if (this.#choices.length === base) return -1
      this.#undo(this.#choices.pop()!)
      at = this.#choices.pop()!
      pc = this.#choices.pop()!
    }
  }

  /** Carries out an instruction that has one successor; returns the new position, or -1 when it fails. */
  #apply(pc: number, at: number): number {
    const { op, a, sets, assertions, subs } = this.#program
    switch (op[pc]) {
      case OP.set:
        return at < this.#length && hasByte(sets[a[pc]!]!, this.#bytes[at]!) ? at + 1 : -1
      case OP.save:
        this.#store(a[pc]!, at)
        return at
      case OP.loop:
        this.#store(this.#groupSlots + a[pc]!, at)
        return at
      case OP.assert: {
        const left = at > 0 ? this.#bytes[at - 1]! : -1
        const right = at < this.#length ? this.#bytes[at]! : -1
        return holds(assertions[a[pc]!]!, left, right) ? at : -1
      }
      case OP.sub:
        return this.#sub(subs[a[pc]!]!, at)
      case OP.backref:
        return this.#reference(a[pc]!, at, this.#program.caselessRefs.has(pc))
      default:
        return at
    }
  }

  #afterLoop(pc: number, at: number): number {
    const { a, b } = this.#program
    const split = b[pc]!
    if (this.#slots[this.#groupSlots + (a[pc]! >> 1)] !== at) return split
    return (a[pc]! & 1) === 1 ? a[split]! : b[split]!
  }

  #sub(sub: SubProgram, at: number): number {
    const mark = this.#trail.length
    let end = -1
    if (sub.behind) {
      const longest = Math.min(sub.maxLength, at)
      for (let length = sub.minLength; end < 0 && length <= longest; length++)
        end = this.#run(sub.entry, at - length, at)
    } else {
      end = this.#run(sub.entry, at, -1)
    }
    if (sub.atomic) return end
    if (sub.negative) this.#undo(mark)
    return end >= 0 !== sub.negative ? at : -1
  }

  /** A reference to a group that is not set fails, as in PCRE. */
  #reference(group: number, at: number, caseless: boolean): number {
    const start = this.#slots[group * 2]!
    const end = this.#slots[group * 2 + 1]!
    if (start < 0 || end < start || at + end - start > this.#length) return -1
    const bytes = this.#bytes
    this.#steps += (end - start) >> 3
    for (let i = 0; i < end - start; i++) {
      const x = bytes[start + i]!
      const y = bytes[at + i]!
      if (x !== y && !(caseless && lowerByte(x) === lowerByte(y))) return -1
    }
    return at + end - start
  }

  #store(slot: number, value: number): void {
    this.#trail.push(slot, this.#slots[slot]!)
    this.#slots[slot] = value
  }

  #undo(height: number): void {
    while (this.#trail.length > height) {
      const value = this.#trail.pop()!
      this.#slots[this.#trail.pop()!] = value
    }
  }
}
