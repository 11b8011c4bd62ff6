import { lettersOf } from '../../../src/detect/sql-fingerprints.ts'
import { isExcused, readContexts } from '../../../src/detect/sqli.ts'
import { recordedTokens, recordedVerdicts } from '../corpus.ts'
import { ruleVerdicts } from '../rule-verdicts.ts'

/** One or more values as their fingerprints, one for each context in which they are not excused, and whether one is a hit. */
export interface LearningCase {
  name: string
  sqli: boolean
  fingerprints: string[]
}

/** Reads values with our own lexer and folding. */
function learningCase(name: string, values: readonly string[], sqli: boolean): LearningCase {
  const fingerprints = new Set<string>()
  for (const value of values) {
    readContexts(value, (reading) => {
      if (reading.code !== 0 && !isExcused(value, reading)) fingerprints.add(lettersOf(reading.tokens).toUpperCase())
      return false
    })
  }
  return { name, sqli, fingerprints: [...fingerprints] }
}

/** All that is recorded, by where it comes from. */
export interface Recorded {
  /** The recorded verdicts of values; undefined where they do not lie beside the checkout. */
  values: LearningCase[] | undefined
  /** Requests recorded with ModSecurity, and the rule sets' own tests: one of several values decided. */
  requests: LearningCase[]
  /** Expectations of fingerprints. */
  expectations: LearningCase[]
}

/** Reads what is recorded. */
export function recordedCases(): Recorded {
  return {
    values: recordedVerdicts()?.map(({ value, sqli }) => learningCase(value, [value], sqli)),
    requests: ruleVerdicts().map(({ name, values, sqli }) => learningCase(name, values, sqli)),
    expectations: (recordedTokens() ?? [])
      .filter(({ kind, input }) => kind === 'sqli' && !input.startsWith('--EXPECTED--'))
      .map(({ name, input, expected }) => learningCase(name, [input], expected.join('').trim() !== '')),
  }
}

/** A stable number of a name, to deal cases into parts. */
export function hash(name: string): number {
  let state = 2166136261
  for (let at = 0; at < name.length; at++) state = Math.imul(state ^ name.charCodeAt(at), 16777619)
  state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d)
  return (state ^ (state >>> 12)) >>> 0
}
