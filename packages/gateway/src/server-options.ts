import { handleClientError, handleFrameworkError } from '@portcullis/core'
import { type RequestLimitsConfig, serverLimits } from '@portcullis/request-limits'
import { type TlsConfig, tlsServerOptions } from '@portcullis/tls'
import type { FastifyServerOptions } from 'fastify'
import type { GatewayDocument } from './document.ts'
import { type LoadedConfig, type LoadOptions, loadConfig } from './load.ts'
import { credentialParams, RedactingLogController } from './log-controller.ts'

/**
 * The Fastify options that a configuration needs and that exist before any plugin: TLS and HTTP/2, `trustProxy`,
 * limits and timeouts of the server, the handlers that put headers and records on what the parser and the router
 * refuse, and log lines without credentials. `Fastify({ ...serverOptions(config), logger: true })`.
 *
 * @param config a document, or the path of one.
 * @throws ConfigurationError that lists every mistake.
 */
export function serverOptions(config: string | GatewayDocument, options?: LoadOptions): FastifyServerOptions {
  return serverOptionsOf(loadConfig(config, options))
}

/** The same for a configuration that is loaded already. */
export function serverOptionsOf(loaded: LoadedConfig): FastifyServerOptions {
  const { document } = loaded
  const limits = serverLimits(
    loaded.blocks.get('request-limits')?.config as RequestLimitsConfig | undefined,
    endpointLimits(document),
  )
  const tls = tlsConfigOf(loaded)
  const trusted = document.trusted_proxies ?? []
  const { http: limited, ...top } = limits
  // A request without a host is refused by the gateway, with its headers and its record, and not by Node.
  const http = { ...limited, requireHostHeader: false }
  return {
    ...top,
    trustProxy: trusted.length === 0 ? false : trusted,
    frameworkErrors: handleFrameworkError as never,
    clientErrorHandler: handleClientError as never,
    routerOptions: { maxParamLength: 1024 },
    forceCloseConnections: 'idle',
    logController: new RedactingLogController(credentialParams(loaded)),
    ...(tls === undefined ? { http } : tlsServerOptions(tls, { baseDir: loaded.baseDir, http })),
  } as FastifyServerOptions
}

/** The TLS settings: the root's `tls`, or the key pair that `security/http` names as the seed has it. */
export function tlsConfigOf(loaded: LoadedConfig): TlsConfig | undefined {
  const tls = loaded.document.tls as TlsConfig | undefined
  if (tls !== undefined) return tls.disabled === true ? undefined : tls
  const http = loaded.blocks.get('http-secure')?.config as
    | { ssl_certificate?: string; ssl_private_key?: string }
    | undefined
  if (http?.ssl_certificate === undefined || http.ssl_private_key === undefined) return undefined
  return { keys: [{ public_key: http.ssl_certificate, private_key: http.ssl_private_key }] }
}

/** Every endpoint's limits: the server must allow what the most generous of them allows. */
function endpointLimits(document: GatewayDocument): RequestLimitsConfig[] {
  return (document.endpoints ?? []).flatMap(
    (endpoint) => (endpoint.extra_config?.['security/request-limits'] as RequestLimitsConfig | undefined) ?? [],
  )
}
