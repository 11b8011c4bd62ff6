/**
 * One record per distinct string: its byte classes, what transformation chains make of it, and what the predicates of the
 * rules said of it. Records of short strings live on from request to request in a bounded table.
 */

import { detached } from '../detached.ts'
import type { Operator } from '../operators/types.ts'
import { classify, type Transformation } from '../transform/index.ts'

/** A sequence of transformations; equal sequences share one object. */
export class Chain {
  readonly steps: readonly Transformation[]
  /** Union of the steps' triggers: a string without these classes comes out unchanged. */
  readonly trigger: number

  constructor(steps: readonly Transformation[]) {
    this.steps = steps
    this.trigger = steps.reduce((all, step) => all | step.trigger, 0)
  }
}

/** What a chain or a single transformation makes of a string. There are few for a string, so that a list does. */
interface Made {
  readonly by: Chain | Transformation
  readonly record: StringRecord
  readonly next: Made | undefined
}

const NO_CAPTURES: readonly string[] = []

/** What is known of one string. Words hold 30 bits so that they stay small integers. */
export class StringRecord {
  readonly value: string
  /** Class bits. */
  readonly bits: number
  /** Bit set: the predicate may match. Shared with other records until `own` is called. */
  maybe: number[]
  /** Bit set: the predicate does match. Shared likewise. */
  yes: number[]
  /** Bit per prefilter that has looked at the string. */
  scanned = 0
  /** Bit per prefilter that left nothing that can match, so far as it and those before it decide. */
  idle = 0
  /** The operator that was last asked for its captures, and what it said. */
  capturedBy: Operator | undefined
  captured: readonly string[] = NO_CAPTURES
  private owned = false
  /** Results of the chains and transformations that were asked for. */
  private made: Made | undefined

  /** @param blank what is known of a string before anything is known */
  constructor(value: string, blank: Blank) {
    this.value = value
    this.bits = classify(value)
    this.maybe = blank.maybe
    this.yes = blank.yes
  }

  /** Makes the masks this record's own before they are written to. */
  own(): void {
    if (this.owned) return
    this.owned = true
    this.maybe = this.maybe.slice()
    this.yes = this.yes.slice()
  }

  /** The record of what the chain makes of this string. */
  through(chain: Chain, blank: Blank): StringRecord {
    if (chain.trigger !== -1 && (this.bits & chain.trigger) === 0) return this
    const known = this.madeBy(chain)
    if (known !== undefined) return known
    let current: StringRecord = this
    for (const step of chain.steps) {
      if (step.trigger === -1 || (current.bits & step.trigger) !== 0) current = current.after(step, blank)
    }
    this.made = { by: chain, record: current, next: this.made }
    return current
  }

  private after(step: Transformation, blank: Blank): StringRecord {
    const known = this.madeBy(step)
    if (known !== undefined) return known
    const changed = step.apply(this.value)
    const result = changed === this.value ? this : new StringRecord(changed, blank)
    this.made = { by: step, record: result, next: this.made }
    return result
  }

  private madeBy(by: Chain | Transformation): StringRecord | undefined {
    for (let made = this.made; made !== undefined; made = made.next) if (made.by === by) return made.record
    return undefined
  }
}

/** Masks of a string of which nothing is known. */
export interface Blank {
  readonly maybe: number[]
  readonly yes: number[]
}

/** All 30 bits of a word. */
const ALL = 0x3fffffff
/** Bits in a word. */
export const WORD_BITS = 30

/** Longest string that is kept from one request to the next, in bytes. */
const SHORT = 192
/** Records in each of the two generations of the table. */
const GENERATION = 3000

/** Slots of the filter that remembers which strings came once. */
const SEEN_SLOTS = 1 << 14
/** Marks in it after which it is emptied. */
const SEEN_LIMIT = SEEN_SLOTS / 2

/** A hash from the length and at most eleven bytes: strings that share it are only kept a little too early. */
function sample(value: string): number {
  let hash = value.length
  const step = (value.length >> 3) + 1
  for (let i = value.length - 1; i >= 0; i -= step) hash = (Math.imul(hash, 31) + value.charCodeAt(i)) | 0
  return (hash ^ (hash >>> 15)) & (SEEN_SLOTS - 1)
}

/**
 * The records of short strings that came more than once, in two generations: what was not asked for while one generation
 * filled up is forgotten. Strings that come once never enter, so a flood of them costs neither memory nor the cache.
 */
export class StringTable {
  private young = new Map<string, StringRecord>()
  private old = new Map<string, StringRecord>()
  private readonly seen = new Uint8Array(SEEN_SLOTS)
  private marks = 0
  /** Masks of new records. */
  readonly blank: Blank

  /** @param words words of predicate bits in each record */
  constructor(words: number) {
    this.blank = { maybe: new Array<number>(words).fill(ALL), yes: new Array<number>(words).fill(0) }
  }

  /** The record that is kept of a string. */
  find(value: string): StringRecord | undefined {
    if (value.length > SHORT) return undefined
    const known = this.young.get(value)
    if (known !== undefined) return known
    const record = this.old.get(value)
    if (record !== undefined) this.keep(record)
    return record
  }

  /** Makes and keeps the record of a short string that an earlier transaction had as well. */
  offer(value: string): StringRecord | undefined {
    if (value.length > SHORT) return undefined
    const slot = sample(value)
    if (this.seen[slot] === 1) {
      const record = new StringRecord(detached(value), this.blank)
      this.keep(record)
      return record
    }
    this.seen[slot] = 1
    if (++this.marks > SEEN_LIMIT) {
      this.seen.fill(0)
      this.marks = 0
    }
    return undefined
  }

  private keep(record: StringRecord): void {
    if (this.young.size >= GENERATION) {
      this.old = this.young
      this.young = new Map()
    }
    this.young.set(record.value, record)
  }
}
