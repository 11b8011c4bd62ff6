/** Reads a rule's list of variables: `ARGS|!ARGS:token|&REQUEST_HEADERS:Host|TX:/^h_/|XML://@*`. */

import { RuleMistake, unknownName } from '../errors.ts'
import { VARIABLES, type VariableInfo } from './names.ts'

/** One entry of the list. */
export interface VariableSpec {
  readonly info: VariableInfo
  /** Member name in lower case, a pattern when `regex`, an XPath for XML; null for the whole collection. */
  readonly selector: string | null
  readonly regex: boolean
  /** `&`: the number of members instead of the members. */
  readonly count: boolean
  /** `!`: taken out of what the other entries give. */
  readonly excluded: boolean
}

/** Index of the `|` that ends the selector which starts at `from`, or the end. */
function selectorEnd(text: string, from: number, closing: string): number {
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text.startsWith(closing, i) && (i + closing.length >= text.length || text[i + closing.length] === '|')) {
      return i
    }
  }
  throw new RuleMistake(`selector "${text.slice(from - 1, from + 40)}" is not closed`)
}

interface Selector {
  text: string
  regex: boolean
  end: number
}

function readSelector(text: string, start: number, xml: boolean): Selector {
  if (!xml && text[start] === '/') {
    const end = selectorEnd(text, start + 1, '/')
    return { text: text.slice(start + 1, end), regex: true, end: end + 1 }
  }
  if (!xml && text.startsWith("'/", start)) {
    const end = selectorEnd(text, start + 2, "/'")
    return { text: text.slice(start + 2, end), regex: true, end: end + 2 }
  }
  if (text[start] === "'") {
    const end = selectorEnd(text, start + 1, "'")
    return { text: text.slice(start + 1, end), regex: false, end: end + 1 }
  }
  const end = bareEnd(text, start)
  return { text: text.slice(start, end).trim(), regex: false, end }
}

/** A bar ends a bare selector, and so does a comma before the name of a variable; other commas belong to it. */
function bareEnd(text: string, start: number): number {
  const separator = /\||,(?=\s*[!&]?([A-Z_]+)\s*(?:[:|,]|$))/g
  separator.lastIndex = start
  for (let found = separator.exec(text); found !== null; found = separator.exec(text)) {
    if (found[1] === undefined || VARIABLES.has(found[1])) return found.index
  }
  return text.length
}

const XPATHS = new Set(['/*', '//@*', '//*'])

/** Known in ModSecurity 2 or Coraza, never filled here: a rule that looks at them could never match. */
const REFUSED: readonly (readonly [names: RegExp, reason: string])[] = [
  [/^PERF_/, 'times of rules are not measured'],
  [/^SCRIPT_/, 'belongs to Apache: there is no script file here'],
  [/^(?:WEBSERVER_ERROR_LOG|SDBM_DELETE_ERROR)$/, 'belongs to Apache'],
  [/^FILES_TMPNAMES$/, 'no upload is written to a file; FILES_TMP_CONTENT holds what was sent'],
  [/^ARGS_PATH$/, 'is Coraza’s, for @restpath: use @rx with capture on REQUEST_FILENAME'],
  [/^(?:JSON|RESPONSE_ARGS)$/, 'is Coraza’s: JSON of requests stands in ARGS, that of responses in RESPONSE_BODY'],
  [/^REQUEST_XML$/, 'is Coraza’s: use XML'],
  [/^RES(?:PONSE_XML$|_BODY_)/, 'is Coraza’s: bodies of responses are looked at as they are, in RESPONSE_BODY'],
  [/^ARGUMENTS_LIMIT_REACHED$/, 'is Coraza’s: more arguments than SecArgumentsLimit set REQBODY_ERROR'],
  [
    /^MULTIPART_(?:DUPLICATE_PART_HEADER|FILENAME_CHARSET|FILENAME_LANGUAGE)$/,
    'is Coraza’s: use MULTIPART_PART_HEADERS',
  ],
  [/^URI_PARSE_ERROR$/, 'is Coraza’s: a URL that cannot be parsed is refused before the rules'],
]

function variableNamed(name: string): VariableInfo {
  const refusal = REFUSED.find(([names]) => names.test(name))
  if (refusal !== undefined) throw new RuleMistake(`variable ${name}: ${refusal[1]}`)
  const info = VARIABLES.get(name)
  if (info === undefined) throw unknownName('variable', name, VARIABLES.keys())
  return info
}

function checkSelector(info: VariableInfo, selector: string | null, bareXml: boolean): void {
  if (info.name === 'XML') {
    if (selector === null && bareXml) return
    if (selector === null || !XPATHS.has(selector)) {
      const how = 'or SecParseXmlIntoArgs On and ARGS:xml.root.element'
      throw new RuleMistake(`XML needs one of the selectors ${[...XPATHS].join(', ')}, not "${selector ?? ''}"; ${how}`)
    }
  } else if (selector !== null && !info.collection) {
    throw new RuleMistake(`${info.name} has no members, so it takes no selector`)
  }
}

/** The `&` and `!` before a name, with separators that stand before them. */
function readMarks(text: string, start: number): { count: boolean; excluded: boolean; end: number } {
  let count = false
  let excluded = false
  let end = start
  for (; end < text.length && /[&!|,\s]/.test(text[end]!); end++) {
    if (text[end] === '&') count = true
    else if (text[end] === '!') excluded = true
  }
  return { count, excluded, end }
}

/**
 * Parses a list of variables.
 * @param bareXml whether XML may stand without an XPath, as it may in exclusions
 * @throws RuleMistake for an unknown name, a selector on a scalar, an XPath other than those of the Core Rule Set
 */
export function parseVariables(text: string, bareXml = false): VariableSpec[] {
  const specs: VariableSpec[] = []
  let i = 0
  for (;;) {
    const { count, excluded, end: start } = readMarks(text, i)
    if (start >= text.length) break
    const length = text.slice(start).search(/[:|,]/)
    i = length < 0 ? text.length : start + length
    const name = text.slice(start, i).trim().toUpperCase()
    const info = variableNamed(name)
    let selector: string | null = null
    let regex = false
    if (text[i] === ':') {
      const read = readSelector(text, i + 1, name === 'XML')
      regex = read.regex
      selector = regex || name === 'XML' ? read.text : read.text.toLowerCase()
      i = read.end
      if (i < text.length && text[i] !== '|' && text[i] !== ',') {
        throw new RuleMistake(`unexpected "${text.slice(i, i + 20)}" after a selector`)
      }
    }
    checkSelector(info, selector, bareXml || excluded)
    specs.push({ info, selector, regex, count, excluded })
  }
  if (specs.length === 0) throw new RuleMistake('the list of variables is empty')
  return specs
}
