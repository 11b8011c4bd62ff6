/** Ids of variables that the engine treats in a way of their own. */

import { idOf, PERSISTENT } from '../language/names.ts'

/** Id of TX. */
export const TX_ID: number = idOf('TX')

const PERSISTENT_IDS: ReadonlySet<number> = new Set(PERSISTENT.map(idOf))

/** Whether a variable is a persistent collection. */
export function isPersistentId(id: number): boolean {
  return PERSISTENT_IDS.has(id)
}
