import {
  type Component,
  type ConfigIssue,
  ConfigurationError,
  defaultJsonLimits,
  isJsonType,
  type JSONSchema,
  type JsonLimits,
  parseMediaType,
  type RequestStep,
  type Step,
} from '@portcullis/core'
import { bodyCheck } from './body.ts'
import { type ParameterConfig, type RequestValidationConfig, requestSchema } from './config.ts'
import { ContentTypes, isTypeEntry } from './content-types.ts'
import { pointerResolver, TypeReader } from './parameters/coerce.ts'
import type { Parameter } from './parameters/parameter.ts'
import { Parameters } from './parameters/parameters.ts'
import { STYLES, shapeOf } from './parameters/styles.ts'
import { Refusals } from './refusals.ts'
import { type Compiled, compileSchema } from './schema/compile.ts'

const FORM = 'application/x-www-form-urlencoded'
const BODY_FIELDS = [
  'body_schema',
  'allowed_content_types',
  'max_depth',
  'max_keys',
  'max_array_element_count',
  'max_object_entry_name_length',
  'max_string_value_length',
  'duplicate_keys',
] as const

interface Prepared {
  issues: ConfigIssue[]
  /** Rules for bodies are stated. */
  body: boolean
  bodySchema: Compiled | undefined
  bodySource: JSONSchema | boolean | undefined
  parameters: Parameter[]
  types: ContentTypes
}

const prepared = new WeakMap<RequestValidationConfig, Prepared>()

/** Compiles a block once, for `check` and for `create`. */
function prepare(config: RequestValidationConfig): Prepared {
  let made = prepared.get(config)
  if (made === undefined) {
    made = compileBlock(config)
    prepared.set(config, made)
  }
  return made
}

function compileBlock(config: RequestValidationConfig): Prepared {
  const issues: ConfigIssue[] = []
  const { body_schema: bodySchema, parameter_schema: parameters = [], version } = config
  const body = BODY_FIELDS.some((field) => config[field] !== undefined)
  if (!body && parameters.length === 0 && config.reject_unknown_parameters !== true) {
    issues.push({ place: '', message: 'checks nothing: state body_schema, parameter_schema or a limit' })
  }
  const types = config.allowed_content_types ?? ['application/json']
  issues.push(...typeIssues(types, bodySchema !== undefined))
  const source = bodySchema === undefined ? undefined : schemaValue(bodySchema, '.body_schema', issues)
  const compiled = source === undefined ? undefined : compileSchema(source, version)
  issues.push(...within('.body_schema', compiled?.issues ?? []))
  const names = new Set<string>()
  return {
    issues,
    body,
    bodySchema: compiled,
    bodySource: source,
    types: new ContentTypes(types.filter(isTypeEntry)),
    parameters: parameters.flatMap((parameter, index) => {
      const key = `${parameter.in} ${parameter.in === 'header' ? parameter.name.toLowerCase() : parameter.name}`
      if (names.has(key)) issues.push({ place: `.parameter_schema[${index}]`, message: 'is declared already' })
      names.add(key)
      return compileParameter(parameter, `.parameter_schema[${index}]`, config, issues)
    }),
  }
}

/** With a schema every allowed type must be one that can be read; otherwise it would be refused or, worse, let through. */
function typeIssues(types: readonly string[], withSchema: boolean): ConfigIssue[] {
  return types.flatMap((entry, index) => {
    const place = `.allowed_content_types[${index}]`
    const media = parseMediaType(entry)
    if (media === undefined) return [{ place, message: 'expected a content type such as "application/json"' }]
    const readable =
      isJsonType(media) || media.essence === FORM || (media.type === 'application' && media.subtype === '*')
    return withSchema && !readable
      ? [{ place, message: 'cannot be checked against body_schema: allow JSON types and forms only' }]
      : []
  })
}

function compileParameter(
  parameter: ParameterConfig,
  place: string,
  config: RequestValidationConfig,
  issues: ConfigIssue[],
): Parameter[] {
  const { in: where, name } = parameter
  const source = parameter.schema === undefined ? true : schemaValue(parameter.schema, `${place}.schema`, issues)
  const allowed: readonly string[] = STYLES[where]
  const style = parameter.style ?? STYLES[where][0]
  if (!allowed.includes(style)) {
    issues.push({
      place: `${place}.style`,
      message: `expected one of ${allowed.map((each) => JSON.stringify(each)).join(', ')} in ${where}`,
    })
  }
  if (source === undefined) return []
  const compiled = compileSchema(source, config.version)
  issues.push(...within(`${place}.schema`, compiled.issues))
  if (compiled.validate === undefined) return []
  const reader = new TypeReader(pointerResolver(source))
  return [
    {
      in: where,
      name,
      required: parameter.required ?? where === 'path',
      style,
      explode: parameter.explode ?? style === 'form',
      shape: shapeOf(reader, source),
      schema: source,
      validate: compiled.validate,
      coerce: config.coerce ?? true,
      allowEmpty: false,
      json: false,
      reader,
      limits: limitsOf(config),
    },
  ]
}

