import { durationSchema, type JSONSchema, sizeSchema } from '@portcullis/core'

/** One block `security/request-limits`: the options of the plugin. Sizes and durations of 0 mean no limit. */
export interface RequestLimitsConfig {
  /** Largest body as it arrives, compressed or not. Bytes or `"1M"`. */
  max_body?: string | number
  /** Longest URL, path and query. */
  max_url?: string | number
  /** Most header lines. */
  max_headers?: number
  /** Largest size of all headers together. */
  max_header_size?: string | number
  /** Time for the request's head to arrive. Seconds or `"10s"`. Service level. */
  header_timeout?: string | number
  /** Longest time between two reads of the body. */
  body_timeout?: string | number
  /** Time for the whole request to arrive. */
  request_timeout?: string | number
  /** Refuse bodies whose length is not declared. */
  require_content_length?: boolean
  /** Requests after which a connection is closed. Service level. */
  max_requests_per_connection?: number
  /** Most open connections. Service level. */
  max_connections?: number
  /** Most open connections of one client address. Service level. */
  max_connections_per_ip?: number
  /** Decompress gzip bodies, so that what follows sees the content. */
  decompress_gzip?: boolean
  /** Largest body after decompression. Default: `max_body`. */
  max_decompressed_body?: string | number
  mode?: 'enforce' | 'monitor'
}

/** Fields that hold for connections, before a route is known: of the service's block only. */
export const CONNECTION_FIELDS: readonly [
  'header_timeout',
  'max_requests_per_connection',
  'max_connections',
  'max_connections_per_ip',
] = ['header_timeout', 'max_requests_per_connection', 'max_connections', 'max_connections_per_ip']

const count: JSONSchema = { type: 'integer', minimum: 0, expects: 'a whole number, 0 for no limit' }

/** JSON Schema of the block, draft 7. */
export const requestLimitsSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    max_body: {
      ...sizeSchema,
      default: '1M',
      description: 'Largest body: the declared length is looked at first, the bytes are counted as they arrive.',
    },
    max_url: { ...sizeSchema, default: '8K', description: 'Longest URL: path and query.' },
    max_headers: { ...count, default: 100, description: 'Most header lines.' },
    max_header_size: { ...sizeSchema, default: '16K', description: 'Largest size of all headers together.' },
    header_timeout: {
      ...durationSchema,
      default: '10s',
      description: 'Time for the head of a request to arrive (HTTP/1). Service level only.',
    },
    body_timeout: {
      ...durationSchema,
      default: '30s',
      description: 'Longest time between two reads of the body, while the gateway waits for the client.',
    },
    request_timeout: { ...durationSchema, default: '60s', description: 'Time for the whole request to arrive.' },
    require_content_length: {
      type: 'boolean',
      default: false,
      description: 'Refuse bodies without Content-Length, and POST, PUT and PATCH that say nothing of a body.',
    },
    max_requests_per_connection: {
      ...count,
      default: 0,
      description: 'Requests after which a connection is closed. Service level only.',
    },
    max_connections: { ...count, default: 0, description: 'Most open connections. Service level only.' },
    max_connections_per_ip: {
      ...count,
      default: 0,
      description:
        'Most open connections of one client (IPv6: of one /64). Trusted proxies are not counted. Service level only.',
    },
    decompress_gzip: {
      type: 'boolean',
      default: false,
      description: 'Decompress gzip bodies: what follows inspects and forwards the content.',
    },
    max_decompressed_body: {
      ...sizeSchema,
      description: 'Largest body after decompression. Default: that of `max_body`.',
    },
  },
}
