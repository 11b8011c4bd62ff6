/** Says in words which rules a transaction met and why. */

import type { Transaction } from './engine/transaction.ts'

/** One rule that fired. Texts are cut, and bytes outside printable ASCII escaped. */
export interface Explanation {
  readonly ruleId: number
  readonly phase: number
  readonly message: string
  /** Name of the value that matched, as `ARGS:q`; empty for a rule that looks at nothing. */
  readonly variable: string
  /** The value after transformations. */
  readonly value: string
  /** What the rule says of the match in its `logdata`. */
  readonly data: string
  readonly file: string
  readonly line: number
  /** All in one: `id phase N: message — VARIABLE matched "value"`. */
  readonly text: string
}

const MAX_SHOWN = 120
const MAX_DATA = 300

function show(value: string, most = MAX_SHOWN): string {
  const cut = value.length > most ? `${value.slice(0, most)}…` : value
  return cut.replace(/[^ -~…]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/**
 * The rules that fired, in order.
 * @param all also those with `nolog`, which needs rules loaded with `engine: { recordAll: true }`
 */
export function explain(tx: Transaction, all = false): Explanation[] {
  return tx.matches
    .filter((match) => all || match.logged)
    .map(({ ruleId, phase, file, line, ...match }) => {
      const message = show(match.message)
      const variable = show(match.variable)
      const value = show(match.value)
      const why = variable === '' ? 'always' : `${variable} matched "${value}"`
      const text = `${ruleId} phase ${phase}: ${message || '(no message)'} — ${why}`
      return { ruleId, phase, message, variable, value, data: show(match.logData, MAX_DATA), file, line, text }
    })
}
