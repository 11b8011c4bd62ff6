import type { JSONSchema } from '@portcullis/core'
import { KEYWORDS } from './keywords.ts'

/**
 * Translates a draft-04 schema, which is also what OpenAPI 3.0 writes, into draft-07: `exclusiveMinimum: true` becomes
 * a number, `id` becomes `$id`. What stands beside a `$ref` is dropped, as both say.
 *
 * @param alter changes one translated schema further; OpenAPI's `nullable` is read by it.
 */
export function fromDraft04(schema: unknown, alter: (schema: JSONSchema) => JSONSchema = (same) => same): unknown {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return schema
  const source = schema as JSONSchema
  const copy: JSONSchema = {}
  for (const [keyword, value] of Object.entries(source)) copy[keyword] = translate(keyword, value, alter)
  if (typeof source.id === 'string' && source.$id === undefined) {
    copy.$id = source.id
    delete copy.id
  }
  for (const [exclusive, bound] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    if (typeof copy[exclusive] !== 'boolean') continue
    const strict = copy[exclusive] && typeof copy[bound] === 'number'
    if (strict) copy[exclusive] = copy[bound]
    else delete copy[exclusive]
    if (strict) delete copy[bound]
  }
  return alter(copy)
}

function translate(keyword: string, value: unknown, alter: (schema: JSONSchema) => JSONSchema): unknown {
  const { holds } = KEYWORDS.get(keyword) ?? {}
  if (holds === undefined || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((part) => fromDraft04(part, alter))
  if (holds !== 'map' && holds !== 'dependencies') return fromDraft04(value, alter)
  const parts = Object.entries(value).map(([name, part]) => [
    name,
    Array.isArray(part) ? part : fromDraft04(part, alter),
  ])
  return Object.fromEntries(parts)
}
