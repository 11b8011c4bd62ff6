/**
 * Validation of requests (and responses): three components, one step each before the handler.
 *
 * - {@link jsonSchemaValidation} `validation/json-schema`: the block is the schema of the body.
 * - {@link requestValidation} `validation/request`: body, query, path, headers and cookies.
 * - {@link openApiValidation} `validation/openapi`: all of that, and responses, as an OpenAPI document says.
 *
 * What is read is a copy of the bytes that go upstream; schemas are compiled at start; no schema, pattern or value can
 * make the process hang.
 */
import { type Component, type ComponentPlugin, toPlugin } from '@portcullis/core'
import type { JsonSchemaConfig, OpenApiConfig, RequestValidationConfig } from './config.ts'
import { jsonSchemaValidation } from './json-schema.ts'
import { openApiValidation } from './openapi.ts'
import { requestValidation } from './request.ts'

export type { JsonSchemaConfig, Mode, OpenApiConfig, ParameterConfig, RequestValidationConfig } from './config.ts'
export { jsonSchemaValidation, openApiValidation, requestValidation }

/** `validation/json-schema` as a Fastify plugin. */
export const jsonSchemaPlugin: ComponentPlugin<JsonSchemaConfig> = toPlugin(jsonSchemaValidation)

/** `validation/openapi` as a Fastify plugin. */
export const openApiPlugin: ComponentPlugin<OpenApiConfig> = toPlugin(openApiValidation)

/** `validation/request` as a Fastify plugin; routes may have blocks of all three components. */
const requestPlugin: ComponentPlugin<RequestValidationConfig> = toPlugin(requestValidation, [
  { component: jsonSchemaValidation as unknown as Component },
  { component: openApiValidation as unknown as Component },
])
export default requestPlugin
