/** Rules in the form the engine runs. */

import type { Regex } from '@portcullis/regex'
import type { VariableInfo } from '../language/names.ts'
import type { Operator } from '../operators/index.ts'
import type { Gate } from './gate.ts'
import type { Macro } from './macro.ts'
import type { NamePattern } from './slots.ts'
import type { Chain } from './strings.ts'
import type { Transaction } from './transaction.ts'

/** Which values of a variable a rule looks at. */
export interface Target {
  readonly info: VariableInfo
  /** Member name in lower case (an XPath for XML), null for all members or when `regex` chooses. */
  readonly selector: string | null
  readonly regex: Regex | null
  /** Only the number of values counts. */
  readonly count: boolean
  /** Index among the sources of the rule set: variable and plain selector. */
  readonly source: number
  /** Slot when this is one TX variable, else -1. */
  readonly slot: number
  /** `regex` when this is TX. */
  readonly names: NamePattern | null
}

/** Values that are taken out again. */
export interface Exclusion {
  readonly variable: number
  readonly selector: string | null
  readonly regex: Regex | null
}

/** Questions after which a predicate belongs into the plan. */
const PROMOTE_AFTER = 400

/** An operator with a constant argument, shared by all rules that ask the same question. */
export class Predicate {
  readonly operator: Operator
  /** Index among the predicates of the rule set. */
  readonly index: number
  /** Whether rules of phases 1 and 2, or of the later ones, ask it. */
  inRequest = false
  inResponse = false
  /** Whether the pass for literals can tell that it does not match. */
  readonly filtered: boolean
  /** It is asked directly, and never part of a plan. */
  readonly cheap: boolean
  /** How often it was asked without being in the plan. */
  asked = 0

  constructor(index: number, operator: Operator) {
    this.index = index
    this.operator = operator
    this.cheap = operator.cheap === true
    this.filtered = operator.prefilter.kind === 'literals' || operator.prefilter.kind === 'special'
  }

  /** Counts a question that the plan did not foresee; one that is asked often gets into the next plan. */
  countMiss(tx: Transaction): void {
    if (++this.asked % PROMOTE_AFTER === 0) tx.rules.promote(this)
  }
}

/** Something a link does for each value that matches. */
export type Effect = (tx: Transaction) => void

/** One SecRule of a chain. */
export class Link {
  targets: readonly Target[] = []
  exclusions: readonly Exclusion[] = []
  chain!: Chain
  /** For multiMatch: the chain's beginnings, from none to all of it; else null. */
  stages: readonly Chain[] | null = null
  negated = false
  /** Set when the operator's argument is constant. */
  predicate: Predicate | null = null
  /** Set when it holds macros: the operator for the expanded argument. */
  dynamic: ((tx: Transaction) => Operator) | null = null
  /** Set when the link does no more than compare a TX variable with a number. */
  gate: Gate | null = null
  /** Whether one look at the values can tell that the predicate cannot match. */
  filterable = false
  capture = false
  effects: readonly Effect[] = []
  next: Link | null = null
}

/** What ends a transaction or part of it. */
export type Disruption = 'pass' | 'deny' | 'drop' | 'redirect' | 'allow' | 'allow:phase' | 'allow:request'

/** A rule, with all links of its chain. */
export class Rule {
  /** Position among all rules; array index for removals. */
  index = 0
  /** Position in its phase. */
  place = 0
  id = 0
  phase = 2
  first!: Link
  /** SecAction: matches without looking at anything. */
  unconditional = false
  file = ''
  line = 0
  message: Macro | null = null
  /** Message as written, for removal by message. */
  rawMessage = ''
  logData: Macro | null = null
  tags: readonly string[] = []
  severity = -1
  version = ''
  revision = ''
  maturity = 0
  accuracy = 0
  disruption: Disruption = 'pass'
  status = 403
  redirect: Macro | null = null
  log = true
  auditLog = true
  /** Rules to pass over after a match. */
  skip = 0
  /** Place in the phase to go on at after a match, -1 for the next rule. */
  skipTo = -1
}
