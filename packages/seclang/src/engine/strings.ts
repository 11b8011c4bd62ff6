/**
 * One record per distinct string: its byte classes, what transformation chains make of it, and what the predicates of the
 * rules said of it. Records of short strings live on from request to request in a bounded table.
 */

import type { LiteralScanner, RegexGroup } from '@portcullis/regex'
import type { Operator } from '../operators/types.ts'
import { CLASS, classify, type Transformation } from '../transform/index.ts'

/** A sequence of transformations; equal sequences share one object. */
export class Chain {
  /** Index among the chains of a rule set; 0 is the empty chain. */
  readonly id: number
  readonly steps: readonly Transformation[]
  /** Union of the steps' triggers: a string without these classes comes out unchanged. */
  readonly trigger: number

  constructor(id: number, steps: readonly Transformation[]) {
    this.id = id
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

  /** Keeps the record of a short string that an earlier transaction had as well. @returns whether it does */
  offer(record: StringRecord): boolean {
    if (record.value.length > SHORT) return false
    const slot = sample(record.value)
    if (this.seen[slot] === 1) {
      this.keep(record)
      return true
    }
    this.seen[slot] = 1
    if (++this.marks > SEEN_LIMIT) {
      this.seen.fill(0)
      this.marks = 0
    }
    return false
  }

  private keep(record: StringRecord): void {
    if (this.young.size >= GENERATION) {
      this.old = this.young
      this.young = new Map()
    }
    this.young.set(record.value, record)
  }
}

/** What a prefilter can find out for a string. */
export interface PrefilterParts {
  readonly words: number
  /** Bit of the literal pass in {@link StringRecord.scanned}; the bit above it is that of the automaton. */
  readonly flag: number
  readonly scanner: LiteralScanner | undefined
  readonly group: RegexGroup | undefined
  /** Predicates the scanner decides on; without a hit they cannot match. */
  readonly scanMask: number[]
  /** Predicates the group decides on for good. */
  readonly groupMask: number[]
  /** Predicates that need a byte outside letters, digits, `_`, `.`, `-`. */
  readonly specialMask: number[]
}

/** One pass over a string for literals, one for patterns without any, tell which predicates can match it. */
export class Prefilters {
  private readonly parts: PrefilterParts
  private readonly hits: Uint32Array
  /** Predicates that the literal pass decides on, and those that either pass does. */
  private readonly byLiterals: readonly number[]
  private readonly byBoth: readonly number[]

  constructor(parts: PrefilterParts) {
    this.parts = parts
    this.hits = new Uint32Array(parts.words)
    this.byLiterals = parts.scanMask.map((mask, w) => mask | parts.specialMask[w]!)
    this.byBoth = this.byLiterals.map((mask, w) => mask | parts.groupMask[w]!)
  }

  /**
   * Fills in what a pass can tell about a record's string.
   * @param automaton whether patterns without literals are asked for as well
   * @returns whether a predicate that was asked for may match
   */
  look(record: StringRecord, automaton: boolean): boolean {
    const { flag } = this.parts
    if ((record.scanned & flag) === 0) this.literals(record)
    if (!automaton) return (record.idle & flag) === 0
    if ((record.scanned & (flag << 1)) === 0) this.automaton(record)
    return (record.idle & (flag << 1)) === 0
  }

  private note(record: StringRecord, flag: number, decided: readonly number[]): void {
    const { maybe } = record
    let any = 0
    for (let w = 0; w < maybe.length; w++) any |= maybe[w]! & decided[w]!
    if (any === 0) record.idle |= flag
  }

  private literals(record: StringRecord): void {
    const { flag, scanner, scanMask, specialMask } = this.parts
    record.scanned |= flag
    record.own()
    const { maybe } = record
    const { hits } = this
    hits.fill(0)
    scanner?.scan(record.value, hits)
    const plain = (record.bits & CLASS.SPECIAL) === 0
    for (let w = 0; w < maybe.length; w++) {
      maybe[w]! &= hits[w]! | ~scanMask[w]!
      if (plain) maybe[w]! &= ~specialMask[w]!
    }
    this.note(record, flag, this.byLiterals)
  }

  private automaton(record: StringRecord): void {
    const { flag, group, groupMask } = this.parts
    record.scanned |= flag << 1
    if (group !== undefined) {
      record.own()
      const { maybe, yes } = record
      const { hits } = this
      hits.fill(0)
      group.match(record.value, hits)
      for (let w = 0; w < maybe.length; w++) {
        maybe[w]! &= hits[w]! | ~groupMask[w]!
        yes[w]! |= hits[w]! & groupMask[w]!
      }
    }
    this.note(record, flag << 1, this.byBoth)
  }
}
