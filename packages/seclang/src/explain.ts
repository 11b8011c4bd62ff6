/** Says in words which rules a transaction met and why. */

import type { Transaction } from './engine/transaction.ts'

/** One rule that fired. */
export interface Explanation {
  readonly ruleId: number
  readonly phase: number
  /** `id phase N: message — VARIABLE matched "value"`, with bytes outside printable ASCII escaped. */
  readonly text: string
}

const MAX_SHOWN = 120

function show(value: string): string {
  const cut = value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value
  return cut.replace(/[^ -~…]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/**
 * The rules that fired, in order.
 * @param all also those with `nolog`, which needs rules loaded with `engine: { recordAll: true }`
 */
export function explain(tx: Transaction, all = false): Explanation[] {
  return tx.matches
    .filter((match) => all || match.logged)
    .map((match) => {
      const why = match.variable === '' ? 'always' : `${show(match.variable)} matched "${show(match.value)}"`
      const text = `${match.ruleId} phase ${match.phase}: ${show(match.message) || '(no message)'} — ${why}`
      return { ruleId: match.ruleId, phase: match.phase, text }
    })
}
