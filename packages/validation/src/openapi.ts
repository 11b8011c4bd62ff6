import { isAbsolute, resolve } from 'node:path'
import {
  type Component,
  type ConfigIssue,
  ConfigurationError,
  type Context,
  defaultJsonLimits,
  type JsonLimits,
  Refusal,
  type RequestState,
  type RequestStep,
  type Step,
  size,
} from '@portcullis/core'
import type { FastifyRequest } from 'fastify'
import { bodyCheck } from './body.ts'
import { type OpenApiConfig, openApiSchema } from './config.ts'
import { ContentTypes, isTypeEntry, nearness } from './content-types.ts'
import { inspectSpec } from './openapi/files.ts'
import { OperationLookup } from './openapi/lookup.ts'
import { type ApiModel, loadModel, type OperationModel } from './openapi/model.ts'
import { responseStep, ruleFor } from './openapi/response.ts'
import { Parameters } from './parameters/parameters.ts'
import { Refusals } from './refusals.ts'

type Direction = 'off' | 'log' | 'enforce'
type RequestCheck = (
  request: FastifyRequest,
  state: RequestState,
  params: Readonly<Record<string, unknown>>,
) => Refusal | undefined

const PATH_UNKNOWN = new Refusal(404, 'PATH_UNKNOWN', 'There is no such path')
const PATH_UNSAFE = new Refusal(400, 'PARAMETER_INVALID', 'The path is not valid')
const NOT_READY = new Refusal(503, 'COMPONENT_FAILED', 'The gateway cannot check this request')

function directionOf(value: OpenApiConfig['validate_request'], fallback: Direction): Direction {
  if (typeof value === 'string') return value
  return value === undefined ? fallback : value ? 'enforce' : 'off'
}

function limitsOf({ max_depth: depth, max_keys: keys }: OpenApiConfig): JsonLimits {
  return {
    ...defaultJsonLimits,
    maxDepth: depth ?? defaultJsonLimits.maxDepth,
    maxKeys: keys === undefined ? defaultJsonLimits.maxKeys : keys < 0 ? Number.POSITIVE_INFINITY : keys,
  }
}

/** One block at work; it knows its operations once {@link OpenApiChecker.load} has read the document. */
class OpenApiChecker {
  readonly #config: OpenApiConfig
  readonly #context: Context
  readonly #refusals: Refusals
  readonly #checks = new Map<OperationModel, RequestCheck>()
  readonly #methods = new Map<string, Refusal>()
  #lookup: OperationLookup | undefined

  constructor(config: OpenApiConfig, context: Context) {
    this.#config = config
    this.#context = context
    this.#refusals = new Refusals(config.verbose_response === true)
  }

