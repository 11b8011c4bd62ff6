/** One value of a variable in a transaction. */

import { VARIABLE_LIST } from '../language/names.ts'
import type { StringRecord } from './strings.ts'

/** A value with the name of its member; both byte strings. */
export class Value {
  /** Id of the variable. */
  readonly variable: number
  /** Member name as sent, null for a scalar. */
  readonly key: string | null
  readonly text: string
  /** Filled in when a predicate first asks. */
  record: StringRecord | null = null
  private low: string | undefined

  constructor(variable: number, key: string | null, text: string) {
    this.variable = variable
    this.key = key
    this.text = text
  }

  /** Member name in lower case; empty for a scalar. */
  get lowKey(): string {
    this.low ??= this.key === null ? '' : this.key.toLowerCase()
    return this.low
  }

  /** Name as in logs: `ARGS:token`. */
  get name(): string {
    const name = VARIABLE_LIST[this.variable]!.name
    return this.key === null ? name : `${name}:${this.key}`
  }
}
