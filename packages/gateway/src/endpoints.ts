import type { ConnectionOptions } from 'node:tls'
import { type Component, ComponentIndex, duration } from '@portcullis/core'
import { type BackendHttpConfig, backendHttpSettings, type EndpointOptions } from '@portcullis/proxy'
import { type ClientTlsConfig, clientTlsOptions } from '@portcullis/tls'
import { methodsOf } from './check-endpoints.ts'
import type { EndpointDocument } from './document.ts'
import type { LoadedConfig } from './load.ts'
import { components } from './pipeline.ts'

const index = new ComponentIndex(components as readonly Component[])

/** The proxy's options for every endpoint of a configuration. */
export function endpointOptions(loaded: LoadedConfig): EndpointOptions[] {
  const { document } = loaded
  return (document.endpoints ?? []).map((endpoint, i) => oneEndpoint(endpoint, i, loaded))
}

function oneEndpoint(endpoint: EndpointDocument, i: number, loaded: LoadedConfig): EndpointOptions {
  const { document, baseDir } = loaded
  const backend = endpoint.backend[0]!
  const timeout = backend.timeout ?? endpoint.timeout ?? document.timeout ?? '2s'
  const http = blockOf(backend.extra_config, 'backend-http') as BackendHttpConfig | undefined
  const tls = (blockOf(backend.extra_config, 'client-tls') ?? document.client_tls) as ClientTlsConfig | undefined
  const cacheControl = cacheControlOf(endpoint, loaded)
  return {
    endpoint: endpoint.endpoint,
    methods: methodsOf(endpoint),
    ...(endpoint.hosts === undefined ? undefined : { hosts: endpoint.hosts }),
    timeout: duration(timeout),
    inputHeaders: narrowed(endpoint.input_headers, backend.input_headers),
    inputQueryStrings: narrowed(endpoint.input_query_strings, backend.input_query_strings),
    extraConfig: endpoint.extra_config,
    route: { place: `endpoints[${i}]`, keepsRawBody: true, blocks: loaded.endpointBlocks[i]! },
    backend: {
      hosts: (backend.host ?? document.host!).map((host) => host.replace(/\/$/, '')),
      urlPattern: backend.url_pattern ?? endpoint.endpoint,
      ...(backend.method === undefined ? undefined : { method: backend.method }),
      settings: backendHttpSettings(http),
      ...(tls === undefined ? undefined : { tls: clientTlsOptions(tls, baseDir) as ConnectionOptions }),
    },
    via: (document.name ?? 'portcullis').replace(/[^A-Za-z0-9.-]/g, '-'),
    ...(cacheControl === undefined ? undefined : { cacheControl }),
  }
}

function blockOf(extraConfig: Record<string, unknown> | undefined, component: string): unknown {
  const found = Object.entries(extraConfig ?? {}).find(([key]) => index.get(key)?.name === component)
  return found?.[1]
}

/** A backend's own list narrows the endpoint's: it cannot let through what the endpoint keeps back. */
function narrowed(endpoint: readonly string[] = [], backend: readonly string[] | undefined): readonly string[] {
  if (backend === undefined || backend.includes('*')) return endpoint
  if (endpoint.includes('*')) return backend
  const allowed = new Set(endpoint.map((name) => name.toLowerCase()))
  return backend.filter((name) => allowed.has(name.toLowerCase()))
}

/** Answers that depend on who asks must not be stored by shared caches (RFC 9111 section 5.2.2.7). */
function cacheControlOf(endpoint: EndpointDocument, loaded: LoadedConfig): string | undefined {
  const seconds = Math.floor(duration(endpoint.cache_ttl ?? loaded.document.cache_ttl ?? 0) / 1000)
  if (seconds === 0) return undefined
  const authenticates = (name: string): boolean => ['jwt', 'api-keys', 'basic-auth'].includes(name)
  const own = Object.keys(endpoint.extra_config ?? {}).some((key) => authenticates(index.get(key)?.name ?? ''))
  const identified = own || [...loaded.blocks.keys()].some(authenticates)
  return `${identified ? 'private' : 'public'}, max-age=${seconds}`
}
