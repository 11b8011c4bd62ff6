/**
 * `security/cors`: which foreign pages may use the service (Fetch standard, section 3.2).
 *
 * - Preflights of known paths are answered in `onRequest`, before authentication, by the policy of the route that
 *   they ask about; preflights of unknown paths stay 404 ({@link PreflightRoutes}).
 * - Every response gets the CORS headers of the policy in `onSend`, refusals and errors too; what a backend said of
 *   CORS is replaced ({@link CorsPolicy}).
 * - It never refuses a request: a foreign origin simply gets no CORS headers.
 */
import {
  Answer,
  type Component,
  type ComponentInstance,
  type ComponentPlugin,
  type ConfigIssue,
  type Context,
  toPlugin,
} from '@portcullis/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type CorsConfig, corsSchema } from './config.ts'
import { hasPath, originProblem } from './origin-policy.ts'
import { type CorsHeaders, CorsPolicy } from './policy.ts'
import { isPreflight, PreflightRoutes } from './preflight-routes.ts'
import { mergeVary } from './vary.ts'

export type { CorsConfig } from './config.ts'

/** Response headers of the CORS protocol: the gateway's alone. */
const OWNED = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-expose-headers',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-max-age',
  'access-control-allow-private-network',
]

/** The component `cors`. */
export const cors: Component<CorsConfig> = {
  name: 'cors',
  namespaces: ['security/cors', 'github.com/devopsfaith/krakend-cors'],
  levels: ['service', 'endpoint'],
  schema: corsSchema,
  refuses: false,
  combine: 'replace',
  check,
  attach: (context) => new PreflightRoutes(context, cors as Component).start(),
  create,
}

/** `security/cors` as a Fastify plugin. */
const plugin: ComponentPlugin<CorsConfig> = toPlugin(cors)
export default plugin

function check(config: CorsConfig): ConfigIssue[] {
  const origins = config.allow_origins ?? []
  const issues: ConfigIssue[] = []
  origins.forEach((origin, i) => {
    const problem = originProblem(origin)
    if (problem !== undefined) issues.push({ place: `.allow_origins[${i}]`, message: `${problem}, got "${origin}"` })
  })
  if (config.allow_credentials !== true) return issues
  if (origins.length === 0 || origins.includes('*')) {
    const message = 'any origin together with credentials would let every site act as the user: list the origins'
    issues.push({ place: '.allow_credentials', message })
  } else if (origins.includes('null')) {
    const message = 'any site can make a document of origin "null": do not allow it together with credentials'
    issues.push({ place: '.allow_credentials', message })
  }
  return issues
}

function create(config: CorsConfig, context: Context): ComponentInstance {
  const never = (config.allow_origins ?? []).filter(hasPath)
  if (never.length > 0) {
    const message = 'entries with a path or a trailing slash match no origin: write scheme://host alone'
    context.log.warn({ place: `${context.place}.allow_origins`, entries: never }, message)
  }
  const policy = new CorsPolicy(config)
  const answer = new Answer(config.options_success_status ?? 204, { 'content-length': '0' })
  const noContent = config.options_success_status === undefined || config.options_success_status === 204
  const preflightAnswer = noContent ? new Answer(204) : answer
  const passthrough = config.options_passthrough === true
  const debug = config.debug === true
  return {
    steps: [
      {
        phase: 'onRequest',
        run: (request) => (!passthrough && isPreflight(request.raw) && !request.is404 ? preflightAnswer : undefined),
      },
      {
        phase: 'onSend',
        run(request, reply) {
          const preflight = isPreflight(request.raw) && !request.is404
          const headers = preflight ? onPreflight(policy, request) : onActual(policy, request)
          apply(reply, headers, preflight ? policy.varyOnPreflight : 'Origin')
          if (debug) logDecision(request, headers, preflight)
          return undefined
        },
      },
    ],
  }
}

function onActual(policy: CorsPolicy, request: FastifyRequest): CorsHeaders {
  const { origin } = request.headers
  return origin === undefined || origin === '' ? [] : policy.actual(origin, request.method)
}

function onPreflight(policy: CorsPolicy, request: FastifyRequest): CorsHeaders {
  const { headers } = request
  return policy.preflight({
    origin: headers.origin!,
    method: headers['access-control-request-method']!,
    headers: headers['access-control-request-headers'],
    privateNetwork: headers['access-control-request-private-network'] === 'true',
  })
}

/** The policy's headers take the place of whatever a backend or the app said of CORS. */
function apply(reply: FastifyReply, headers: CorsHeaders, vary: string): void {
  for (const name of OWNED) if (reply.hasHeader(name)) reply.removeHeader(name)
  for (const [name, value] of headers) reply.header(name, value)
  reply.header('vary', mergeVary(reply.getHeader('vary'), vary))
}

function logDecision(request: FastifyRequest, headers: CorsHeaders, preflight: boolean): void {
  const { origin } = request.headers
  if (origin === undefined) return
  request.log.debug({ cors: { origin: origin.slice(0, 300), preflight, allowed: headers.length > 0 } }, 'cors decision')
}
