/** GEO: what `@geoLookup` has found of an address. */

import { geoMembers } from '../geo/database.ts'
import type { Effect } from './model.ts'
import type { RuleSet } from './ruleset.ts'

/** Fills GEO with the record of the address that the operator has just matched. */
export function fillGeo({ config }: RuleSet): Effect {
  return (tx) => {
    const record = config.geo?.lookup(tx.matchedText)
    if (record !== undefined) tx.geo = geoMembers(record).map(([key, value]) => ({ key, value }))
  }
}
