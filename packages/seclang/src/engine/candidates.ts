/**
 * Which rules of a phase can match at all: one look at each value marks the rules that it may concern, and the others are
 * never touched. The cost follows the bytes of the request, not rules times values.
 */

import { type GatedPlace, gatedPlace } from './gate.ts'
import type { Link, Rule } from './model.ts'
import type { Prefilters } from './prefilters.ts'
import type { RuleSet } from './ruleset.ts'
import type { Chain, StringRecord } from './strings.ts'
import type { Transaction } from './transaction.ts'
import type { Value } from './value.ts'

/** Values seen through a chain of transformations, with the rules that look at them so. */
interface View {
  readonly chain: Chain
  /** Bits of the predicates that are asked here. */
  readonly relevant: number[]
  /** Places of the rules that ask a predicate, by the number of its bit. */
  readonly places: Map<number, number[]>
  /** Whether patterns without literals are among the predicates. */
  automaton: boolean
}

/** The views of a source. */
interface Watch {
  readonly source: number
  /** Union over the views. */
  readonly relevant: number[]
  readonly views: View[]
  automaton: boolean
}

/** What to look at in a phase. */
export interface PhasePlan {
  /** Rules that must be run whatever the values are, as a bit set over their places. */
  readonly always: readonly number[]
  readonly watches: readonly Watch[]
  /** By place, the rules that begin with a gate. */
  readonly gates: readonly (GatedPlace | null)[]
}

class PhasePlanner {
  readonly always: number[]
  private readonly watches = new Map<number, Watch>()
  private readonly words: number

  constructor(rules: number, words: number) {
    this.always = new Array<number>((rules + 31) >>> 5).fill(0)
    this.words = words
  }

  add(rule: Rule, bit: number): void {
    const { first, place } = rule
    if (!first.filterable || bit < 0) {
      this.always[place >>> 5]! |= 1 << (place & 31)
      return
    }
    for (const { source } of first.targets) {
      for (const chain of first.stages ?? [first.chain]) this.look(source, chain, first, bit, place)
    }
  }

  private look(source: number, chain: Chain, link: Link, bit: number, place: number): void {
    const watch = this.watch(source)
    let view = watch.views.find((v) => v.chain === chain)
    if (view === undefined) {
      view = { chain, relevant: this.none(), places: new Map(), automaton: false }
      watch.views.push(view)
    }
    if (link.predicate!.operator.prefilter.kind === 'regex') watch.automaton = view.automaton = true
    watch.relevant[bit >>> 5]! |= 1 << (bit & 31)
    view.relevant[bit >>> 5]! |= 1 << (bit & 31)
    const places = view.places.get(bit) ?? []
    if (!places.includes(place)) view.places.set(bit, [...places, place])
  }

  private watch(source: number): Watch {
    let watch = this.watches.get(source)
    if (watch === undefined) {
      watch = { source, relevant: this.none(), views: [], automaton: false }
      this.watches.set(source, watch)
    }
    return watch
  }

  private none(): number[] {
    return new Array<number>(this.words).fill(0)
  }

  finish(gates: (GatedPlace | null)[]): PhasePlan {
    return { always: this.always, watches: [...this.watches.values()], gates }
  }
}

/**
 * Plans the look at the values for each phase.
 * @param words words in a mask of predicates
 * @param bits number of each predicate's bit, -1 for those that are not in the plan
 */
export function planPhases(rules: RuleSet, words: number, bits: Int32Array): PhasePlan[] {
  return rules.phases.map((list) => {
    const planner = new PhasePlanner(list.length, words)
    for (const rule of list) planner.add(rule, bits[rule.first.predicate?.index ?? -1] ?? -1)
    return planner.finish(list.map((rule) => gatedPlace(rule, rules.options.recordAll)))
  })
}

/** Looks at all values that the phase's rules ask for. @returns the rules that may match, as a bit set over places */
export function findCandidates(tx: Transaction, phase: number): number[] {
  const { plan } = tx
  const { always, watches } = plan.phases[phase]!
  const filters = phase <= 2 ? plan.request : plan.response
  const found = always.slice()
  for (let i = 0; i < watches.length; i++) {
    const watch = watches[i]!
    const values = tx.source(watch.source)
    for (let k = 0; k < values.length; k++) lookAt(tx, values[k]!, watch, filters, found)
  }
  return found
}

function lookAt(tx: Transaction, value: Value, watch: Watch, filters: Prefilters, found: number[]): void {
  const record = tx.recordOf(value)
  const { views } = watch
  // Most views show most values unchanged, so that one look does for them all.
  const plain = filters.look(record, watch.automaton) && meets(record, watch.relevant)
  for (let i = 0; i < views.length; i++) {
    const view = views[i]!
    const { chain } = view
    const isChanged = chain.trigger === -1 || (record.bits & chain.trigger) !== 0
    const seen = isChanged ? record.through(chain, tx.plan.strings.blank) : record
    if (seen === record ? plain : filters.look(seen, view.automaton)) mark(seen, view, found)
  }
}

function meets({ maybe }: StringRecord, relevant: readonly number[]): boolean {
  for (let w = 0; w < relevant.length; w++) if ((maybe[w]! & relevant[w]!) !== 0) return true
  return false
}

function mark({ maybe }: StringRecord, view: View, found: number[]): void {
  const { relevant } = view
  for (let w = 0; w < relevant.length; w++) {
    for (let bits = maybe[w]! & relevant[w]!; bits !== 0; bits &= bits - 1) {
      const places = view.places.get((w << 5) + 31 - Math.clz32(bits & -bits))!
      for (let i = 0; i < places.length; i++) found[places[i]! >>> 5]! |= 1 << (places[i]! & 31)
    }
  }
}

/** The first place in a bit set from `place` on; past its end when there is none. */
export function nextPlace(found: readonly number[], place: number): number {
  let word = place >>> 5
  if (word >= found.length) return place
  let bits = found[word]! & (-1 << (place & 31))
  while (bits === 0) {
    if (++word >= found.length) return word << 5
    bits = found[word]!
  }
  return (word << 5) + 31 - Math.clz32(bits & -bits)
}
