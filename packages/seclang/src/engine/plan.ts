/**
 * The evaluation plan: which predicates are looked at in one pass over each distinct string, and the masks that tell
 * with one bit test whether a rule can match at all.
 */

import { LiteralScanner, RegexGroup } from '@portcullis/regex'
import { matches } from './limit.ts'
import type { Link, Predicate } from './model.ts'
import type { RuleSet } from './ruleset.ts'
import { Prefilters, type StringRecord, StringTable, WORD_BITS } from './strings.ts'
import type { Transaction } from './transaction.ts'

/**
 * The first links of a phase's rules as plain numbers, by place: most rules end at one bit test, and this way without a
 * look at the rule itself. A group of -1 stands for rules that must be run.
 */
interface Gates {
  readonly group: Int32Array
  readonly word: Int32Array
  readonly bit: Int32Array
}

/** Bits, tables and filters for the predicates that are in use. */
export interface Plan {
  /** Word of each predicate, -1 for those left out. */
  readonly word: Int32Array
  /** Bit of each predicate. */
  readonly bit: Int32Array
  /** Words in a mask. */
  readonly words: number
  readonly strings: StringTable
  /** 1 for each cell whose rules ask patterns without literals. */
  readonly automaton: Uint8Array
  /** For phases 1 and 2, and for the others. */
  readonly request: Prefilters
  readonly response: Prefilters
  /** By phase. */
  readonly gates: readonly Gates[]
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

function automatonCells(rules: RuleSet, used: ReadonlySet<Predicate>): Uint8Array {
  const cells = new Uint8Array(rules.cells.length)
  for (const rule of rules.all) {
    for (let link: Link | null = rule.first; link !== null; link = link.next) {
      if (link.group < 0 || link.predicate?.operator.prefilter.kind !== 'regex' || !used.has(link.predicate)) continue
      for (const cell of rules.groups[link.group]!) cells[cell] = 1
    }
  }
  return cells
}

function makeGates(rules: RuleSet, word: Int32Array, bit: Int32Array): Gates[] {
  return rules.phases.map((list) => {
    const gates = {
      group: new Int32Array(list.length).fill(-1),
      word: new Int32Array(list.length),
      bit: new Int32Array(list.length),
    }
    for (const [place, { first }] of list.entries()) {
      const predicate = first.predicate
      if (first.group < 0 || predicate === null || word[predicate.index]! < 0) continue
      gates.group[place] = first.group
      gates.word[place] = word[predicate.index]!
      gates.bit[place] = bit[predicate.index]!
    }
    return gates
  })
}

/** Makes a plan for the predicates in use; the others are asked directly, which is right but slower. */
export function makePlan(rules: RuleSet, used: ReadonlySet<Predicate>): Plan {
  const all = rules.predicates
  const automaton = automatonCells(rules, used)
  const word = new Int32Array(all.length).fill(-1)
  const bit = new Int32Array(all.length)
  // Predicates of the request come first, so that their masks are dense.
  const chosen = [...used].sort((a, b) => Number(b.inRequest) - Number(a.inRequest))
  const items = chosen.map((predicate, i): Filterable => {
    const id = Math.floor(i / WORD_BITS) * 32 + (i % WORD_BITS)
    word[predicate.index] = id >>> 5
    bit[predicate.index] = 1 << (id & 31)
    return { id, predicate }
  })
  const words = Math.ceil(chosen.length / WORD_BITS)
  return {
    word,
    bit,
    words,
    strings: new StringTable(words),
    automaton,
    gates: makeGates(rules, word, bit),
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

function filtersFor(plan: Plan, phase: number): Prefilters {
  return phase <= 2 ? plan.request : plan.response
}

/** Can the link's predicate match any of its values? False is certain, true is not. */
export function mayMatch(tx: Transaction, link: Link, phase: number): boolean {
  const { plan } = tx
  const index = link.predicate!.index
  const word = plan.word[index]!
  if (word < 0) return true
  const mask = tx.groupMasks[link.group] ?? groupMask(tx, link.group, filtersFor(plan, phase))
  return (mask[word]! & plan.bit[index]!) !== 0
}

/** The first place from `place` on whose rule may match; rules between cannot. */
export function nextCandidate(tx: Transaction, phase: number, place: number): number {
  const { plan, groupMasks } = tx
  const { group, word, bit } = plan.gates[phase]!
  for (; place < group.length; place++) {
    const index = group[place]!
    if (index < 0) return place
    const mask = groupMasks[index] ?? groupMask(tx, index, filtersFor(plan, phase))
    if ((mask[word[place]!]! & bit[place]!) !== 0) return place
  }
  return place
}

function groupMask(tx: Transaction, group: number, filters: Prefilters): number[] {
  let mask: number[] | undefined
  for (const cell of tx.rules.groups[group]!) {
    const part = tx.cellMasks[cell] ?? cellMask(tx, cell, filters)
    if (part === NOTHING) continue
    mask ??= new Array<number>(tx.plan.words).fill(0)
    for (let w = 0; w < mask.length; w++) mask[w]! |= part[w]!
  }
  mask ??= tx.plan.strings.blank.yes
  tx.groupMasks[group] = mask
  return mask
}

/** Mask of a cell in which no value can match anything: the usual case. */
const NOTHING: number[] = []

/** Union of what may match any value of a source after a chain. */
function cellMask(tx: Transaction, cell: number, filters: Prefilters): number[] {
  const { source, chain, plain } = tx.rules.cells[cell]!
  const automaton = tx.plan.automaton[cell] === 1
  if (
    plain !== cell &&
    chain.trigger !== -1 &&
    (tx.sourceClasses(source) & chain.trigger) === 0 &&
    tx.plan.automaton[plain]! >= tx.plan.automaton[cell]!
  ) {
    // No value has a byte that the chain would change.
    const same = tx.cellMasks[plain] ?? cellMask(tx, plain, filters)
    tx.cellMasks[cell] = same
    return same
  }
  let mask = NOTHING
  for (const value of tx.source(source)) {
    value.record ??= tx.record(value.text)
    const record = value.record.through(chain, tx.plan.strings.blank)
    // Most strings cannot match anything; only the others are worth a mask.
    if (!filters.look(record, automaton)) continue
    const { maybe } = record
    if (mask === NOTHING) mask = maybe.slice()
    else for (let w = 0; w < mask.length; w++) mask[w]! |= maybe[w]!
  }
  tx.cellMasks[cell] = mask
  return mask
}

/** Asks a predicate about a record's string, or remembers what it said. */
export function memoised(tx: Transaction, predicate: Predicate, record: StringRecord): boolean {
  const { plan } = tx
  const word = plan.word[predicate.index]!
  if (word < 0) {
    predicate.countMiss(tx)
    return matches(tx, predicate.operator, record.value)
  }
  const bit = plan.bit[predicate.index]!
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
