/** What an operator is to the engine. */

import type { Regex } from '@portcullis/regex'
import type { InjectionDetector } from '../detect/index.ts'
import type { GeoDatabase } from '../geo/database.ts'

/**
 * How to tell cheaply that an operator cannot match: `none` = ask it; `literals` = every match contains one of these
 * lower-cased strings (whatever the case); `regex` = no literal is known, but an automaton can run it together with others;
 * `special` = only values with a byte outside `[A-Za-z0-9_.-]` can match.
 */
export type Prefilter =
  | { readonly kind: 'none' }
  | { readonly kind: 'literals'; readonly literals: readonly string[] }
  | { readonly kind: 'regex'; readonly regex: Regex }
  | { readonly kind: 'special' }

/** An operator with its argument. Values are byte strings. */
export interface Operator {
  /**
   * Does the value match?
   * @throws MatchLimitError when a pattern no automaton can run meets its limit
   */
  matches(value: string): boolean
  /** The whole match and the groups of a value that matched, for `capture`; empty when the operator captures nothing. */
  captures(value: string): readonly string[]
  readonly prefilter: Prefilter
  /** Asking takes less than remembering what it said. */
  readonly cheap?: boolean
}

/** What operators need from outside. */
export interface OperatorContext {
  /** Reads a file named in an operator's argument, relative to the rule's own file; a byte string. */
  readFile(path: string): string
  readonly detector: InjectionDetector
  /** The database of SecGeoLookupDb. */
  readonly geo?: GeoDatabase | undefined
  /** Whether `^` and `$` match at line ends too. */
  readonly multiline: boolean
}

const NO_FILTER: Prefilter = { kind: 'none' }

/** A test that takes less than to remember what it said. */
export function cheap(matches: (value: string) => boolean): Operator {
  return { ...simple(matches), cheap: true }
}

/** An operator from a test, with the matched value as its only capture when `capture` is asked for. */
export function simple(matches: (value: string) => boolean, prefilter: Prefilter = NO_FILTER): Operator {
  return { matches, captures: (value) => [value], prefilter }
}
