/** Asks the values of a link's variables. */

import type { Gate } from './gate.ts'
import { limited, matches } from './limit.ts'
import type { Exclusion, Link, Rule, Target } from './model.ts'
import { memoised } from './plan.ts'
import type { Question } from './question.ts'
import { record } from './report.ts'
import type { Chain, StringRecord } from './strings.ts'
import type { Transaction } from './transaction.ts'
import { Value } from './value.ts'

/** Does any value of the link's variables match? Effects run for each one that does. */
export function runLink(tx: Transaction, rule: Rule, link: Link): boolean {
  if (link.gate !== null && tx.exclusions.length === 0) return runGate(tx, rule, link, link.gate)
  const { question } = tx
  question.rule = rule
  question.link = link
  question.operator = link.predicate !== null ? link.predicate.operator : link.dynamic!(tx)
  question.exclusions = tx.exclusions.length === 0 ? link.exclusions : activeExclusions(tx, rule, link)
  const { targets } = link
  let any = false
  for (let i = 0; i < targets.length; i++) if (askTarget(tx, question, targets[i]!)) any = true
  return any
}

function runGate(tx: Transaction, rule: Rule, link: Link, gate: Gate): boolean {
  if (!gate.passes(tx)) return false
  hit(tx, rule, link, gate.name, gate.text(tx))
  return true
}

function activeExclusions(tx: Transaction, rule: Rule, link: Link): readonly Exclusion[] {
  const active = tx.exclusions.filter((e) => e.rules[rule.index] === 1).map((e) => e.exclusion)
  return active.length === 0 ? link.exclusions : [...link.exclusions, ...active]
}

function askTarget(tx: Transaction, question: Question, target: Target): boolean {
  if (target.count) {
    const value = new Value(target.info.id, target.selector, String(countOf(tx, target, question)))
    return ask(tx, question, value, true)
  }
  const values = valuesOf(tx, target)
  // The names of TX variables have been looked at.
  const regex = target.names === null ? target.regex : null
  const { exclusions } = question
  let any = false
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (regex !== null && !regex.test(value.key ?? '')) continue
    if (exclusions.length > 0 && excluded(value, exclusions)) continue
    if (ask(tx, question, value, false)) any = true
  }
  return any
}

const NONE: readonly Value[] = []

function valuesOf(tx: Transaction, target: Target): readonly Value[] {
  if (target.slot >= 0) {
    const text = tx.tx.slots[target.slot]
    return text === undefined ? NONE : [new Value(target.info.id, target.selector, text)]
  }
  if (target.names !== null) return tx.tx.chosen(target.names)
  return tx.source(target.source)
}

function countOf(tx: Transaction, target: Target, { exclusions }: Question): number {
  if (target.slot >= 0) return tx.tx.slots[target.slot] === undefined ? 0 : 1
  let n = 0
  for (const value of valuesOf(tx, target)) {
    if (target.names === null && target.regex !== null && !target.regex.test(value.key ?? '')) continue
    if (!excluded(value, exclusions)) n++
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
function ask(tx: Transaction, question: Question, value: Value, counted: boolean): boolean {
  const { link, operator } = question
  question.value = value
  question.counted = counted
  if (link.stages !== null) return askStages(tx, question, link.stages)
  const { predicate } = link
  if (link.chain.steps.length > 0 || (predicate !== null && tx.plan.bits[predicate.index]! >= 0)) {
    return askRecord(tx, question, tx.recordOf(value).through(link.chain, tx.plan.strings.blank))
  }
  // Nothing to transform and nothing to remember: a plain text needs no record.
  if (predicate !== null && !predicate.cheap) predicate.countMiss(tx)
  question.seen = null
  question.text = value.text
  return decide(tx, question, matches(tx, operator, value.text))
}

function askRecord(tx: Transaction, question: Question, seen: StringRecord): boolean {
  const { link, rule, operator } = question
  question.seen = seen
  question.text = seen.value
  if (link.predicate !== null) return decide(tx, question, memoised(tx, link.predicate, seen, rule.phase))
  return decide(tx, question, matches(tx, operator, seen.value))
}

/** multiMatch: the value is looked at before, between and after the transformations, once for each change. */
function askStages(tx: Transaction, question: Question, stages: readonly Chain[]): boolean {
  const first = tx.recordOf(question.value)
  let any = false
  let previous: unknown
  for (const chain of stages) {
    const seen = first.through(chain, tx.plan.strings.blank)
    if (seen === previous) continue
    previous = seen
    if (askRecord(tx, question, seen)) any = true
  }
  return any
}

function decide(tx: Transaction, question: Question, matched: boolean): boolean {
  const { link, text, value } = question
  if (matched === link.negated) return false
  if (link.capture) tx.tx.capture(link.negated ? [text] : captures(tx, question))
  hit(tx, question.rule, link, question.counted ? `&${value.name}` : value.name, text)
  return true
}

/** Captures of strings that come again and again, such as the names of headers, are remembered. */
function captures(tx: Transaction, { operator, seen, text }: Question): readonly string[] {
  if (seen?.capturedBy === operator) return seen.captured
  const before = tx.limitsExceeded
  tx.limitsExceeded = false
  const captured = limited(tx, () => operator.captures(text), [])
  if (seen !== null && !tx.limitsExceeded) {
    seen.capturedBy = operator
    seen.captured = captured
  }
  tx.limitsExceeded ||= before
  return captured
}

/** A value has matched. */
function hit(tx: Transaction, rule: Rule, link: Link, name: string, text: string): void {
  if (tx.hits > 0) tx.earlier.push({ name: tx.matchedName, text: tx.matchedText })
  tx.hits++
  tx.matchedName = name
  tx.matchedText = text
  if (tx.hits === 1 && link.next === null && link === rule.first) record(tx, rule)
  const { effects } = link
  for (let i = 0; i < effects.length; i++) effects[i]!(tx)
}
