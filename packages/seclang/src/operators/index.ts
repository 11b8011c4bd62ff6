/** The table of operators. */

import { compileRegex, type Regex, RegexSyntaxError } from '@portcullis/regex'
import { RuleMistake, unknownName } from '../errors.ts'
import { ipMatch, ipMatchLines } from './address.ts'
import { pm, pmLines } from './phrases.ts'
import * as text from './text.ts'
import { type Operator, type OperatorContext, type Prefilter, simple } from './types.ts'
import * as validate from './validate.ts'

export { toInteger } from './text.ts'
export type { Operator, OperatorContext } from './types.ts'

type Factory = (argument: string, context: OperatorContext) => Operator

const MAX_GROUPS = 10

function rx(pattern: string, context: OperatorContext): Operator {
  const regex = compileRegex(pattern, { multiline: context.multiline })
  return {
    matches: (value) => regex.test(value),
    captures: (value) => (regex.exec(value)?.captures ?? []).slice(0, MAX_GROUPS).map((c) => c ?? ''),
    prefilter: prefilterOf(regex),
  }
}

function prefilterOf(regex: Regex): Prefilter {
  const { literals } = regex
  if (literals !== undefined && literals.length > 0) return { kind: 'literals', literals }
  // What no automaton runs can only be asked.
  return regex.linear ? { kind: 'regex', regex } : { kind: 'none' }
}

/** As `rx`, with the captures of successive matches one after another. */
function rxGlobal(pattern: string, context: OperatorContext): Operator {
  const regex = compileRegex(pattern, { multiline: context.multiline })
  return {
    ...rx(pattern, context),
    captures: (value) =>
      regex
        .execAll(value, MAX_GROUPS)
        .flatMap((match) => match.captures.map((c) => c ?? ''))
        .slice(0, MAX_GROUPS),
  }
}

function detectSQLi(_argument: string, { detector }: OperatorContext): Operator {
  return {
    matches: (value) => detector.sqli(value).hit,
    captures: (value) => [detector.sqli(value).fingerprint],
    prefilter: { kind: 'special' },
  }
}

function detectXSS(_argument: string, { detector }: OperatorContext): Operator {
  return { ...simple((value) => detector.xss(value).hit), prefilter: { kind: 'special' } }
}

/** Matches addresses that the database of SecGeoLookupDb has; the engine fills GEO then. */
const geoLookup: Factory = (_argument, { geo }) => simple((value) => geo?.lookup(value) !== undefined)
/** Without a key ModSecurity asks nobody either; the compiler lets it pass in the Core Rule Set alone. */
const rbl: Factory = () => simple(() => false)
const pmFile: Factory = (argument, context) => pmLines(readAll(argument, context))
const ipFile: Factory = (argument, context) => ipMatchLines(readAll(argument, context))

function readAll(argument: string, context: OperatorContext): string {
  return argument
    .split(/\s+/)
    .filter((path) => path !== '')
    .map((path) => {
      if (/^https?:/i.test(path)) throw new RuleMistake(`${path}: files are not fetched over the network`)
      return context.readFile(path)
    })
    .join('\n')
}

const OPERATORS: Record<string, Factory> = {
  beginsWith: text.beginsWith,
  contains: text.contains,
  containsWord: text.containsWord,
  detectSQLi,
  detectXSS,
  endsWith: text.endsWith,
  eq: text.numeric((a, b) => a === b),
  ge: text.numeric((a, b) => a >= b),
  geoLookup,
  gt: text.numeric((a, b) => a > b),
  ipMatch,
  ipMatchF: ipFile,
  ipMatchFromFile: ipFile,
  le: text.numeric((a, b) => a <= b),
  lt: text.numeric((a, b) => a < b),
  noMatch: () => simple(() => false),
  pm,
  pmFromFile: pmFile,
  pmf: pmFile,
  rbl,
  rx,
  rxGlobal,
  streq: text.streq,
  strmatch: text.contains,
  unconditionalMatch: () => simple(() => true),
  validateByteRange: validate.validateByteRange,
  validateNid: validate.validateNid,
  validateUrlEncoding: validate.validateUrlEncoding,
  validateUtf8Encoding: validate.validateUtf8Encoding,
  verifyCC: validate.verifyCC,
  verifyCPF: validate.verifyCPF,
  verifySSN: validate.verifySSN,
  verifySVNR: validate.verifySVNR,
  within: text.within,
}

const REFUSED: Record<string, string> = {
  ipmatchfromdataset: 'is Coraza’s: put the entries into a file for @ipMatchFromFile',
  pmfromdataset: 'is Coraza’s: put the phrases into a file for @pmFromFile',
  restpath: 'is Coraza’s: use @rx with capture on REQUEST_FILENAME',
  gsblookup: 'Google’s Safe Browsing lists are not looked up',
  fuzzyhash: 'fuzzy hashes are not supported',
  inspectfile: 'running programs from rules is not supported',
  rsub: 'changing bodies from rules is not supported',
  validatedtd: 'XML is never validated against a DTD, which would mean reading one',
  validatehash: 'hash enforcement is not supported',
  validateschema: 'XML is not validated against schemas',
}

const BY_NAME = new Map(Object.entries(OPERATORS).map(([name, make]) => [name.toLowerCase(), make]))

/** The names that may follow `@`. */
const OPERATOR_NAMES: readonly string[] = Object.keys(OPERATORS)

/** The operators whose outcome is a comparison of whole numbers. */
export const NUMERIC: ReadonlySet<string> = new Set(['eq', 'ge', 'gt', 'le', 'lt'])

/**
 * Checks that an operator exists.
 * @throws RuleMistake when it does not, or is known and refused
 */
export function checkOperator(name: string): void {
  const low = name.toLowerCase()
  const refusal = Object.hasOwn(REFUSED, low) ? REFUSED[low] : undefined
  if (refusal !== undefined) throw new RuleMistake(`operator "@${name}": ${refusal}`)
  if (!BY_NAME.has(low))
    throw unknownName(
      'operator',
      `@${name}`,
      OPERATOR_NAMES.map((n) => `@${n}`),
    )
}

/**
 * Makes an operator.
 * @throws RuleMistake for an unknown name or an argument it cannot take
 */
export function makeOperator(name: string, argument: string, context: OperatorContext): Operator {
  checkOperator(name)
  try {
    return BY_NAME.get(name.toLowerCase())!(argument, context)
  } catch (error) {
    if (error instanceof RegexSyntaxError) throw new RuleMistake(`pattern of @${name}: ${error.message}`)
    throw error
  }
}
