import type { RequestLimitsConfig } from './config.ts'
import { type Limits, limitsOfServer, readLimits } from './limits.ts'

/** Properties of Node's HTTP server that a plugin can still set before the server listens. */
export interface ServerProperties {
  /** Bytes of request line and headers: beyond it the parser answers by itself. */
  maxHeaderSize: number
  /** 0: no header is dropped in silence, the plugin counts them. */
  maxHeadersCount: number
  headersTimeout: number
  requestTimeout: number
  connectionsCheckingInterval: number
  maxRequestsPerSocket: number
  /** Absent = no limit. */
  maxConnections?: number
}

/** Options for `Fastify(...)`. With `https`, the fields of `http` belong into `https`. */
export interface ServerLimitOptions {
  bodyLimit: number
  requestTimeout: number
  maxRequestsPerSocket: number
  http: Pick<ServerProperties, 'maxHeaderSize' | 'headersTimeout' | 'connectionsCheckingInterval'>
}

/** Room for the method, the version and the line end in the parser's one limit for line and headers. */
const REQUEST_LINE = 64
const LONGEST = 2 ** 31 - 1

/**
 * The server's properties for the limits of a service and of its endpoints. The server knows no routes, so it gets the
 * widest limit of all; the plugin enforces the narrower ones.
 *
 * Node swaps the two timeouts when `headersTimeout` is the larger, and looks at them only every
 * `connectionsCheckingInterval`; the parser has one limit for URL and headers, so it gets their sum.
 */
export function serverProperties(service: Limits, endpoints: readonly Limits[] = []): ServerProperties {
  const all = [service, ...endpoints]
  const widest = (field: 'maxUrl' | 'maxHeaderSize' | 'requestTimeout') => Math.max(...all.map((one) => one[field]))
  const request = widest('requestTimeout')
  const headers = Math.min(service.headerTimeout, request)
  return {
    maxHeaderSize: Math.min(widest('maxHeaderSize') + widest('maxUrl') + REQUEST_LINE, LONGEST),
    maxHeadersCount: 0,
    headersTimeout: orZero(headers),
    // The plugin answers first where it can; Node ends what it does not see.
    requestTimeout: orZero(request + 1000),
    connectionsCheckingInterval: Math.min(1000, Math.max(100, Math.floor(headers / 4))),
    maxRequestsPerSocket: orZero(service.maxRequestsPerConnection),
    ...(Number.isFinite(service.maxConnections) ? { maxConnections: service.maxConnections } : undefined),
  }
}

/**
 * What `Fastify(...)` must be told so that these limits hold: the pure part of the gateway's `serverOptions`.
 *
 * @param service the block of the service; defaults when it has none.
 * @param endpoints the blocks of its endpoints.
 */
export function serverLimits(
  service: RequestLimitsConfig = {},
  endpoints: readonly RequestLimitsConfig[] = [],
): ServerLimitOptions {
  const limits = limitsOfServer(readLimits(service), service.mode)
  const others = endpoints.map((endpoint) => limitsOfServer(readLimits(endpoint, service), endpoint.mode))
  const properties = serverProperties(limits, others)
  const { maxHeaderSize, headersTimeout, connectionsCheckingInterval, requestTimeout, maxRequestsPerSocket } =
    properties
  const largest = Math.max(
    ...[limits, ...others].flatMap(({ maxBody, maxDecompressedBody, decompressGzip }) =>
      decompressGzip ? [maxBody, maxDecompressedBody] : [maxBody],
    ),
  )
  return {
    bodyLimit: Math.min(largest, Number.MAX_SAFE_INTEGER),
    requestTimeout,
    maxRequestsPerSocket,
    http: { maxHeaderSize, headersTimeout, connectionsCheckingInterval },
  }
}

function orZero(value: number): number {
  return Number.isFinite(value) ? Math.min(value, LONGEST) : 0
}
