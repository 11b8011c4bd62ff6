import type { Operator } from '../operators/index.ts'
import type { Exclusion, Link, Rule } from './model.ts'

/** What is asked of the values of a link. A transaction has one, filled anew for each link that it runs. */
export class Question {
  rule!: Rule
  link!: Link
  operator!: Operator
  /** Exclusions from the rule and from `ctl`. */
  exclusions: readonly Exclusion[] = []
}
