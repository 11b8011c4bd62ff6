import { isAbsolute, resolve } from 'node:path'
import {
  type Component,
  type ConfigIssue,
  type Context,
  type Limit,
  type LimitResult,
  networkKey,
  Refusal,
  type RequestState,
  type RequestStep,
  type Store,
  size,
} from '@portcullis/core'
import type { FastifyRequest } from 'fastify'
import { DEFAULT_LIST_ARGUMENTS, type GraphqlConfig, graphqlSchema } from './config.ts'
import { Judge } from './document/judge.ts'
import { readSchema, Weights } from './document/weights.ts'
import { FaultError, PERSISTED_UNKNOWN, rateRefusal, refusalOf } from './faults.ts'
import { type Payload, readPayload } from './request/payload.ts'
import { AllowedDocuments, AnyDocuments, type Documents, readManifest } from './request/persisted.ts'

const MINUTE = 60_000
const STORE_DOWN = new Refusal(503, 'STORE_UNAVAILABLE', 'The gateway cannot count this request')

const schemaFile = (file: string, baseDir: string): string => (isAbsolute(file) ? file : resolve(baseDir, file))

function check(config: GraphqlConfig, { baseDir }: { baseDir: string }): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const attempt = (place: string, what: string, work: () => unknown): void => {
    try {
      work()
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      issues.push({ place, message: code === 'ENOENT' ? 'there is no such file' : `is no ${what}: ${message}` })
    }
  }
  const { schema, allowed_operations: allowed } = config
  if (schema !== undefined) attempt('.schema', 'schema', () => new Weights(readSchema(schemaFile(schema, baseDir))))
  if (allowed !== undefined) attempt('.allowed_operations', 'list of operations', () => readManifest(allowed, baseDir))
  return issues
}

function judgeOf(config: GraphqlConfig, baseDir: string): Judge {
  return new Judge({
    maxDepth: config.max_depth ?? 10,
    maxAliases: config.max_aliases ?? 15,
    maxDirectives: config.max_directives ?? 50,
    maxRootFields: config.max_root_fields ?? 20,
    maxTokens: config.max_tokens ?? 2000,
    maxSize: size(config.max_document_size ?? '32K'),
    introspection: config.introspection ?? false,
    allowGetMutations: config.allow_get_mutations ?? false,
    allowSubscriptions: config.allow_subscriptions ?? false,
    weights: config.schema === undefined ? undefined : new Weights(readSchema(schemaFile(config.schema, baseDir))),
    listArguments: new Set(config.list_arguments ?? DEFAULT_LIST_ARGUMENTS),
    defaultListSize: config.default_list_size ?? 10,
  })
}

/** Who a request counts for. */
function clientKey(
  request: FastifyRequest,
  state: RequestState,
  limitBy: NonNullable<GraphqlConfig['limit_by']>,
): string {
  if (limitBy === 'service') return 'service'
  const { identity } = state
  const id = limitBy === 'consumer' ? (identity?.subject ?? identity?.keyId) : (identity?.keyId ?? identity?.subject)
  if (limitBy !== 'ip' && identity !== undefined && id !== undefined) return `${identity.kind}:${id}`
  return `ip:${networkKey(request.ip)}`
}

/** Counts operations; a batch of n is n. */
class QueryRate {
  readonly #store: Store
  readonly #limit: number
  readonly #prefix: string
  readonly #limitBy: NonNullable<GraphqlConfig['limit_by']>

  constructor(config: GraphqlConfig, limit: number, context: Context) {
    this.#store = context.store(config.policy ?? 'local')
    this.#limit = limit
    this.#prefix = `graphql:${context.route?.url ?? context.place}:`
    this.#limitBy = config.limit_by ?? 'consumer'
  }

  take(
    request: FastifyRequest,
    state: RequestState,
    operations: number,
  ): Refusal | undefined | Promise<Refusal | undefined> {
    const key = this.#prefix + clientKey(request, state, this.#limitBy)
    const limit: Limit = { kind: 'window', key, limit: this.#limit, windowMs: MINUTE }
    const limits = Array.from({ length: operations }, () => limit)
    let results: LimitResult[] | Promise<LimitResult[]>
    try {
      results = this.#store.take(limits)
    } catch {
      return STORE_DOWN
    }
    if (!(results instanceof Promise)) return this.#decide(results)
    return results.then(
      (each) => this.#decide(each),
      () => STORE_DOWN,
    )
  }

  #decide(results: readonly LimitResult[]): Refusal | undefined {
    const refused = results.find((result) => !result.allowed)
    return refused === undefined ? undefined : rateRefusal(refused.resetMs, this.#limit)
  }
}

/** The limits that hold for what a payload carries, all of its operations together. */
class PayloadCheck {
  readonly #judge: Judge
  readonly #documents: Documents
  readonly #maxBatch: number
  readonly #maxComplexity: number
  readonly #rate: QueryRate | undefined

  constructor(config: GraphqlConfig, context: Context) {
    this.#judge = judgeOf(config, context.baseDir)
    this.#documents =
      config.allowed_operations === undefined
        ? new AnyDocuments()
        : new AllowedDocuments(readManifest(config.allowed_operations, context.baseDir))
    this.#maxBatch = config.max_batch ?? 1
    this.#maxComplexity = config.max_complexity ?? 1000
    const perMinute = config.max_queries_per_minute
    this.#rate = perMinute === undefined ? undefined : new QueryRate(config, perMinute, context)
  }

  readonly run: RequestStep = (request, state) => {
    const read = readPayload(request, state)
    if (read === undefined) return undefined
    if (read.fault !== undefined) return refusalOf(read.fault)
    const { payload } = read
    if (payload.requests.length > this.#maxBatch) {
      return refusalOf({
        limit: 'max_batch',
        message: 'The batch has too many operations',
        value: payload.requests.length,
      })
    }
    const limited = this.#rate?.take(request, state, payload.requests.length)
    if (limited === undefined || limited instanceof Refusal) return limited ?? this.#judgeAll(payload, state)
    return limited.then((refusal) => refusal ?? this.#judgeAll(payload, state))
  }

  #judgeAll(payload: Payload, state: RequestState): Refusal | undefined {
    let total = 0
    try {
      for (const request of payload.requests) {
        const { document, fault } = this.#documents.find(request)
        if (fault !== undefined) return fault === 'unknown' ? PERSISTED_UNKNOWN : refusalOf(fault)
        total += this.#judge.complexity(document, request.operationName, request.variables, payload.safe)
      }
    } catch (error) {
      if (error instanceof FaultError) return refusalOf(error.fault)
      throw error
    }
    state.setFact('graphql.complexity', total)
    if (total <= this.#maxComplexity) return undefined
    return refusalOf({ limit: 'max_complexity', message: 'The operation is too complex', value: total })
  }
}

/**
 * `security/graphql`: what GraphQL operations may cost, before a server parses them. 400 `GRAPHQL_LIMIT`, 415 and 429
 * `RATE_LIMITED`, each as a GraphQL response.
 */
export const graphqlLimits: Component<GraphqlConfig> = {
  name: 'graphql',
  namespaces: ['security/graphql'],
  levels: ['endpoint'],
  schema: graphqlSchema,
  check,
  create(config, context) {
    const { run } = new PayloadCheck(config, context)
    return { body: { capture: true }, steps: [{ phase: 'preValidation', slot: 'graphql', run }] }
  },
}
