/** The evaluation plan: which predicates are looked for in one pass over each distinct string, and who asks them. */

import { LiteralScanner, RegexGroup } from '@portcullis/regex'
import { type PhasePlan, planPhases } from './candidates.ts'
import { HeaderMemory } from './headers.ts'
import { matches } from './limit.ts'
import type { Predicate } from './model.ts'
import { Prefilters } from './prefilters.ts'
import type { RuleSet } from './ruleset.ts'
import { type StringRecord, StringTable, WORD_BITS } from './strings.ts'
import type { Transaction } from './transaction.ts'

/** Bits, tables and filters for the predicates that are in use. */
export interface Plan {
  /** Number of each predicate's bit in the masks, -1 for those left out. */
  readonly bits: Int32Array
  readonly strings: StringTable
  readonly headers: HeaderMemory
  /** For phases 1 and 2, and for the others. */
  readonly request: Prefilters
  readonly response: Prefilters
  /** By phase. */
  readonly phases: readonly PhasePlan[]
}

interface Filterable {
  id: number
  predicate: Predicate
}

function maskOf(words: number, items: readonly Filterable[]): number[] {
  const mask = new Array<number>(words).fill(0)
  for (const { id } of items) mask[id >>> 5]! |= 1 << (id & 31)
  return mask
}

function makePrefilters(words: number, flag: number, items: readonly Filterable[]): Prefilters {
  const literal = items.filter((i) => i.predicate.operator.prefilter.kind === 'literals')
  const regex = items.filter((i) => i.predicate.operator.prefilter.kind === 'regex')
  const special = items.filter((i) => i.predicate.operator.prefilter.kind === 'special')
  const sets = literal.map(({ id, predicate }) => {
    const filter = predicate.operator.prefilter
    return { id, literals: filter.kind === 'literals' ? filter.literals : [] }
  })
  const members = regex.flatMap(({ id, predicate }) => {
    const filter = predicate.operator.prefilter
    return filter.kind === 'regex' ? [{ id, regex: filter.regex }] : []
  })
  return new Prefilters({
    words,
    flag,
    scanner: sets.length > 0 ? new LiteralScanner(sets) : undefined,
    group: members.length > 0 ? new RegexGroup(members) : undefined,
    scanMask: maskOf(words, literal),
    groupMask: maskOf(words, regex),
    specialMask: maskOf(words, special),
  })
}

/** Makes a plan for the predicates in use; the others are asked directly, which is right but slower. */
export function makePlan(rules: RuleSet, used: ReadonlySet<Predicate>): Plan {
  const all = rules.predicates
  const bits = new Int32Array(all.length).fill(-1)
  // Predicates of the request come first, so that their masks are dense.
  const chosen = [...used].filter((p) => !p.cheap).sort((a, b) => Number(b.inRequest) - Number(a.inRequest))
  const items = chosen.map((predicate, i): Filterable => {
    const id = Math.floor(i / WORD_BITS) * 32 + (i % WORD_BITS)
    bits[predicate.index] = id
    return { id, predicate }
  })
  const words = Math.ceil(chosen.length / WORD_BITS)
  return {
    bits,
    strings: new StringTable(words),
    headers: new HeaderMemory(),
    phases: planPhases(rules, words, bits),
    request: makePrefilters(
      words,
      1,
      items.filter((i) => i.predicate.inRequest),
    ),
    response: makePrefilters(
      words,
      4,
      items.filter((i) => i.predicate.inResponse),
    ),
  }
}

/**
 * Asks a predicate about a record's string, or remembers what it said.
 * @param phase of the rule that asks
 */
export function memoised(tx: Transaction, predicate: Predicate, record: StringRecord, phase: number): boolean {
  const { plan } = tx
  const id = plan.bits[predicate.index]!
  if (id < 0) {
    if (!predicate.cheap) predicate.countMiss(tx)
    return matches(tx, predicate.operator, record.value)
  }
  if (predicate.filtered && record.scanned === 0) (phase <= 2 ? plan.request : plan.response).look(record, false)
  const word = id >>> 5
  const bit = 1 << (id & 31)
  if ((record.maybe[word]! & bit) === 0) return false
  if ((record.yes[word]! & bit) !== 0) return true
  const before = tx.limitsExceeded
  tx.limitsExceeded = false
  const hit = matches(tx, predicate.operator, record.value)
  // A limit is no answer, so it must not be remembered as one.
  record.own()
  if (hit) record.yes[word]! |= bit
  else if (!tx.limitsExceeded) record.maybe[word]! &= ~bit
  tx.limitsExceeded ||= before
  return hit
}
