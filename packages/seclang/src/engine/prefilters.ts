/** What one pass over a string tells of the predicates of all rules. */

import type { LiteralScanner, RegexGroup } from '@portcullis/regex'
import { CLASS } from '../transform/index.ts'
import type { StringRecord } from './strings.ts'

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
