/** Gates such as `TX:LEVEL "@lt 2"` and defaults such as `&TX:LEVEL "@eq 0"`, of which the Core Rule Set has hundreds. */

import { NUMERIC, toInteger } from '../operators/index.ts'
import type { Macro } from './macro.ts'
import type { Link, Rule } from './model.ts'
import type { Transaction } from './transaction.ts'

const LESS = 1
const EQUAL = 2
const GREATER = 4
/** The outcomes of a comparison with which an operator is content. */
const CONTENT: Record<string, number> = {
  eq: EQUAL,
  ge: GREATER | EQUAL,
  gt: GREATER,
  le: LESS | EQUAL,
  lt: LESS,
}

/** A link that compares a TX variable, or whether it is set, with a number: decided without any value object. */
export class Gate {
  /** What is compared, as in logs: `TX:level`, `&TX:level`. */
  readonly name: string
  private readonly slot: number
  private readonly count: boolean
  private readonly content: number
  /** The number when it is constant. */
  private readonly fixed: number | undefined
  private readonly argument: Macro

  constructor(link: Link, content: number, argument: Macro) {
    const { slot, count, selector } = link.targets[0]!
    this.name = `${count ? '&' : ''}TX:${selector}`
    this.slot = slot
    this.count = count
    this.content = link.negated ? ~content : content
    this.fixed = argument.constant === undefined ? undefined : toInteger(argument.constant)
    this.argument = argument
  }

  /** Whether the link matches. */
  passes(tx: Transaction): boolean {
    const text = tx.tx.slots[this.slot]
    if (text === undefined && !this.count) return false
    const left = this.count ? Number(text !== undefined) : toInteger(text!)
    const right = this.fixed ?? toInteger(this.argument.expand(tx))
    const outcome = left < right ? LESS : left === right ? EQUAL : GREATER
    return (this.content & outcome) !== 0
  }

  /** The text that was compared. */
  text(tx: Transaction): string {
    const text = tx.tx.slots[this.slot]
    if (this.count) return text === undefined ? '0' : '1'
    return text ?? ''
  }
}

/**
 * The gate that a link amounts to, if it is one.
 * @param name of the operator
 */
export function makeGate(link: Link, name: string, argument: Macro): Gate | null {
  const [target] = link.targets
  const low = name.toLowerCase()
  if (link.targets.length !== 1 || target!.slot < 0 || !NUMERIC.has(low)) return null
  if (link.chain.steps.length > 0 || link.stages !== null || link.capture || link.exclusions.length > 0) return null
  return new Gate(link, CONTENT[low]!, argument)
}

/** A rule that begins with a gate, as the loop over a phase's rules sees it. */
export interface GatedPlace {
  readonly gate: Gate
  /** The rule's index, and the place behind it. */
  readonly index: number
  readonly next: number
  /** Where to go on when the gate passes and the rule does no more than lead there; -1 when the rule is to be run. */
  readonly leads: number
}

/** What the loop can decide of a rule by its gate alone. */
export function gatedPlace(rule: Rule, recordAll: boolean): GatedPlace | null {
  const { first, index, place, skip, skipTo } = rule
  if (first.gate === null) return null
  const isQuiet = !rule.log && !recordAll && rule.disruption === 'pass' && rule.severity < 0
  const isPlain = first.next === null && first.effects.length === 0
  const next = place + 1
  return { gate: first.gate, index, next, leads: isQuiet && isPlain ? (skipTo >= 0 ? skipTo : next + skip) : -1 }
}
