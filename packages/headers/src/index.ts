/**
 * `modifier/request-headers` and `modifier/response-headers`: remove, rename, set and add headers on the way to the
 * app or upstream, and on the way back.
 *
 * - Rules are read once ({@link readRules}); values may speak of the request, the client and its claims
 *   ({@link compileTemplate}), and can never hold a line break.
 * - Service and endpoint blocks change the request before the handler, and the response before the security headers;
 *   a backend block changes each request to the upstream.
 */
import {
  type Component,
  type ComponentInstance,
  type ComponentPlugin,
  type Context,
  type Step,
  toPlugin,
} from '@portcullis/core'
import type { FastifyInstance } from 'fastify'
import { applyRules, RequestTarget, ResponseTarget, UpstreamTarget } from './apply.ts'
import { type HeadersConfig, headersSchema } from './config.ts'
import { type Rule, readRules } from './rules.ts'

export type { HeadersConfig, HeaderValues } from './config.ts'

/** Kong's word for the same rule. */
const KONG_NAMES = { remove: 'delete' }

/** The component `request-headers`. */
export const requestHeaders: Component<HeadersConfig> = {
  name: 'request-headers',
  namespaces: ['modifier/request-headers'],
  levels: ['service', 'endpoint', 'backend'],
  schema: headersSchema,
  renamedFields: KONG_NAMES,
  refuses: false,
  check: (config) => readRules(config, 'request').issues,
  create: createRequestHeaders,
}

/** The component `response-headers`. */
export const responseHeaders: Component<HeadersConfig> = {
  name: 'response-headers',
  namespaces: ['modifier/response-headers'],
  levels: ['service', 'endpoint', 'backend'],
  schema: headersSchema,
  renamedFields: KONG_NAMES,
  refuses: false,
  check: (config) => readRules(config, 'response').issues,
  create: createResponseHeaders,
}

/** `modifier/request-headers` as a Fastify plugin. */
export const requestHeadersPlugin: ComponentPlugin<HeadersConfig> = toPlugin(requestHeaders)
/** `modifier/response-headers` as a Fastify plugin. */
export const responseHeadersPlugin: ComponentPlugin<HeadersConfig> = toPlugin(responseHeaders)

/** Options of the plugin for both ways. */
export interface HeadersOptions {
  /** Fields of `modifier/request-headers`. */
  request?: HeadersConfig
  /** Fields of `modifier/response-headers`. */
  response?: HeadersConfig
}

/** Both components as one Fastify plugin; it acts on the scope that registers it. */
async function headers(fastify: FastifyInstance, options: HeadersOptions): Promise<void> {
  await fastify.register(requestHeadersPlugin, options.request ?? {})
  await fastify.register(responseHeadersPlugin, options.response ?? {})
}
/** What fastify-plugin sets: the hooks belong to the scope that registers the plugin. */
const plugin: typeof headers = Object.assign(headers, { [Symbol.for('skip-override')]: true })
export default plugin

/** Headers that carry a client's own credentials: authentication has to see them as they came. */
const CREDENTIALS = new Set(['authorization', 'cookie'])

function createRequestHeaders(config: HeadersConfig, context: Context): ComponentInstance {
  const { rules } = readRules(config, 'request')
  return { steps: [requestStep(rules, context)], identityHeaders: identifying(rules) }
}

function requestStep(rules: readonly Rule[], context: Context): Step {
  if (context.level === 'backend') {
    return {
      phase: 'upstreamRequest',
      slot: 'headers',
      run(request, state, upstream) {
        applyRules(rules, new UpstreamTarget(upstream), { request, state, reply: undefined })
        return undefined
      },
    }
  }
  return {
    phase: 'preHandler',
    slot: 'headers',
    run(request, state) {
      applyRules(rules, new RequestTarget(request, state), { request, state, reply: undefined })
      return undefined
    },
  }
}

/** Names that tell the upstream who the client is: no client may send them itself. */
function identifying(rules: readonly Rule[]): string[] {
  return rules.flatMap((rule) => {
    const told = 'value' in rule && rule.value.identifies && !CREDENTIALS.has(rule.name)
    return told ? [rule.name] : []
  })
}

function createResponseHeaders(config: HeadersConfig, context: Context): ComponentInstance {
  const { rules } = readRules(config, 'response')
  const ofBackend = context.level === 'backend'
  return {
    steps: [
      {
        phase: 'onSend',
        slot: 'headers',
        run(request, reply, _payload, state) {
          // The gateway's own answers never came from the backend.
          if (ofBackend && state.refused) return undefined
          applyRules(rules, new ResponseTarget(reply), { request, state, reply })
          return undefined
        },
      },
    ],
  }
}
