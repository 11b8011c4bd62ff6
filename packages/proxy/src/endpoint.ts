import type { ConnectionOptions } from 'node:tls'
import { type EndpointRoute, stateOf } from '@portcullis/core'
import type { FastifyInstance, HTTPMethods } from 'fastify'
import type { BackendHttpSettings } from './backend-http.ts'
import { addBodyParser } from './body-parser.ts'
import { type Backend, Forward } from './forward.ts'
import { RequestHeaders } from './request-headers.ts'
import { Upstream } from './upstream.ts'
import { compileUrlPattern } from './url-pattern.ts'

/** An endpoint of the gateway and its one backend, checked and with defaults. */
export interface EndpointOptions {
  /** KrakenD's path: `/users/{id}`, or a prefix `/api/*`. */
  endpoint: string
  methods: readonly string[]
  /** Host names that the endpoint is limited to; `*.example.com` stands for one label. */
  hosts?: readonly string[]
  /** Milliseconds. */
  timeout: number
  inputHeaders: readonly string[]
  inputQueryStrings: readonly string[]
  /** The endpoint's blocks, and its place, for the engine. */
  extraConfig: Readonly<Record<string, unknown>> | undefined
  route: EndpointRoute
  backend: {
    hosts: readonly string[]
    urlPattern: string
    method?: string
    settings: BackendHttpSettings
    tls?: ConnectionOptions
  }
  /** The gateway's pseudonym in `Via`. */
  via: string
  /** `Cache-Control` of successful answers to GET whose backend says nothing of caching. */
  cacheControl?: string
}

/** Declares the routes of endpoints in a scope of their own, with its own body parser. Call inside `register`. */
export function addEndpoints(scope: FastifyInstance, endpoints: readonly EndpointOptions[]): void {
  addBodyParser(scope)
  for (const endpoint of endpoints) addEndpoint(scope, endpoint)
}

function addEndpoint(scope: FastifyInstance, options: EndpointOptions): void {
  const upstream = new Upstream({
    hosts: options.backend.hosts,
    settings: options.backend.settings,
    log: scope.log,
    ...(options.backend.tls === undefined ? undefined : { tls: options.backend.tls }),
  })
  scope.addHook('onReady', async () => upstream.start())
  scope.addHook('onClose', () => upstream.close())
  const backend = makeBackend(options, upstream)
  const methods = [...options.methods]
  if (methods.includes('GET') && !methods.includes('HEAD')) methods.push('HEAD')
  scope.route({
    method: methods as HTTPMethods[],
    url: routeUrl(options.endpoint),
    exposeHeadRoute: false,
    ...(options.hosts === undefined ? undefined : { constraints: { host: hostPattern(options.hosts) } }),
    config: { extra_config: options.extraConfig, portcullisEndpoint: options.route },
    handler: (request, reply) => {
      new Forward(backend, request, reply, stateOf(request)).start()
    },
  })
}

function makeBackend(options: EndpointOptions, upstream: Upstream): Backend {
  const pattern = compileUrlPattern(options.backend.urlPattern)
  return {
    upstream,
    pattern,
    headers: new RequestHeaders({
      allowed: options.inputHeaders,
      via: options.via,
      preserveHost: options.backend.settings.preserveHost,
    }),
    query: { allowed: options.inputQueryStrings, own: pattern.ownQuery },
    method: options.backend.method,
    timeout: options.timeout,
    cacheControl: options.cacheControl,
    prefixSegments: options.endpoint.split('/').length - 2,
  }
}

/** `/users/{id}` as Fastify writes it. */
export function routeUrl(endpoint: string): string {
  return endpoint.replaceAll(':', '::').replace(/\{([^{}]+)\}/g, ':$1')
}

function hostPattern(hosts: readonly string[]): RegExp {
  const names = hosts.map((host) => host.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^.:]+'))
  return new RegExp(`^(?:${names.join('|')})(?::[0-9]+)?$`, 'i')
}
