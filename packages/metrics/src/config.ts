import type { JSONSchema } from '@portcullis/core'

/** One block `telemetry/metrics`: the options of the plugin. */
export interface MetricsConfig {
  path?: string
  listen?: string
  public?: boolean
  tracing?: boolean
}

/** One block `telemetry/dashboard`. */
export interface DashboardConfig {
  listen: string
  token: string
}

const LISTEN: JSONSchema = {
  type: 'string',
  pattern: '^(?:\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9.-]*):[0-9]{1,5}$',
  expects: 'an address and a port such as "127.0.0.1:9464" or "[::1]:9464"',
}

/** JSON Schema of the block `telemetry/metrics`, draft 7. */
export const metricsSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    path: {
      type: 'string',
      pattern: '^/[!-~]*$',
      expects: 'a path such as "/__metrics"',
      default: '/__metrics',
      description: 'Where the metrics are served.',
    },
    listen: { ...LISTEN, description: 'Address of a listener of its own; `:9464` is every address of the machine.' },
    public: { type: 'boolean', default: false, description: 'Serve them on the public listener, to everybody.' },
    tracing: {
      type: 'boolean',
      default: true,
      description: 'Make OpenTelemetry spans where `@opentelemetry/api` is installed and an SDK is registered.',
    },
  },
}

/** JSON Schema of the block `telemetry/dashboard`, draft 7. */
export const dashboardSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['listen', 'token'],
  properties: {
    listen: { ...LISTEN, description: 'Address of its listener; loopback only.' },
    token: { type: 'string', minLength: 1, writeOnly: true, description: 'Who knows it may look.' },
  },
}

/** An address to listen at. */
export interface Address {
  /** Undefined = every address of the machine. */
  host: string | undefined
  port: number
}

/** Reads a checked `listen`. @throws RangeError for a port beyond 65535. */
export function parseListen(text: string): Address {
  const colon = text.lastIndexOf(':')
  const host = text.slice(0, colon).replace(/^\[|\]$/g, '')
  const port = Number(text.slice(colon + 1))
  if (port > 65_535) throw new RangeError(`there is no port ${port}`)
  return { host: host === '' ? undefined : host, port }
}

/** Is this an address that only the machine itself can reach? */
export function isLoopback(host: string | undefined): boolean {
  return host !== undefined && (host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host))
}
