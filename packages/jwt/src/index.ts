/**
 * `auth/validator`: JSON Web Tokens. A request passes when its token is signed by a trusted key with the configured
 * algorithm, valid now, and meant for this route; its claims go on as headers that no client can forge.
 *
 * - {@link TokenPlaces} finds the token, and takes it out of what goes upstream;
 * - {@link Verifier} checks its signature, once per token, with keys of a `KeySource` (configured, file, URL);
 * - {@link TokenRules} are the route's: issuer, audience, times, roles, scopes, headers.
 */

import {
  type Component,
  type ComponentInstance,
  type ComponentPlugin,
  type Context,
  passesAsPreflight,
  type RequestState,
  type StepResult,
  toPlugin,
} from '@portcullis/core'
import type { FastifyRequest } from 'fastify'
import { checkJwt } from './check.ts'
import { type JwtConfig, jwtSchema } from './config.ts'
import { type Fault, makeRefusals } from './refusals.ts'
import { authenticatedHeader, placesOf, rulesOf, verifierOf } from './settings.ts'
import { AMBIGUOUS, TokenPlaces } from './token-places.ts'
import { TokenRules, timeFault } from './token-rules.ts'
import type { VerifiedToken, Verifier, VerifyFault } from './verifier.ts'

// The type of `request.user` is @fastify/jwt's, so that an application declares its own in one place.
export type { FastifyJWT } from '@fastify/jwt'
export type { Algorithm } from './algorithms.ts'
export type { IssuerConfig, JwtConfig, KeyConfig } from './config.ts'

/** The security function `auth/validator`. */
export const jwt: Component<JwtConfig> = {
  name: 'jwt',
  namespaces: ['auth/validator', 'github.com/devopsfaith/krakend-jose/validator'],
  levels: ['service', 'endpoint'],
  schema: jwtSchema,
  combine: 'replace',
  renamedFields: { 'jwk-url': 'jwk_url', 'propagate-claims': 'propagate_claims' },
  check: (config, { baseDir }) => checkJwt(config, baseDir),
  create: createJwt,
}

/** The Fastify plugin: its options are the fields of `auth/validator`. */
const plugin: ComponentPlugin<JwtConfig> = toPlugin(jwt)
export default plugin

function createJwt(config: JwtConfig, context: Context): ComponentInstance {
  const verifier = verifierOf(config, context)
  publishNumbers(context, verifier)
  const authenticated = authenticatedHeader(config)
  return {
    steps: [{ phase: 'onRequest', run: makeStep(config, context, verifier) }],
    identityHeaders: [
      ...(config.propagate_claims ?? []).map(([, header]) => header),
      ...(authenticated === undefined ? [] : [authenticated]),
    ],
    ready: async () => {
      const { fastify } = context
      if (!fastify.hasRequestDecorator('user')) fastify.decorateRequest('user', null as never)
      await verifier.ready()
    },
    healthy: () => verifier.usable,
    reload: () => verifier.reload(),
    close: () => verifier.close(),
  }
}

/** Numbers of all verifiers of a tree: tokens in the caches, ages of the fetched key sets. */
function publishNumbers(context: Context, verifier: Verifier): void {
  const verifiers = context.shared('jwt:verifiers', () => {
    const all = new Set<Verifier>()
    const size = (): number => [...all].reduce((sum, one) => sum + one.size, 0)
    context.gauge({ name: 'jwt_cached_tokens', help: 'Verified tokens in the cache', read: size })
    context.gauge({ name: 'jwks_age_seconds', help: 'Time since a key set was fetched', read: () => agesOf(all) })
    return all
  })
  verifiers.add(verifier)
}

function agesOf(verifiers: Iterable<Verifier>): { labels: { keys: string }; value: number }[] {
  const ages = new Map<string, number>()
  for (const { sources } of verifiers) {
    for (const { fetched } of sources) if (fetched !== undefined) ages.set(fetched.name, fetched.age / 1000)
  }
  return [...ages].map(([keys, value]) => ({ labels: { keys }, value }))
}

type Run = (request: FastifyRequest, state: RequestState) => StepResult | Promise<StepResult>

function makeStep(config: JwtConfig, context: Context, verifier: Verifier): Run {
  const places = new TokenPlaces(placesOf(config))
  const rules = new TokenRules(rulesOf(config))
  const refusals = makeRefusals(config.realm ?? 'service', config.scopes)
  const { optional = false, strip_token: strip = true, run_on_preflight: runOnPreflight } = config
  const refuse = (request: FastifyRequest, fault: Fault): StepResult => {
    if (config.operation_debug === true) request.log.warn({ reason: fault, place: context.place }, 'token refused')
    return refusals(fault)
  }
  const decide = (
    request: FastifyRequest,
    state: RequestState,
    token: VerifiedToken | VerifyFault,
    now: number,
  ): StepResult => {
    if (typeof token === 'string') return refuse(request, token)
    const verdict = rules.judge(token)
    const fault = timeFault(verdict, now) ?? verdict.fault
    if (fault !== undefined) return refuse(request, fault)
    state.addIdentity(verdict.identity)
    for (const [name, value] of verdict.headers)
      state.setRequestHeader(request, name, value)
      // A copy, since handlers may write to it, and what lies deeper is frozen.
    ;(request as { user: unknown }).user = { ...token.claims.value }
    return undefined
  }
  return (request, state) => {
    if (passesAsPreflight(request, runOnPreflight)) return undefined
    const token = places.find(request)
    if (token === undefined) return optional ? undefined : refuse(request, 'missing')
    if (strip) places.strip(request, state)
    if (token === AMBIGUOUS) return refuse(request, 'ambiguous')
    const now = Date.now()
    const verified = verifier.verify(token, now)
    if (verified instanceof Promise) return verified.then((result) => decide(request, state, result, now))
    return decide(request, state, verified, now)
  }
}