  /** Reads the document, once for all blocks that name the same one with the same limits. */
  async load(): Promise<void> {
    const { spec, base_path: basePath = '', reject_unknown_paths: reject = true } = this.#config
    const { baseDir, log, place, route, shared } = this.#context
    const limits = limitsOf(this.#config)
    const source = typeof spec === 'string' && !isAbsolute(spec) ? resolve(baseDir, spec) : spec
    const load = (): Promise<ApiModel> => loadModel(source, `${place}.spec`, limits)
    const model = await (typeof source === 'string'
      ? shared(`validation:openapi:${source}:${limits.maxDepth}:${limits.maxKeys}`, load)
      : load())
    const wildcard = route === undefined || route.url.includes('*')
    const lookup = new OperationLookup(model, basePath, !wildcard)
    if (!wildcard && reject && lookup.pathOf(route.url) === undefined) {
      throw new ConfigurationError([{ place, message: `the document has no path for the route ${route.url}` }])
    }
    for (const path of model.paths) for (const operation of path.operations.values()) this.#prepare(operation, limits)
    this.#lookup = lookup
    if (model.unknownFormats.size > 0) {
      log.warn({ place, formats: [...model.unknownFormats] }, 'formats that are not known are not enforced')
    }
  }

  readonly check: RequestStep = (request, state) => {
    const found = this.#lookup?.find(request)
    if (found === undefined) return NOT_READY
    if (found.fault === undefined) return this.#checks.get(found.operation)!(request, state, found.params)
    if (found.fault === 'unsafe') return PATH_UNSAFE
    if (this.#config.reject_unknown_paths === false) return undefined
    return found.fault === 'method' ? this.#methodRefusal(found.allowed) : PATH_UNKNOWN
  }

  readonly operationOf = (request: FastifyRequest): OperationModel | undefined => {
    const found = this.#lookup?.find(request)
    return found?.fault === undefined ? found?.operation : undefined
  }

  #prepare(operation: OperationModel, limits: JsonLimits): void {
    const refusals = this.#refusals
    const unchecked = new ContentTypes(this.#config.unchecked_content_types ?? [])
    const parameters = new Parameters(operation.parameters, {
      rejectUnknown: this.#config.reject_unknown_parameters === true,
      alsoKnown: operation.queryKeys,
      refusals,
    })
    const { body } = operation
    const checkBody = bodyCheck({
      ruleOf: (media) => {
        const rule = ruleFor(body?.content ?? [], (entry) => nearness(entry, media))
        return rule !== undefined && unchecked.allows(media) ? { opaque: true } : rule
      },
      required: body?.required === true,
      limits,
      refusals,
    })
    this.#checks.set(operation, (request, state, params) => {
      const refused = parameters.check(request, params)
      if (refused !== undefined) return refused
      const refusal = checkBody(request, state)
      // Without a declared body no type is allowed; what the client should hear is that none is expected.
      return refusal !== undefined && body === undefined ? refusals.bodyUnexpected : refusal
    })
  }

  #methodRefusal(allowed: string): Refusal {
    let refusal = this.#methods.get(allowed)
    if (refusal === undefined) {
      refusal = new Refusal(405, 'METHOD_NOT_ALLOWED', 'The method is not allowed here', {
        headers: { allow: allowed },
      })
      this.#methods.set(allowed, refusal)
    }
    return refusal
  }
}

/** A refusal that is only recorded. */
function recording(step: RequestStep): RequestStep {
  return (request, state, reply) => {
    const refusal = step(request, state, reply)
    if (refusal instanceof Refusal) {
      const { code, status, message, detail } = refusal
      state.record({
        component: 'validation/openapi',
        code,
        mode: 'record',
        status,
        message,
        ...(detail && { detail }),
      })
    }
    return undefined
  }
}

function check(config: OpenApiConfig, { baseDir }: { baseDir: string }): ConfigIssue[] {
  const types = (config.unchecked_content_types ?? []).flatMap((entry, index) =>
    isTypeEntry(entry)
      ? []
      : [
          {
            place: `.unchecked_content_types[${index}]`,
            message: 'expected a content type such as "multipart/form-data"',
          },
        ],
  )
  return [...types, ...inspectSpec(config.spec, baseDir)]
}

/**
 * `validation/openapi`: requests, and responses if asked, as an OpenAPI 3.0 or 3.1 document has them. An endpoint's block
 * takes the place of the service's; `false` switches it off there.
 */
export const openApiValidation: Component<OpenApiConfig> = {
  name: 'validation/openapi',
  namespaces: ['validation/openapi'],
  levels: ['service', 'endpoint'],
  schema: openApiSchema,
  combine: 'replace',
  check,
  create(config, context) {
    const checker = new OpenApiChecker(config, context)
    const requests = directionOf(config.validate_request, 'enforce')
    const responses = directionOf(config.validate_response, 'off')
    const steps: Step[] = []
    if (requests !== 'off') {
      const run = requests === 'log' ? recording(checker.check) : checker.check
      steps.push({ phase: 'preValidation', slot: 'validation', run })
    }
    if (responses !== 'off') {
      const maxSize = size(config.max_response_size ?? '1M')
      const run = responseStep({ mode: responses, maxSize, operationOf: checker.operationOf })
      steps.push({ phase: 'onSend', slot: 'validation', run })
    }
    return { ...(requests === 'off' ? undefined : { body: { capture: true } }), steps, ready: () => checker.load() }
  },
}
