import { type Component, defaultJsonLimits, isJsonType } from '@portcullis/core'
import { bodyCheck } from './body.ts'
import { type JsonSchemaConfig, jsonSchemaSchema } from './config.ts'
import { Refusals } from './refusals.ts'
import { type Compiled, compileSchema } from './schema/compile.ts'

const BODYLESS = /^(?:GET|HEAD|OPTIONS|TRACE)$/
const compiled = new WeakMap<JsonSchemaConfig, Compiled>()

/** The block without the one field that is not the schema's. Compiled once for `check` and `create`. */
function compileBlock(config: JsonSchemaConfig): Compiled {
  let made = compiled.get(config)
  if (made === undefined) {
    const { mode: _, ...schema } = config
    made = compileSchema(schema)
    compiled.set(config, made)
  }
  return made
}

/**
 * `validation/json-schema`: the block is the schema of the request's body, as in KrakenD. 400 `BODY_INVALID` when the
 * body is no JSON of that schema, 415 when it is not declared as JSON.
 */
export const jsonSchemaValidation: Component<JsonSchemaConfig> = {
  name: 'validation/json-schema',
  namespaces: ['validation/json-schema', 'github.com/devopsfaith/krakend-jsonschema'],
  levels: ['endpoint'],
  schema: jsonSchemaSchema,
  check(config) {
    const issues = compileBlock(config).issues.map(({ place, message }) => ({ place, message }))
    if (config.mode !== undefined && config.mode !== 'enforce' && config.mode !== 'monitor') {
      issues.push({ place: '.mode', message: 'expected one of "enforce", "monitor"' })
    }
    return issues
  },
  create(config, context) {
    const { validate } = compileBlock(config)
    const rule = { validate }
    if (context.route?.methods.every((method) => BODYLESS.test(method)) === true) {
      context.log.warn({ place: context.place }, 'requests of these methods have no body, so the schema checks nothing')
    }
    const run = bodyCheck({
      ruleOf: (media) => (isJsonType(media) ? rule : undefined),
      required: true,
      limits: defaultJsonLimits,
      refusals: new Refusals(false),
    })
    return { body: { capture: true }, steps: [{ phase: 'preValidation', slot: 'validation', run }] }
  },
}
