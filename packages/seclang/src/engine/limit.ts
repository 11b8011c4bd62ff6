/** What happens when a pattern that no automaton can run meets its limit. */

import { MatchLimitError } from '@portcullis/regex'
import type { Operator } from '../operators/index.ts'
import type { Transaction } from './transaction.ts'

/** Sets what the rules can see of a match limit that was met. */
function noteLimitOn(tx: Transaction): void {
  tx.limitsExceeded = true
  tx.tx.change('msc_pcre_limits_exceeded', () => '1')
}

/** Does an operator match? Over the limit it does not. Asked for every value, so it must not cost a closure. */
export function matches(tx: Transaction, operator: Operator, text: string): boolean {
  try {
    return operator.matches(text)
  } catch (error) {
    if (!(error instanceof MatchLimitError)) throw error
    noteLimitOn(tx)
    return false
  }
}

/** Runs a match; over the limit counts as `otherwise`, as in ModSecurity, and is noted. */
export function limited<T>(tx: Transaction, run: () => T, otherwise: T): T {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof MatchLimitError)) throw error
    noteLimitOn(tx)
    return otherwise
  }
}
