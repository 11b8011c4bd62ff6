import { type JsonLimits, parseStrictJson } from '@portcullis/core'
import type { Mismatch, Validator } from '../schema/compile.ts'
import type { TypeReader } from './coerce.ts'
import { decodePercent, type Pair } from './pairs.ts'
import {
  MALFORMED,
  objectOf,
  queryList,
  queryMembers,
  type Shape,
  type Style,
  splitList,
  splitMembers,
  unwrapPath,
} from './styles.ts'

/** Where a parameter stands. */
export type ParameterPlace = 'query' | 'path' | 'header' | 'cookie'

/** One parameter, ready to check. */
export interface Parameter {
  in: ParameterPlace
  name: string
  required: boolean
  style: Style
  explode: boolean
  shape: Shape
  schema: unknown
  validate: Validator
  /** Are texts read as the schema's types? Otherwise they stay texts. */
  coerce: boolean
  allowEmpty: boolean
  /** The value is a JSON document (OpenAPI's `content`). */
  json: boolean
  reader: TypeReader
  limits: JsonLimits
}

const MISSING: Mismatch = { at: '', keyword: 'required', message: 'is missing' }
const TWICE: Mismatch = { at: '', keyword: 'style', message: 'is there more than once' }
const WRITTEN: Mismatch = { at: '', keyword: 'style', message: 'is not written in its style' }

/** What is wrong with a query parameter. @param pairs every pair of its name, @param all every pair of the query. */
export function checkQuery(
  parameter: Parameter,
  pairs: readonly Pair[] | undefined,
  all: ReadonlyMap<string, Pair[]>,
): Mismatch | undefined {
  const { shape, style, explode } = parameter
  if (shape === 'object' && !parameter.json && (style === 'deepObject' || (style === 'form' && explode))) {
    const members = style === 'deepObject' ? deepMembers(parameter.name, all) : formMembers(parameter, all)
    if (members === MALFORMED) return WRITTEN
    if (members.length === 0) return missing(parameter)
    return checkObject(parameter, members)
  }
  if (pairs === undefined) return missing(parameter)
  if (pairs.length === 1 && pairs[0]!.value === '' && parameter.allowEmpty) return undefined
  if (shape === 'array' && !parameter.json) return checkList(parameter, queryList(pairs, style, explode))
  if (pairs.length > 1) return TWICE
  if (shape === 'object' && !parameter.json) {
    const members = queryMembers(pairs, style)
    return members === MALFORMED ? WRITTEN : checkObject(parameter, members)
  }
  return checkText(parameter, pairs[0]!.value)
}

/** What is wrong with a parameter of the path or a header, or a cookie; the text is decoded. */
export function checkPlain(parameter: Parameter, text: string | undefined): Mismatch | undefined {
  if (text === undefined) return missing(parameter)
  if (parameter.json) return checkText(parameter, text)
  const { style, name, shape, explode } = parameter
  const value = unwrapPath(text, style, name, shape, explode)
  if (value === MALFORMED) return WRITTEN
  // A cookie's list is written `a,b`: its exploded form, several cookies of one name, is refused before.
  const exploded = explode && parameter.in !== 'cookie'
  if (shape === 'array') return checkList(parameter, splitList(value, style, name, exploded))
  if (shape === 'object') {
    const members = splitMembers(value, style, exploded)
    return members === MALFORMED ? WRITTEN : checkObject(parameter, members)
  }
  return checkText(parameter, value)
}

/** The values of a cookie in a `Cookie` header (RFC 6265 section 5.4), decoded. */
function cookieValues(header: string | undefined, name: string): string[] {
  const values: string[] = []
  for (const part of (header ?? '').split(';')) {
    const equals = part.indexOf('=')
    if (equals === -1 || part.slice(0, equals).trim() !== name) continue
    const value = part.slice(equals + 1).trim()
    values.push(decodePercent(value) ?? value)
  }
  return values
}

/** What is wrong with a cookie. */
export function checkCookie(parameter: Parameter, header: string | undefined): Mismatch | undefined {
  const values = cookieValues(header, parameter.name)
  return values.length > 1 ? TWICE : checkPlain(parameter, values[0])
}

function missing(parameter: Parameter): Mismatch | undefined {
  return parameter.required ? MISSING : undefined
}

function checkText(parameter: Parameter, text: string): Mismatch | undefined {
  const { validate, schema, reader } = parameter
  if (parameter.json) {
    const read = parseStrictJson(text, parameter.limits)
    return read.fault === undefined ? validate(read.value) : { at: '', keyword: read.fault, message: 'is not JSON' }
  }
  const readings = parameter.coerce ? reader.readings(text, schema) : [text]
  let first: Mismatch | undefined
  for (const reading of readings) {
    const mismatch = validate(reading)
    if (mismatch === undefined) return undefined
    first ??= mismatch
  }
  return first
}

function checkList(parameter: Parameter, texts: readonly string[] | typeof MALFORMED): Mismatch | undefined {
  if (texts === MALFORMED) return WRITTEN
  const { reader, schema, validate } = parameter
  const items = reader.items(schema)
  return validate(parameter.coerce ? texts.map((text) => reader.reading(text, items)) : texts)
}

function checkObject(parameter: Parameter, members: readonly (readonly [string, string])[]): Mismatch | undefined {
  const { reader, schema, validate } = parameter
  const read = (name: string, text: string): unknown =>
    parameter.coerce ? reader.reading(text, reader.property(schema, name)) : text
  const object = objectOf(members, read)
  return object === MALFORMED ? WRITTEN : validate(object)
}

/** `filter[a]=1&filter[b]=2`; deeper brackets have no meaning in OpenAPI. */
function deepMembers(name: string, all: ReadonlyMap<string, Pair[]>): [string, string][] | typeof MALFORMED {
  const members: [string, string][] = []
  for (const [key, pairs] of all) {
    if (!key.startsWith(`${name}[`)) continue
    const inner = key.slice(name.length + 1, -1)
    if (!key.endsWith(']') || inner === '' || /[[\]]/.test(inner) || pairs.length > 1) return MALFORMED
    members.push([inner, pairs[0]!.value])
  }
  return members
}

/** An exploded object: each member is a parameter of its own. */
function formMembers(parameter: Parameter, all: ReadonlyMap<string, Pair[]>): [string, string][] | typeof MALFORMED {
  const members: [string, string][] = []
  for (const name of parameter.reader.propertyNames(parameter.schema)) {
    const pairs = all.get(name)
    if (pairs === undefined) continue
    if (pairs.length > 1) return MALFORMED
    members.push([name, pairs[0]!.value])
  }
  return members
}
