import {
  type Component,
  type ComponentInstance,
  type ConfigIssue,
  type JSONSchema,
  type MaybePromise,
  Refusal,
  type RequestState,
  type SendStep,
  type Store,
  StoreUnavailableError,
} from '@portcullis/core'
import type { FastifyRequest } from 'fastify'
import { type RateLimitConfig, rateLimitSchema, WINDOWS } from './config.ts'
import { lifecycle, type Stores, storesOf } from './counter.ts'
import { identifier } from './identify.ts'
import { STORE_UNAVAILABLE } from './judge.ts'
import { type Periods, Quotas } from './quotas.ts'
import { IDENTITY_SLOT } from './steps.ts'

/** The fields of `qos/ratelimit/response`. */
export interface ResponseRateLimitConfig
  extends Pick<
    RateLimitConfig,
    'mode' | 'key' | 'policy' | 'redis' | 'fault_tolerant' | 'hide_client_headers' | 'ipv6_prefix'
  > {
  /** Quotas by name. */
  limits: Readonly<Record<string, Periods>>
  limit_by?: 'ip' | 'consumer' | 'credential' | 'header' | 'claim'
  /** The upstream's header that spends them. */
  spend_header?: string
  block_on_first_violation?: boolean
}

const fields = rateLimitSchema.properties as Record<string, JSONSchema>
const periods = Object.fromEntries(WINDOWS.map(({ field }) => [field, fields[field]]))

const schema: JSONSchema = {
  type: 'object',
  properties: {
    limits: {
      type: 'object',
      minProperties: 1,
      propertyNames: { pattern: '^[A-Za-z0-9_-]{1,64}$' },
      additionalProperties: { type: 'object', properties: periods, minProperties: 1, additionalProperties: false },
      description: 'Quotas by name, each with "second", "minute", "hour" or "day".',
    },
    limit_by: {
      enum: ['ip', 'consumer', 'credential', 'header', 'claim'],
      default: 'ip',
      description: 'Whose quotas.',
    },
    spend_header: {
      type: 'string',
      pattern: '^[A-Za-z0-9_-]+$',
      default: 'X-Kong-Limit',
      description:
        'Header of the upstream’s answer that spends quotas: `video=2, image=1`. It never reaches the client.',
    },
    block_on_first_violation: {
      type: 'boolean',
      default: false,
      description: 'Refuse requests as soon as any quota is used up, before the upstream is asked.',
    },
    ...Object.fromEntries(
      ['key', 'policy', 'redis', 'fault_tolerant', 'hide_client_headers', 'ipv6_prefix'].map((name) => [
        name,
        fields[name],
      ]),
    ),
  },
  required: ['limits'],
  additionalProperties: false,
}

/**
 * `qos/ratelimit/response`: quotas that the upstream spends. Its answer says what a request has cost; the request tells
 * it what is left (`X-RateLimit-Remaining-<name>`). An answer that spends a quota that is used up becomes a 429.
 */
export const responseRateLimit: Component<ResponseRateLimitConfig> = {
  name: 'rate-limit-response',
  namespaces: ['qos/ratelimit/response'],
  levels: ['service', 'endpoint'],
  schema,
  renamedFields: { header_name: 'spend_header' },
  check(config): ConfigIssue[] {
    const keyed = config.limit_by === 'header' || config.limit_by === 'claim'
    return keyed && config.key === undefined
      ? [{ place: '', message: `"${config.limit_by}" needs the field "key", its name` }]
      : []
  },
  create(config, context): ComponentInstance {
    const stores = storesOf(config, context)
    const quotas = new Quotas(config.limits, context.route === undefined ? 'service' : context.route.url)
    const identify = identifier({
      by: config.limit_by ?? 'ip',
      key: config.key,
      ipv6Prefix: config.ipv6_prefix,
      hashed: config.policy === 'redis',
    })
    const ids = new WeakMap<RequestState, string>()
    return {
      identityHeaders: quotas.names.map((name) => `x-ratelimit-remaining-${name}`),
      steps: [
        {
          phase: 'onRequest',
          slot: IDENTITY_SLOT,
          run: (request, state) => {
            const id = identify(request, state)
            ids.set(state, id)
            const tell = (left: number[]): Refusal | undefined => tellUpstream(config, quotas, left, request, state)
            return guarded(stores, (store) => later(quotas.left(store, id), tell))
          },
        },
        { phase: 'onSend', slot: 'rate-limit', run: answerStep(config, quotas, stores, ids) },
      ],
      ...lifecycle(stores),
    }
  },
}

/** Tells the upstream what is left of each quota, in its shortest period. */
function tellUpstream(
  config: ResponseRateLimitConfig,
  quotas: Quotas,
  left: readonly number[],
  request: FastifyRequest,
  state: RequestState,
): Refusal | undefined {
  for (const name of quotas.names) {
    const least = quotas.least(name, left)
    state.setRequestHeader(request, `x-ratelimit-remaining-${name.toLowerCase()}`, String(least))
    if (least <= 0 && config.block_on_first_violation === true) {
      return new Refusal(429, 'RATE_LIMITED', `API rate limit exceeded for '${name}'`)
    }
  }
  return undefined
}

/** Takes the upstream's header away, spends what it says and tells the client what is left. */
function answerStep(
  config: ResponseRateLimitConfig,
  quotas: Quotas,
  stores: Stores,
  ids: WeakMap<RequestState, string>,
): SendStep {
  const header = (config.spend_header ?? 'x-kong-limit').toLowerCase()
  return (_request, reply, _payload, state) => {
    const id = ids.get(state)
    const spent = reply.getHeader(header)
    if (spent !== undefined) reply.removeHeader(header)
    if (id === undefined) return undefined
    const costs = quotas.costs(spent)
    const tell = (left: number[]): Refusal | undefined => {
      if (config.hide_client_headers !== true) quotas.tell(reply, left)
      return quotas.overdrawn(left, costs) ? SPENT : undefined
    }
    return guarded(stores, (store) =>
      later(costs.size === 0 ? quotas.left(store, id) : quotas.spend(store, id, costs), tell),
    )
  }
}

/** The upstream has done its work already; the client gets nothing of it. */
const SPENT = new Refusal(429, 'RATE_LIMITED', 'API rate limit exceeded', { body: '', contentType: 'text/plain' })

function later<T, U>(value: MaybePromise<T>, use: (value: T) => U): U | Promise<U> {
  return value instanceof Promise ? value.then(use) : use(value)
}

/** Does its work with the store; when that is down again with the fallback, or refuses. */
function guarded<T>({ store, fallback }: Stores, work: (store: Store) => MaybePromise<T>): MaybePromise<T | Refusal> {
  const result = work(store)
  if (!(result instanceof Promise)) return result
  return result.catch((error: unknown) => {
    if (!(error instanceof StoreUnavailableError)) throw error
    return fallback === undefined ? STORE_UNAVAILABLE : work(fallback)
  })
}
