/** GEO: what `@geoLookup` has found of an address. */

import type { NamedValue } from '../body/types.ts'
import { geoMembers } from '../geo/database.ts'
import type { Effect } from './model.ts'
import type { RuleSet } from './ruleset.ts'
import type { TransactionState } from './state.ts'

const found = new WeakMap<TransactionState, readonly NamedValue[]>()

/** Members of GEO in a transaction. */
export function geoOf(tx: TransactionState): readonly NamedValue[] {
  return found.get(tx) ?? []
}

/** Fills GEO with the record of the address that the operator has just matched. */
export function fillGeo({ config }: RuleSet): Effect {
  return (tx) => {
    const record = config.geo?.lookup(tx.matchedText)
    if (record !== undefined)
      found.set(
        tx,
        geoMembers(record).map(([key, value]) => ({ key, value })),
      )
  }
}