/** A schema, also as the JSON text that Kong wants. */
function schemaValue(
  value: JSONSchema | boolean | string,
  place: string,
  issues: ConfigIssue[],
): JSONSchema | boolean | undefined {
  if (typeof value !== 'string') return value
  try {
    const parsed: unknown = JSON.parse(value)
    if (typeof parsed === 'boolean' || (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))) {
      return parsed as JSONSchema | boolean
    }
    const kong = Array.isArray(parsed) ? ': a list is Kong’s own notation, write a JSON Schema' : ''
    issues.push({ place, message: `expected a JSON Schema${kong}` })
  } catch {
    issues.push({ place, message: 'is a text that is not JSON' })
  }
  return undefined
}

function within(place: string, issues: readonly ConfigIssue[]): ConfigIssue[] {
  return issues.map((issue) => ({ place: place + issue.place, message: issue.message }))
}

function limitsOf(config: RequestValidationConfig): JsonLimits {
  const bound = (value: number | undefined, fallback: number): number =>
    value === undefined ? fallback : value < 0 ? Number.POSITIVE_INFINITY : value
  return {
    maxDepth: config.max_depth ?? defaultJsonLimits.maxDepth,
    maxKeys: bound(config.max_keys, defaultJsonLimits.maxKeys),
    maxItems: bound(config.max_array_element_count, defaultJsonLimits.maxItems),
    maxNameLength: bound(config.max_object_entry_name_length, defaultJsonLimits.maxNameLength),
    maxStringLength: bound(config.max_string_value_length, defaultJsonLimits.maxStringLength),
    duplicateKeys: config.duplicate_keys ?? 'reject',
  }
}

/** A parameter of the path that the route does not have would refuse every request, or check none. */
function routeIssues(parameters: readonly Parameter[], url: string | undefined, place: string): ConfigIssue[] {
  if (url === undefined) return []
  const names = new Set([...url.matchAll(/:(\w+)/g)].map((match) => match[1]))
  return parameters
    .filter((parameter) => parameter.in === 'path' && !names.has(parameter.name))
    .map(({ name }) => ({ place, message: `the route ${url} has no parameter ${JSON.stringify(name)}` }))
}

/** `validation/request`: body and parameters against schemas, as Kong's request-validator, and limits on JSON. */
export const requestValidation: Component<RequestValidationConfig> = {
  name: 'validation/request',
  namespaces: ['validation/request'],
  levels: ['endpoint'],
  schema: requestSchema,
  renamedFields: {
    max_container_depth: 'max_depth',
    max_object_entry_count: 'max_keys',
  },
  check: (config) => prepare(config).issues,
  create(config, context) {
    const { body, bodySchema, bodySource, parameters, types } = prepare(config)
    const refusals = new Refusals(config.verbose_response === true)
    const steps: Step[] = []
    const add = (run: RequestStep) => steps.push({ phase: 'preValidation', slot: 'validation', run })
    if (parameters.length > 0 || config.reject_unknown_parameters === true) {
      const check = new Parameters(parameters, { rejectUnknown: config.reject_unknown_parameters === true, refusals })
      add((request) => check.check(request, request.params as Record<string, unknown>))
    }
    if (body) {
      const reader = bodySource === undefined ? undefined : new TypeReader(pointerResolver(bodySource))
      const rule = { validate: bodySchema?.validate, schema: bodySource, reader }
      add(
        bodyCheck({
          ruleOf: (media) => (types.allows(media) ? rule : undefined),
          required: bodySchema !== undefined,
          limits: limitsOf(config),
          refusals,
        }),
      )
    }
    const issues = routeIssues(parameters, context.route?.url, context.place)
    return {
      ...(body ? { body: { capture: true } } : undefined),
      steps,
      ready: async () => {
        if (issues.length > 0) throw new ConfigurationError(issues)
      },
    }
  },
}
