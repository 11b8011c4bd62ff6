/**
 * One record per distinct string: its byte classes, what transformation chains make of it, and what the predicates of the
 * rules said of it. Records of short strings live on from request to request in a bounded table.
 */

import type { LiteralScanner, RegexGroup } from '../regex/index.ts'
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

/** What is known of one string. Words hold 30 bits so that they stay small integers. */
export class StringRecord {
  readonly value: string
  /** Class bits. */
  readonly bits: number
  /** Bit set: the predicate may match. */
  readonly maybe: number[]
  /** Bit set: the predicate does match. */
  readonly yes: number[]
  /** Bit per prefilter that has looked at the string. */
  scanned = 0
  /** Result of each chain that changes the string. */
  private chains: (StringRecord | undefined)[] | undefined

  constructor(value: string, words: number) {
    this.value = value
    this.bits = classify(value)
    this.maybe = new Array<number>(words).fill(ALL)
    this.yes = new Array<number>(words).fill(0)
  }

  /** The record of what the chain makes of this string. */
  through(chain: Chain, strings: StringSource): StringRecord {
    if (chain.trigger !== -1 && (this.bits & chain.trigger) === 0) return this
    const known = this.chains?.[chain.id]
    if (known !== undefined) return known
    let current: StringRecord = this
    for (const step of chain.steps) {
      if (step.trigger !== -1 && (current.bits & step.trigger) === 0) continue
      const changed = step.apply(current.value)
      if (changed !== current.value) current = strings.record(changed)
    }
    this.chains ??= []
    this.chains[chain.id] = current
    return current
  }
}

/** All 30 bits of a word. */
export const ALL = 0x3fffffff
/** Bits in a word. */
export const WORD_BITS = 30

/** Where records come from. */
export interface StringSource {
  record(value: string): StringRecord
}

/** Longest string that is kept from one request to the next, in bytes. */
const SHORT = 192
/** Records in each of the two generations of the table. */
const GENERATION = 3000

/**
 * The records of short strings in two generations: what was not asked for while one generation filled up is forgotten, so
 * memory is bounded and a flood of new strings costs nothing but the cache.
 */
export class StringTable {
  private young = new Map<string, StringRecord>()
  private old = new Map<string, StringRecord>()
  private readonly words: number

  /** @param words words of predicate bits in each record */
  constructor(words: number) {
    this.words = words
  }

  /** The shared record of a short string; a new one that only the caller knows for a long string. */
  record(value: string): StringRecord {
    if (value.length > SHORT) return new StringRecord(value, this.words)
    const known = this.young.get(value)
    if (known !== undefined) return known
    const record = this.old.get(value) ?? new StringRecord(value, this.words)
    if (this.young.size >= GENERATION) {
      this.old = this.young
      this.young = new Map()
    }
    this.young.set(value, record)
    return record
  }

  /** Whether strings of this length are shared. */
  static shares(value: string): boolean {
    return value.length <= SHORT
  }
}

/** The prefilter: one pass over a string tells which predicates can match it. */
export class Prefilters {
  private readonly scanner: LiteralScanner | undefined
  private readonly group: RegexGroup | undefined
  /** Predicates the scanner decides on; without a hit they cannot match. */
  private readonly scanMask: number[]
  /** Predicates the group decides on for good. */
  private readonly groupMask: number[]
  /** Predicates that need a byte outside letters, digits, `_`, `.`, `-`. */
  private readonly specialMask: number[]
  private readonly hits: Uint32Array
  /** This prefilter's bit in {@link StringRecord.scanned}. */
  readonly flag: number

  constructor(parts: {
    words: number
    flag: number
    scanner: LiteralScanner | undefined
    group: RegexGroup | undefined
    scanMask: number[]
    groupMask: number[]
    specialMask: number[]
  }) {
    this.scanner = parts.scanner
    this.group = parts.group
    this.scanMask = parts.scanMask
    this.groupMask = parts.groupMask
    this.specialMask = parts.specialMask
    this.hits = new Uint32Array(parts.words)
    this.flag = parts.flag
  }

  /** Fills in what one pass can tell about a record's string. */
  scan(record: StringRecord): void {
    record.scanned |= this.flag
    const { maybe, yes } = record
    const { hits, scanMask, groupMask, specialMask } = this
    if (this.scanner !== undefined) {
      hits.fill(0)
      this.scanner.scan(record.value, hits)
      for (let w = 0; w < maybe.length; w++) maybe[w]! &= hits[w]! | ~scanMask[w]!
    }
    if (this.group !== undefined) {
      hits.fill(0)
      this.group.match(record.value, hits)
      for (let w = 0; w < maybe.length; w++) {
        maybe[w]! &= hits[w]! | ~groupMask[w]!
        yes[w]! |= hits[w]! & groupMask[w]!
      }
    }
    if ((record.bits & CLASS.SPECIAL) === 0) {
      for (let w = 0; w < maybe.length; w++) maybe[w]! &= ~specialMask[w]!
    }
  }
}
