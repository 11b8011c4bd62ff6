import { type Component, type ConfigIssue, duration, durationSchema, type LimitResult, Refusal } from '@portcullis/core'
import { bucket } from './rules.ts'
import { wholeSeconds } from './status.ts'

/** The fields of `qos/ratelimit/proxy`. */
export interface BackendRateLimitConfig {
  mode?: 'enforce' | 'monitor'
  max_rate: number
  capacity?: number
  every?: string | number
}

/**
 * `qos/ratelimit/proxy`: protects an upstream. Every request that would go there takes a token, retries too; without
 * one the client gets 503. Counted in this process, for each backend block by itself.
 */
export const backendRateLimit: Component<BackendRateLimitConfig> = {
  name: 'rate-limit-proxy',
  namespaces: [
    'qos/ratelimit/proxy',
    'github.com/devopsfaith/krakend-ratelimit/juju/proxy',
    'github.com/krakend/krakend-ratelimit/juju/proxy',
  ],
  levels: ['backend'],
  schema: {
    type: 'object',
    properties: {
      max_rate: {
        type: 'number',
        minimum: 0,
        maximum: 1e9,
        description: 'Requests to the upstream per `every`; 0 = off.',
      },
      capacity: {
        type: 'integer',
        minimum: 1,
        maximum: 1e9,
        description: 'How many of them at once. Default: the rate per second, at least 1.',
      },
      every: { ...durationSchema, default: '1s', description: 'The time that `max_rate` is meant for.' },
    },
    required: ['max_rate'],
    additionalProperties: false,
  },
  renamedFields: { maxRate: 'max_rate' },
  check(config): ConfigIssue[] {
    return duration(config.every ?? '1s') > 0 ? [] : [{ place: '.every', message: 'must be longer than nothing' }]
  },
  create(config, context) {
    if (config.max_rate === 0) return { steps: [] }
    const rule = { ...bucket(config.max_rate, duration(config.every ?? '1s'), config.capacity), shared: true }
    const limiter = context.store('local').limiter(`rl:proxy:${context.place}`, [rule])
    const refusals = new Map<number, Refusal>()
    return {
      steps: [
        {
          phase: 'upstreamRequest',
          slot: 'rate-limit:proxy',
          run: () => {
            const [result] = limiter.take('') as readonly LimitResult[]
            return result!.allowed ? undefined : refusalAfter(wholeSeconds(result!.resetMs), refusals)
          },
        },
      ],
    }
  },
}

/** @param seconds until there is a token again: bounded by the configured rate, so few refusals are kept. */
function refusalAfter(seconds: number, made: Map<number, Refusal>): Refusal {
  const wait = Math.max(1, seconds)
  let refusal = made.get(wait)
  if (refusal === undefined) {
    refusal = new Refusal(503, 'BACKEND_RATE_LIMITED', 'The upstream gets as many requests as it may', {
      headers: { 'retry-after': String(wait) },
    })
    if (made.size < 1000) made.set(wait, refusal)
  }
  return refusal
}
