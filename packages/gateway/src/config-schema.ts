import { type Component, type JSONSchema, type Level, redisSchema, schemaOf } from '@portcullis/core'
import { tlsSchema } from '@portcullis/tls'
import { backendSchema, documentSchema, endpointSchema } from './document-schema.ts'
import { components } from './pipeline.ts'

const COMMENTS: JSONSchema = { '^[@$_#]': true }

/** The JSON Schema (draft 7) of the whole configuration, for editors and for `portcullis check`. */
export function configSchema(): JSONSchema {
  const root = documentSchema.properties as Record<string, JSONSchema>
  const endpoint = endpointSchema.properties as Record<string, JSONSchema>
  const clientTls = components.find(({ name }) => name === 'client-tls')!
  const backend = {
    ...(backendSchema.properties as object),
    extra_config: blocks('backend'),
    client_tls: schemaOf(clientTls, 'backend'),
  }
  const endpoints = {
    ...endpoint,
    extra_config: blocks('endpoint'),
    backend: { ...endpoint.backend, items: { ...backendSchema, properties: backend } },
  }
  const properties = {
    ...root,
    $schema: { type: 'string' },
    tls: tlsSchema,
    client_tls: schemaOf(clientTls, 'backend'),
    redis: redisSchema,
    extra_config: blocks('service'),
    endpoints: { ...root.endpoints, items: { ...endpointSchema, properties: endpoints } },
  }
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Portcullis gateway configuration',
    ...documentSchema,
    properties,
    definitions: definitions(),
  }
  return withComments(schema) as JSONSchema
}

/** Every namespace of a level, old spellings included; what a block holds stands once, among the definitions. */
function blocks(level: Level): JSONSchema {
  const properties: Record<string, JSONSchema> = {}
  for (const component of components) {
    if (!component.levels.includes(level)) continue
    for (const namespace of component.namespaces)
      properties[namespace] = { $ref: `#/definitions/${nameOf(component, level)}` }
  }
  return { type: 'object', additionalProperties: false, properties }
}

function definitions(): Record<string, JSONSchema> {
  const found: Record<string, JSONSchema> = {}
  for (const component of components)
    for (const level of component.levels) found[nameOf(component, level)] = schemaOf(component, level)
  return found
}

/** Components whose blocks are the same at every level have one definition. */
function nameOf(component: Component, level: Level): string {
  const name = component.name.replaceAll('/', '-')
  return typeof component.schema === 'function' ? `${name}-${level}` : name
}

/** Comments are allowed in every object, and the keyword of our own is left out. */
function withComments(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withComments)
  if (typeof schema !== 'object' || schema === null) return schema
  const result: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(schema))
    if (key !== 'expects' || typeof value !== 'string') result[key] = withComments(value)
  allowVariables(result)
  if (result.additionalProperties === false && typeof result.properties === 'object') {
    result.patternProperties = { ...COMMENTS, ...(result.patternProperties as object | undefined) }
  }
  return result
}

const VARIABLE = '\\$\\{[A-Z_]'

/** Numbers, booleans and texts of a form may come out of the environment: `"${PORT:-8080}"`. */
function allowVariables(schema: Record<string, unknown>): void {
  if (typeof schema.pattern === 'string') schema.pattern = `(?:${schema.pattern})|${VARIABLE}`
  if (typeof schema.type !== 'string' || !['integer', 'number', 'boolean'].includes(schema.type)) return
  schema.type = [schema.type, 'string']
  schema.pattern = VARIABLE
}
