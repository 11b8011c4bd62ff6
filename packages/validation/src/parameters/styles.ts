import type { TypeReader } from './coerce.ts'
import { decodePercent, type Pair } from './pairs.ts'

/** How a parameter's value is written; OpenAPI 3 and Kong have the same names. */
export type Style = 'form' | 'simple' | 'label' | 'matrix' | 'spaceDelimited' | 'pipeDelimited' | 'deepObject'

/** Where a parameter stands, and the styles that may be there; the first is the default. */
export const STYLES: Readonly<Record<'query' | 'path' | 'header' | 'cookie', readonly [Style, ...Style[]]>> = {
  query: ['form', 'spaceDelimited', 'pipeDelimited', 'deepObject'],
  path: ['simple', 'label', 'matrix'],
  header: ['simple'],
  cookie: ['form'],
}

/** What a value is made of. */
export type Shape = 'scalar' | 'array' | 'object'

/** A value that is written in no way of its style. */
export const MALFORMED: unique symbol = Symbol('malformed')

/** The shape that a schema asks for. */
export function shapeOf(reader: TypeReader, schema: unknown): Shape {
  const types = reader.types(schema)
  if (types.has('array')) return 'array'
  return types.has('object') ? 'object' : 'scalar'
}

const SEPARATORS: Partial<Record<Style, RegExp>> = { spaceDelimited: /%20|\+| /, pipeDelimited: /%7[Cc]|\|/ }

/** The texts of a query parameter that is a list: repeated names, or one value with separators. */
export function queryList(pairs: readonly Pair[], style: Style, explode: boolean): string[] | typeof MALFORMED {
  if (explode && style === 'form') return pairs.map(({ value }) => value)
  if (pairs.length !== 1) return MALFORMED
  return decodeParts(pairs[0]!.raw.split(SEPARATORS[style] ?? ','))
}

/** The members of a query parameter that is an object written in one value: `a,1,b,2`. */
export function queryMembers(pairs: readonly Pair[], style: Style): [string, string][] | typeof MALFORMED {
  if (pairs.length !== 1) return MALFORMED
  const parts = decodeParts(pairs[0]!.raw.split(SEPARATORS[style] ?? ','))
  return parts === MALFORMED ? MALFORMED : pairUp(parts)
}

/** A path segment, decoded, without what its style puts before it: `.x` and `;name=x`. */
export function unwrapPath(
  text: string,
  style: Style,
  name: string,
  shape: Shape,
  explode: boolean,
): string | typeof MALFORMED {
  if (style === 'label') return text.startsWith('.') ? text.slice(1) : MALFORMED
  if (style !== 'matrix') return text
  if (shape === 'object' && explode) return text.startsWith(';') ? text.slice(1) : MALFORMED
  return text.startsWith(`;${name}=`) ? text.slice(name.length + 2) : MALFORMED
}

/** The texts of a list in a path or a header. */
export function splitList(text: string, style: Style, name: string, explode: boolean): string[] {
  if (text === '') return []
  if (style === 'label') return text.split(explode ? '.' : ',')
  if (style === 'matrix' && explode) return text.split(`;${name}=`)
  return text.split(',').map((part) => part.trim())
}

/** The members of an object in a path or a header: `a,1,b,2`, exploded `a=1,b=2`. */
export function splitMembers(text: string, style: Style, explode: boolean): [string, string][] | typeof MALFORMED {
  if (text === '') return []
  const separator = explode && style === 'label' ? '.' : explode && style === 'matrix' ? ';' : ','
  const parts = text.split(separator).map((part) => part.trim())
  if (!explode) return pairUp(parts)
  const members: [string, string][] = []
  for (const part of parts) {
    const equals = part.indexOf('=')
    if (equals === -1) return MALFORMED
    members.push([part.slice(0, equals), part.slice(equals + 1)])
  }
  return members
}

function pairUp(parts: readonly string[]): [string, string][] | typeof MALFORMED {
  if (parts.length % 2 !== 0) return MALFORMED
  return Array.from({ length: parts.length / 2 }, (_, i) => [parts[2 * i]!, parts[2 * i + 1]!])
}

function decodeParts(parts: readonly string[]): string[] | typeof MALFORMED {
  const decoded: string[] = []
  for (const part of parts) {
    const text = decodePercent(part.replaceAll('+', ' '))
    if (text === undefined) return MALFORMED
    decoded.push(text)
  }
  return decoded
}

/** Builds an object of members, each read by its schema; a name that stands twice is malformed. */
export function objectOf(
  members: readonly (readonly [string, string])[],
  read: (name: string, text: string) => unknown,
): Record<string, unknown> | typeof MALFORMED {
  const object: Record<string, unknown> = {}
  for (const [name, text] of members) {
    if (name === '__proto__' || Object.hasOwn(object, name)) return MALFORMED
    object[name] = read(name, text)
  }
  return object
}
