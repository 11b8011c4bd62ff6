/** Gates such as `TX:LEVEL "@lt 2"` and defaults such as `&TX:LEVEL "@eq 0"`, of which the Core Rule Set has hundreds. */

import { NUMERIC, toInteger } from '../operators/index.ts'
import type { Macro } from './macro.ts'
import type { Gate, Link } from './model.ts'
import type { Transaction } from './transaction.ts'

const COMPARE: Record<string, (a: number, b: number) => boolean> = {
  eq: (a, b) => a === b,
  ge: (a, b) => a >= b,
  gt: (a, b) => a > b,
  le: (a, b) => a <= b,
  lt: (a, b) => a < b,
}

/**
 * The gate that a link amounts to, if it is one.
 * @param name of the operator
 */
export function makeGate(link: Link, name: string, argument: Macro): Gate | null {
  const [target] = link.targets
  const low = name.toLowerCase()
  if (link.targets.length !== 1 || target!.slot < 0 || !NUMERIC.has(low)) return null
  if (link.chain.steps.length > 0 || link.stages !== null || link.capture || link.exclusions.length > 0) return null
  const compare = COMPARE[low]!
  const { slot, count, selector } = target!
  const { negated } = link
  const fixed = argument.constant === undefined ? undefined : toInteger(argument.constant)
  const right = (tx: Transaction): number => fixed ?? toInteger(argument.expand(tx))
  if (count) {
    return {
      name: `&TX:${selector}`,
      passes: (tx) => compare(tx.tx.slots[slot] === undefined ? 0 : 1, right(tx)) !== negated,
      text: (tx) => (tx.tx.slots[slot] === undefined ? '0' : '1'),
    }
  }
  return {
    name: `TX:${selector}`,
    passes: (tx) => {
      const text = tx.tx.slots[slot]
      return text !== undefined && compare(toInteger(text), right(tx)) !== negated
    },
    text: (tx) => tx.tx.slots[slot] ?? '',
  }
}
