import {
  type Component,
  type ComponentInstance,
  type Identity,
  type JSONSchema,
  type MaybePromise,
  Refusal,
  type RequestState,
} from '@portcullis/core'
import { type RateLimitConfig, rateLimitSchema } from './config.ts'
import { type Counter, counterOf, lifecycle, storesOf } from './counter.ts'
import { Judge } from './judge.ts'
import { bucket } from './rules.ts'
import { Status } from './status.ts'
import { IDENTITY_SLOT } from './steps.ts'

/** The fields of `qos/ratelimit/identity`: the rates themselves stand with the keys. */
export type IdentityRateLimitConfig = Pick<
  RateLimitConfig,
  'mode' | 'policy' | 'redis' | 'fault_tolerant' | 'hide_client_headers' | 'error_code' | 'error_message'
>

const FIELDS = ['policy', 'redis', 'fault_tolerant', 'hide_client_headers', 'error_code', 'error_message'] as const
const all = rateLimitSchema.properties as Record<string, JSONSchema>

/**
 * Enforces the rate that an identity brings along: `client_max_rate` of an API key, in requests per second and per
 * key, over all routes. It has nothing to configure, so the gateway puts an empty block in place for whoever has none.
 */
export const identityRateLimit: Component<IdentityRateLimitConfig> = {
  name: 'rate-limit-identity',
  namespaces: ['qos/ratelimit/identity'],
  levels: ['service'],
  schema: {
    type: 'object',
    properties: Object.fromEntries(FIELDS.map((field) => [field, all[field]])),
    additionalProperties: false,
  },
  create(config, context): ComponentInstance {
    const stores = storesOf(config, context)
    const judge = new Judge(config, context.place)
    const counters = new Map<string, Counter>()
    /** Rates come from the configuration, so there are few. */
    const counterFor = (rate: number, capacity: number | undefined): Counter => {
      const name = `rl:identity:${rate}:${capacity ?? ''}:`
      let counter = counters.get(name)
      if (counter === undefined) {
        counter = counterOf(stores, name, [bucket(rate, 1000, capacity)])
        counters.set(name, counter)
      }
      return counter
    }
    const take = (identity: Identity, state: RequestState): MaybePromise<Refusal | undefined> => {
      const { kind, keyId, subject, maxRate, capacity } = identity
      if (maxRate === undefined || maxRate <= 0) return undefined
      const id = `${kind} ${keyId ?? subject ?? ''}`
      return counterFor(maxRate, capacity).take(id, (results) => judge.decide(state, results, BUCKET))
    }
    return {
      steps: [
        {
          phase: 'onRequest',
          slot: IDENTITY_SLOT,
          run: (_request, state) =>
            state.identities === undefined ? undefined : takeAll(state.identities, 0, state, take),
        },
        {
          phase: 'onSend',
          slot: 'rate-limit',
          run: (_request, reply, _payload, state) => {
            if (state.rateLimit instanceof Status) state.rateLimit.write(reply)
            return undefined
          },
        },
      ],
      ...lifecycle(stores),
    }
  },
}

const BUCKET: readonly number[] = [-1]

/** One after the other: whom the first limit refuses costs the next nothing. */
function takeAll(
  identities: readonly Identity[],
  from: number,
  state: RequestState,
  take: (identity: Identity, state: RequestState) => MaybePromise<Refusal | undefined>,
): MaybePromise<Refusal | undefined> {
  for (let i = from; i < identities.length; i++) {
    const result = take(identities[i]!, state)
    if (result instanceof Promise) {
      return result.then((refusal) => refusal ?? takeAll(identities, i + 1, state, take))
    }
    if (result instanceof Refusal) return result
  }
  return undefined
}
