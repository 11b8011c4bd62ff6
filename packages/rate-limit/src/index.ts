/**
 * Rate limits: token buckets and fixed windows, in memory or in Redis.
 *
 * - `qos/ratelimit/service`: one count for the whole gateway ({@link serviceRateLimit}).
 * - `qos/ratelimit/router`: one count for each endpoint ({@link routerRateLimit}); at service level the default of all.
 * - `qos/ratelimit/proxy`: what an upstream may get ({@link backendRateLimit}).
 * - `qos/ratelimit/response`: quotas that the upstream spends ({@link responseRateLimit}).
 * - `qos/ratelimit/identity`: the rate that an API key brings along ({@link identityRateLimit}).
 *
 * Limits keyed by what anybody can see (address, header, route) stand before authentication, so failed logins count;
 * those keyed by who somebody is stand after it.
 */
import { type Component, type ComponentPlugin, toPlugin } from '@portcullis/core'
import { checkRateLimit, type RateLimitConfig, rateLimitSchema, renamedFields } from './config.ts'
import { identityRateLimit } from './identity.ts'
import { responseRateLimit } from './response.ts'
import { limitInstance } from './steps.ts'

export { type BackendRateLimitConfig, backendRateLimit } from './backend.ts'
export type { LimitBy, RateLimitConfig } from './config.ts'
export { type IdentityRateLimitConfig, identityRateLimit } from './identity.ts'
export { type ResponseRateLimitConfig, responseRateLimit } from './response.ts'

/** `qos/ratelimit/service`: every request of the gateway is one count. */
export const serviceRateLimit: Component<RateLimitConfig> = {
  name: 'rate-limit',
  namespaces: ['qos/ratelimit/service'],
  levels: ['service'],
  schema: rateLimitSchema,
  renamedFields,
  check: checkRateLimit,
  create: (config, context) => limitInstance(config, context),
}

/**
 * `qos/ratelimit/router`: every endpoint is a count of its own. At service level it is the default of every route; an
 * endpoint's block takes its place, and `false` there switches it off.
 */
export const routerRateLimit: Component<RateLimitConfig> = {
  name: 'rate-limit-router',
  namespaces: [
    'qos/ratelimit/router',
    'github.com/devopsfaith/krakend-ratelimit/juju/router',
    'github.com/krakend/krakend-ratelimit/juju/router',
  ],
  levels: ['endpoint', 'service'],
  combine: 'replace',
  schema: rateLimitSchema,
  renamedFields,
  check: checkRateLimit,
  create: (config, context) => limitInstance(config, context, true),
}

/**
 * Fastify plugin: the options are the fields of `qos/ratelimit/service`; without any it limits nothing by itself.
 * Routes may add `qos/ratelimit/router` in their `config.extra_config`.
 */
const rateLimit: ComponentPlugin<RateLimitConfig> = toPlugin(serviceRateLimit, [
  { component: routerRateLimit as unknown as Component },
  { component: responseRateLimit as unknown as Component },
  { component: identityRateLimit as unknown as Component, config: {} },
])
export default rateLimit
