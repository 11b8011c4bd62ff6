import type { Operator } from '../operators/index.ts'
import type { Exclusion, Link, Rule } from './model.ts'
import type { StringRecord } from './strings.ts'
import type { Value } from './value.ts'

/** What is asked of the values of a link. A transaction has one, filled anew for each link and value. */
export class Question {
  rule!: Rule
  link!: Link
  operator!: Operator
  /** Exclusions from the rule and from `ctl`. */
  exclusions: readonly Exclusion[] = []
  value!: Value
  /** Whether the value is the number of values. */
  counted = false
  /** The value after the transformations, and its record if it has one. */
  text = ''
  seen: StringRecord | null = null
}
