import { duration, size } from '@portcullis/core'
import type { RequestLimitsConfig } from './config.ts'

/** The limits in force: bytes, milliseconds and counts. Infinity = no limit. */
export interface Limits {
  readonly maxBody: number
  readonly maxUrl: number
  readonly maxHeaders: number
  readonly maxHeaderSize: number
  readonly headerTimeout: number
  readonly bodyTimeout: number
  readonly requestTimeout: number
  readonly requireContentLength: boolean
  readonly maxRequestsPerConnection: number
  readonly maxConnections: number
  readonly maxConnectionsPerIp: number
  readonly decompressGzip: boolean
  readonly maxDecompressedBody: number
}

/**
 * The limits of a block. An endpoint's block says only what differs: what it leaves out is the service's.
 *
 * @param config the block, checked.
 * @param service the service's block, for an endpoint.
 */
export function readLimits(config: RequestLimitsConfig, service?: RequestLimitsConfig): Limits {
  const merged = { ...service, ...config }
  const maxBody = orNone(size(merged.max_body ?? '1M'))
  return {
    maxBody,
    maxUrl: orNone(size(merged.max_url ?? '8K')),
    maxHeaders: orNone(merged.max_headers ?? 100),
    maxHeaderSize: orNone(size(merged.max_header_size ?? '16K')),
    headerTimeout: orNone(duration(merged.header_timeout ?? '10s')),
    bodyTimeout: orNone(duration(merged.body_timeout ?? '30s')),
    requestTimeout: orNone(duration(merged.request_timeout ?? '60s')),
    requireContentLength: merged.require_content_length ?? false,
    maxRequestsPerConnection: orNone(merged.max_requests_per_connection ?? 0),
    maxConnections: orNone(merged.max_connections ?? 0),
    maxConnectionsPerIp: orNone(merged.max_connections_per_ip ?? 0),
    decompressGzip: merged.decompress_gzip ?? false,
    maxDecompressedBody:
      merged.max_decompressed_body === undefined ? maxBody : orNone(size(merged.max_decompressed_body)),
  }
}

/**
 * What the server itself may enforce of a block. A server knows no monitor mode: under it, it must let pass whatever
 * the block's own steps are to record, so it keeps to the defaults, or to the block where that allows more, and it
 * limits no connections.
 */
export function limitsOfServer(limits: Limits, mode: RequestLimitsConfig['mode']): Limits {
  if (mode !== 'monitor') return limits
  const defaults = readLimits({})
  const wider = (field: 'maxBody' | 'maxUrl' | 'maxHeaderSize' | 'headerTimeout' | 'requestTimeout'): number =>
    Math.max(limits[field], defaults[field])
  return {
    ...limits,
    maxBody: wider('maxBody'),
    maxUrl: wider('maxUrl'),
    maxHeaderSize: wider('maxHeaderSize'),
    headerTimeout: wider('headerTimeout'),
    requestTimeout: wider('requestTimeout'),
    maxDecompressedBody: Math.max(limits.maxDecompressedBody, defaults.maxBody),
    maxRequestsPerConnection: defaults.maxRequestsPerConnection,
    maxConnections: defaults.maxConnections,
    maxConnectionsPerIp: defaults.maxConnectionsPerIp,
  }
}

function orNone(value: number): number {
  return value === 0 ? Number.POSITIVE_INFINITY : value
}
