/**
 * `auth/client-credentials`: requests to an upstream carry a token that the gateway gets for itself.
 *
 * {@link TokenEndpoint} gets tokens, {@link TokenCache} keeps one; this file puts it on requests, and gets another when
 * the upstream no longer takes it.
 */
import { createHash } from 'node:crypto'
import {
  type Component,
  type ComponentPlugin,
  type Context,
  duration,
  foldHeaderName,
  Refusal,
  type RequestState,
  toPlugin,
  type UpstreamRequest,
} from '@portcullis/core'
import { type ClientCredentialsConfig, checkClientCredentials, clientCredentialsSchema } from './config.ts'
import { type Token, TokenCache } from './token-cache.ts'
import { TokenEndpoint } from './token-endpoint.ts'

export type { ClientCredentialsConfig } from './config.ts'
export { type Token, TokenCache, type TokenCacheOptions } from './token-cache.ts'
export { type FetchedToken, TokenEndpoint, TokenError } from './token-endpoint.ts'

const TOKEN_UNAVAILABLE = new Refusal(502, 'TOKEN_UNAVAILABLE', 'The gateway has no token for the upstream')

/** Methods whose requests may be sent twice (RFC 9110 section 9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** The token of an upstream, at backend level. Refuses with 502 `TOKEN_UNAVAILABLE`. */
export const oauth2Client: Component<ClientCredentialsConfig> = {
  name: 'oauth2-client',
  namespaces: [
    'auth/client-credentials',
    'github.com/devopsfaith/krakend-oauth2-clientcredentials',
    'github.com/krakend/krakend-oauth2-clientcredentials',
  ],
  levels: ['backend'],
  schema: clientCredentialsSchema,
  check: checkClientCredentials,
  create(config, context) {
    if (config.is_disabled === true) return { steps: [] }
    const { cache, close } = sharedCache(config, context)
    const header = (config.header_name ?? 'authorization').toLowerCase()
    const sent = new WeakMap<UpstreamRequest, Token>()
    const retried = new WeakSet<RequestState>()
    const put = (upstream: UpstreamRequest, token: Token): undefined => {
      upstream.headers[header] = token.header
      sent.set(upstream, token)
    }
    return {
      steps: [
        {
          phase: 'upstreamRequest',
          run: (_request, _state, upstream) => {
            // Whatever happens (a missing token in monitor mode too), what the client sent here is not the gateway's.
            removeSpellings(upstream.headers, header)
            let token: Token | Promise<Token>
            try {
              token = cache.get()
            } catch {
              return TOKEN_UNAVAILABLE
            }
            if (!(token instanceof Promise)) return put(upstream, token)
            return token.then(
              (fetched) => put(upstream, fetched),
              () => TOKEN_UNAVAILABLE,
            )
          },
        },
        {
          phase: 'upstreamResponse',
          run: (_request, state, upstream, { status }) => {
            const token = sent.get(upstream)
            if (token === undefined || status === undefined) return undefined
            if (status !== 401 || config.retry_on_401 === false) {
              if (status !== 401) cache.accepted(token)
              return undefined
            }
            const another = cache.refused(token)
            if (!another || retried.has(state) || !IDEMPOTENT.has(upstream.method)) return undefined
            retried.add(state)
            return 'retry'
          },
        },
      ],
      close,
    }
  },
}

/** Fastify plugin: reads the blocks of proxied endpoints' backends. */
const plugin: ComponentPlugin<ClientCredentialsConfig> = toPlugin(oauth2Client)
export default plugin

/** Backends with the same credentials, scopes and settings share a token; any difference means one of their own. */
function sharedCache(
  config: ClientCredentialsConfig,
  context: Context,
): { cache: TokenCache; close: () => Promise<void> } {
  const identity = createHash('sha256').update(JSON.stringify(config)).digest('hex')
  return context.shared(`oauth2-client ${identity}`, () => {
    const endpoint = new TokenEndpoint(config, context.baseDir)
    const cache = new TokenCache({
      fetch: () => endpoint.fetch(),
      marginMs: duration(config.expiry_margin ?? '10s'),
      onFailure: (reason) => context.log.warn({ component: 'oauth2-client', place: context.place }, reason),
    })
    return { cache, close: () => endpoint.close() }
  })
}

/** What the client sent under the token's name, in any spelling that an upstream may fold together. */
function removeSpellings(headers: UpstreamRequest['headers'], header: string): void {
  for (const name in headers) {
    if (name.length === header.length && foldHeaderName(name) === foldHeaderName(header)) delete headers[name]
  }
}
