/** Runs the rules of one phase over a transaction. */

import { findCandidates, nextPlace } from './candidates.ts'
import type { GatedPlace } from './gate.ts'
import { runLink } from './match.ts'
import type { Link, Predicate, Rule } from './model.ts'
import { record } from './report.ts'
import type { PhaseResult, Transaction } from './transaction.ts'
import type { Verdict } from './verdict.ts'

/**
 * Runs a phase from a rule on.
 * @returns the verdict if there is one; a promise when a collection is loaded from a store that answers later
 */
export function evaluatePhase(tx: Transaction, phase: number, from = 0): PhaseResult {
  if (tx.engine === 'Off' || (phase < 5 && (tx.verdict !== undefined || tx.allowedUntil >= phase))) return undefined
  const list = tx.rules.phases[phase]!
  const { gates } = tx.plan.phases[phase]!
  let place = from
  if (from === 0) tx.candidates = null
  for (;;) {
    // A probe wants to see every rule that is reached.
    if (tx.reached === null) place = nextPlace(candidatesOf(tx, phase), place)
    if (place >= list.length) break
    const gated = gates[place]!
    const decided = gated === null ? -1 : byGate(tx, gated)
    if (decided >= 0) {
      place = decided
      continue
    }
    place = runRule(tx, list[place]!)
    if (tx.loading !== undefined) return resume(tx, phase, place)
    if (place < 0) break
  }
  tx.flushCollections()
  return phase < 5 ? tx.verdict : undefined
}

/** Where to go on when a gate alone decides on its rule, which many do; -1 when the rule is to be run. */
function byGate(tx: Transaction, { gate, index, next, leads }: GatedPlace): number {
  if (tx.exclusions.length > 0 || tx.reached !== null) return -1
  if ((tx.removed !== null && tx.removed[index] === 1) || !gate.passes(tx)) return next
  if (leads >= 0) tx.noteOnly(gate.name, gate.text(tx))
  return leads
}

/** What was found is void once a value may have changed. */
function candidatesOf(tx: Transaction, phase: number): readonly number[] {
  tx.candidates ??= findCandidates(tx, phase)
  return tx.candidates
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
  tx.currentRule = rule
  tx.forgetHits()
  if (rule.unconditional) {
    for (const effect of link.effects) effect(tx)
  } else if (!runLink(tx, rule, link)) return next
  for (let l = link.next; l !== null; l = l.next) if (!runLink(tx, rule, l)) return next
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
