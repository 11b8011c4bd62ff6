/** Runs the rules of one phase over a transaction. */

import type { Operator } from '../operators/index.ts'
import { TX_ID } from './ids.ts'
import { limited, matches } from './limit.ts'
import type { Exclusion, Link, Predicate, Rule, Target } from './model.ts'
import { mayMatch, memoised, nextCandidate } from './plan.ts'
import type { StringRecord } from './strings.ts'
import type { PhaseResult, Transaction } from './transaction.ts'
import { Value } from './value.ts'
import type { Verdict } from './verdict.ts'

/** What one evaluation of a link works with. */
interface Question {
  readonly link: Link
  readonly predicate: Predicate | null
  readonly operator: Operator
  /** Exclusions from the rule and from `ctl`. */
  readonly exclusions: readonly Exclusion[]
}

/**
 * Runs a phase from a rule on.
 * @returns the verdict if there is one; a promise when a collection is loaded from a store that answers later
 */
export function evaluatePhase(tx: Transaction, phase: number, from = 0): PhaseResult {
  if (tx.engine === 'Off' || (phase < 5 && (tx.verdict !== undefined || tx.allowedUntil >= phase))) return undefined
  const list = tx.rules.phases[phase]!
  let place = from
  for (;;) {
    // A probe wants to see every rule that is reached.
    if (tx.reached === null) place = nextCandidate(tx, phase, place)
    if (place >= list.length) break
    place = runRule(tx, list[place]!)
    if (tx.loading !== undefined) return resume(tx, phase, place)
    if (place < 0) break
  }
  tx.flushCollections()
  return phase < 5 ? tx.verdict : undefined
}

function resume(tx: Transaction, phase: number, place: number): Promise<Verdict | undefined> {
  const waiting = tx.loading!
  tx.loading = undefined
  return waiting.then(() => evaluatePhase(tx, phase, place < 0 ? Number.MAX_SAFE_INTEGER : place))
}

/** Runs one rule. @returns the place of the next rule, -1 to end the phase */
function runRule(tx: Transaction, rule: Rule): number {
  const next = rule.place + 1
  const link = rule.first
  if (tx.removed !== null && tx.removed[rule.index] === 1) return next
  if (tx.reached !== null) noteReached(tx.reached, rule)
  if (link.guard !== null && !link.guard(tx)) return next
  if (link.group >= 0 && !mayMatch(tx, link, rule.phase)) return next
  tx.currentRule = rule
  if (tx.matched.length > 0) tx.matched = []
  if (rule.unconditional) {
    for (const effect of link.effects) effect(tx)
  } else if (!runLink(tx, rule, link)) return next
  for (let l = link.next; l !== null; l = l.next) {
    if (l.guard !== null && !l.guard(tx)) return next
    if (l.group >= 0 && !mayMatch(tx, l, rule.phase)) return next
    if (!runLink(tx, rule, l)) return next
  }
  return conclude(tx, rule)
}

function noteReached(reached: Set<Predicate>, rule: Rule): void {
  for (let link: Link | null = rule.first; link !== null; link = link.next) {
    if (link.predicate !== null && !rule.unconditional) reached.add(link.predicate)
  }
}

/** A rule has matched with all its links. */
function conclude(tx: Transaction, rule: Rule): number {
  if (rule.severity >= 0 && rule.severity < tx.highestSeverity) tx.highestSeverity = rule.severity
  // Single-link rules have been recorded at their first matching value.
  if (rule.first.next !== null || rule.unconditional) record(tx, rule)
  if (rule.disruption !== 'pass' && disrupt(tx, rule)) return -1
  if (tx.engine === 'Off') return -1
  if (rule.skipTo >= 0) return rule.skipTo
  return rule.place + 1 + rule.skip
}

function record(tx: Transaction, rule: Rule): void {
  // Rules that only steer leave no trace, which keeps gates and initialisation cheap.
  if (!rule.log && rule.disruption === 'pass' && !tx.rules.options.recordAll) return
  tx.matches.push({
    ruleId: rule.id,
    phase: rule.phase,
    message: rule.message?.expand(tx) ?? '',
    logData: rule.logData?.expand(tx) ?? '',
    tags: rule.tags,
    severity: rule.severity,
    variable: tx.matchedName,
    value: tx.matchedText,
    logged: rule.log,
    auditLogged: rule.auditLog,
    disruption: rule.disruption,
    version: rule.version,
    revision: rule.revision,
    maturity: rule.maturity,
    accuracy: rule.accuracy,
    file: rule.file,
    line: rule.line,
  })
}

/** @returns whether the phase ends here */
function disrupt(tx: Transaction, rule: Rule): boolean {
  if (tx.engine !== 'On') return false
  const { disruption, phase, status } = rule
  if (disruption === 'allow:phase') return true
  if (disruption === 'allow:request' || disruption === 'allow') {
    tx.allowedUntil = disruption === 'allow' ? 4 : 2
    return true
  }
  if (phase === 5) return false
  const verdict = { status, ruleId: rule.id, phase, message: rule.message?.expand(tx) ?? '' }
  if (disruption === 'redirect') {
    const redirect = status >= 300 && status < 400 ? status : 302
    tx.verdict = { ...verdict, status: redirect, action: 'redirect', location: rule.redirect?.expand(tx) ?? '/' }
  } else tx.verdict = { ...verdict, action: disruption as 'deny' | 'drop' }
  return true
}

