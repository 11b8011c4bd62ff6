import { isCommentKey } from '@portcullis/core'

/**
 * What an object of a document is: `config` has comments; in a JSON `schema` keys with `$` are the language's own;
 * of a map of `schemas` by name, and of `data`, every key means something.
 */
export type Kind = 'config' | 'schema' | 'schemas' | 'data'

/** Where JSON Schemas stand in a configuration, and OpenAPI documents. */
const SCHEMA =
  /\["(?:validation\/json-schema|github[._]com\/devopsfaith\/krakend-jsonschema)"\]$|\["validation\/request"\]\.(?:body_schema|parameter_schema\[[0-9]+\]\.schema)$/
const DATA = /\["validation\/openapi"\]\.spec$/

const MAPS = new Set(['properties', 'patternProperties', 'definitions', '$defs', 'dependentSchemas', 'dependencies'])
const VALUES = new Set(['enum', 'const', 'default', 'examples', 'example'])

/** The kind of what stands under a key (or an index) of an object. */
export function kindOf(holder: Kind, key: string | number, place: string): Kind {
  if (holder === 'config') return SCHEMA.test(place) ? 'schema' : DATA.test(place) ? 'data' : 'config'
  if (holder === 'schemas') return 'schema'
  if (holder === 'schema' && MAPS.has(String(key))) return 'schemas'
  return holder === 'schema' && VALUES.has(String(key)) ? 'data' : holder
}

/** Is this key a comment in an object of that kind? */
export function isComment(kind: Kind, key: string): boolean {
  if (kind === 'config') return isCommentKey(key)
  return kind === 'schema' && isCommentKey(key) && !key.startsWith('$')
}