function activeExclusions(tx: Transaction, rule: Rule, link: Link): readonly Exclusion[] {
  if (tx.exclusions.length === 0) return link.exclusions
  const active = tx.exclusions.filter((e) => e.rules[rule.index] === 1).map((e) => e.exclusion)
  return active.length === 0 ? link.exclusions : [...link.exclusions, ...active]
}

/** Does any value of the link's variables match? Effects run for each one that does. */
function runLink(tx: Transaction, rule: Rule, link: Link): boolean {
  const predicate = link.predicate
  const operator = predicate !== null ? predicate.operator : link.dynamic!(tx)
  const question: Question = { link, predicate, operator, exclusions: activeExclusions(tx, rule, link) }
  let any = false
  for (const target of link.targets) {
    if (target.count) {
      const value = new Value(target.info.id, target.selector, String(countOf(tx, target, question)))
      if (ask(tx, rule, question, value, `&${value.name}`)) any = true
      continue
    }
    for (const value of valuesOf(tx, target)) {
      if (target.regex !== null && !target.regex.test(value.key ?? '')) continue
      if (question.exclusions.length > 0 && excluded(value, question.exclusions)) continue
      if (ask(tx, rule, question, value, null)) any = true
    }
  }
  return any
}

function valuesOf(tx: Transaction, target: Target): readonly Value[] {
  if (target.regex !== null && target.info.id === TX_ID) {
    target.slots ??= tx.tx.slotsMatching(target.regex)
    return tx.tx.chosen(target.slots, target.regex).map(([name, text]) => new Value(TX_ID, name, text))
  }
  if (target.slot < 0) return tx.source(target.source)
  const text = tx.tx.slots[target.slot]
  return text === undefined ? [] : [new Value(target.info.id, target.selector, text)]
}

function countOf(tx: Transaction, target: Target, question: Question): number {
  if (target.slot >= 0) return tx.tx.slots[target.slot] === undefined ? 0 : 1
  let n = 0
  for (const value of valuesOf(tx, target)) {
    if (target.regex !== null && !target.regex.test(value.key ?? '')) continue
    if (!excluded(value, question.exclusions)) n++
  }
  return n
}

function excluded(value: Value, exclusions: readonly Exclusion[]): boolean {
  for (const e of exclusions) {
    if (e.variable !== value.variable) continue
    if (e.regex !== null ? e.regex.test(value.key ?? '') : e.selector === null || e.selector === value.lowKey)
      return true
  }
  return false
}

/** Puts one value through the transformations and the operator; on a match the effects run. */
function ask(tx: Transaction, rule: Rule, question: Question, value: Value, name: string | null): boolean {
  const { link, predicate, operator } = question
  if (link.stages !== null) return askStages(tx, rule, question, value, name)
  const planned = predicate !== null && tx.plan.word[predicate.index]! >= 0
  if (!planned && link.chain.steps.length === 0) {
    // Nothing to transform and nothing to remember: a plain text needs no record.
    if (predicate !== null) predicate.countMiss(tx)
    const hit = matches(tx, operator, value.text)
    return decide(tx, rule, question, value, value.text, name, hit)
  }
  value.record ??= tx.record(value.text)
  const record = value.record.through(link.chain, tx.plan.strings.blank)
  return decide(tx, rule, question, value, record.value, name, answer(tx, question, record))
}

function answer(tx: Transaction, question: Question, record: StringRecord): boolean {
  const { predicate, operator } = question
  if (predicate !== null) return memoised(tx, predicate, record)
  return matches(tx, operator, record.value)
}

/** multiMatch: the value is looked at before, between and after the transformations, once for each change. */
function askStages(tx: Transaction, rule: Rule, question: Question, value: Value, name: string | null): boolean {
  value.record ??= tx.record(value.text)
  let any = false
  let previous: unknown
  for (const chain of question.link.stages!) {
    const record = value.record.through(chain, tx.plan.strings.blank)
    if (record === previous) continue
    previous = record
    if (decide(tx, rule, question, value, record.value, name, answer(tx, question, record))) any = true
  }
  return any
}

/** Apart from `decide`, so that only who captures pays for the closure. */
function captures(tx: Transaction, operator: Operator, text: string): readonly string[] {
  return limited(tx, () => operator.captures(text), [])
}

function decide(
  tx: Transaction,
  rule: Rule,
  question: Question,
  value: Value,
  text: string,
  name: string | null,
  hit: boolean,
): boolean {
  const { link } = question
  if (hit === link.negated) return false
  if (link.capture) tx.tx.capture(link.negated ? [text] : captures(tx, question.operator, text))
  tx.matchedName = name ?? value.name
  tx.matchedText = text
  tx.matched.push({ name: tx.matchedName, text })
  if (tx.matched.length === 1 && link.next === null && link === rule.first) record(tx, rule)
  for (const effect of link.effects) effect(tx)
  return true
}
