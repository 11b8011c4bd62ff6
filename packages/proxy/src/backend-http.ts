import { type Component, duration, durationSchema, type JSONSchema, size, sizeSchema } from '@portcullis/core'

/** The block `backend/http`. */
export interface BackendHttpConfig {
  retry?: { attempts?: number; on?: (number | string)[]; methods?: string[] }
  keepalive?: string | number
  connections?: number
  connect_timeout?: string | number
  response_timeout?: string | number
  load_balancing?: 'round-robin' | 'least-connections'
  health_check?: {
    path: string
    interval?: string | number
    timeout?: string | number
    unhealthy_after?: number
    healthy_after?: number
  }
  http2?: boolean
  preserve_host?: boolean
  max_response_size?: string | number
}

/** The same with defaults, in milliseconds and bytes. */
export interface BackendHttpSettings {
  retry: {
    attempts: number
    statuses: ReadonlySet<number>
    failures: ReadonlySet<string>
    methods: ReadonlySet<string>
  }
  keepalive: number
  connections: number
  connectTimeout: number
  responseTimeout: number
  loadBalancing: 'round-robin' | 'least-connections'
  healthCheck:
    | { path: string; interval: number; timeout: number; unhealthyAfter: number; healthyAfter: number }
    | undefined
  http2: boolean
  preserveHost: boolean
  maxResponseSize: number
}

const FAILURES = ['refused', 'timeout', 'reset']
const STATUS = '^([45][0-9][0-9]|[45]xx)$'

const schema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    retry: {
      type: 'object',
      additionalProperties: false,
      description:
        'When a request is tried again. Never without being asked for, never once bytes of a streamed body were sent.',
      properties: {
        attempts: {
          type: 'integer',
          minimum: 0,
          maximum: 10,
          default: 0,
          description: 'Further tries after the first.',
        },
        on: {
          type: 'array',
          items: {
            anyOf: [
              { type: 'integer', minimum: 400, maximum: 599, expects: 'a status from 400 to 599' },
              { type: 'string', pattern: STATUS, expects: '"4xx", "5xx"' },
              { enum: FAILURES },
            ],
          },
          default: ['refused', 'reset', 502, 503, 504],
          description: 'Statuses (502, "5xx") and failures (refused, timeout, reset) that are tried again.',
        },
        methods: {
          type: 'array',
          items: { type: 'string', pattern: '^[A-Z]+$', expects: 'a method in capitals' },
          default: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'],
          description: 'Methods that are tried again; by default those that are idempotent (RFC 9110 section 9.2.2).',
        },
      },
    },
    keepalive: { ...durationSchema, default: '4s', description: 'How long an idle connection is kept.' },
    connections: {
      type: 'integer',
      minimum: 1,
      maximum: 65535,
      default: 128,
      description: 'Most connections to one host.',
    },
    connect_timeout: { ...durationSchema, default: '3s', description: 'Longest time for connecting, TLS included.' },
    response_timeout: {
      ...durationSchema,
      default: '30s',
      description: 'Longest pause between two parts of a response body.',
    },
    load_balancing: {
      enum: ['round-robin', 'least-connections'],
      default: 'round-robin',
      description: 'Which of several hosts is next.',
    },
    health_check: {
      type: 'object',
      additionalProperties: false,
      required: ['path'],
      description: 'Asks every host by itself; one that fails gets no requests until it answers again.',
      properties: {
        path: {
          type: 'string',
          pattern: '^/',
          expects: 'a path',
          description: 'What is asked for; any status below 500 is healthy.',
        },
        interval: { ...durationSchema, default: '10s', description: 'Time between two checks.' },
        timeout: { ...durationSchema, default: '2s', description: 'Longest wait for an answer.' },
        unhealthy_after: {
          type: 'integer',
          minimum: 1,
          default: 2,
          description: 'Failures in a row that take a host out.',
        },
        healthy_after: {
          type: 'integer',
          minimum: 1,
          default: 1,
          description: 'Successes in a row that bring it back.',
        },
      },
    },
    http2: {
      type: 'boolean',
      default: false,
      description: 'Speak HTTP/2 to the backend where it offers it (TLS only).',
    },
    preserve_host: { type: 'boolean', default: false, description: 'Send the client’s Host instead of the backend’s.' },
    max_response_size: {
      ...sizeSchema,
      description: 'Largest response body; a larger one is 502, or cut when it streams.',
    },
  },
}

/** The component behind `backend/http`: it only carries settings, the proxy acts on them. */
export const backendHttp: Component<BackendHttpConfig> = {
  name: 'backend-http',
  namespaces: ['backend/http', 'github.com/devopsfaith/krakend/http'],
  levels: ['backend'],
  refuses: false,
  schema,
  create: () => ({ steps: [] }),
}

/** Settings of a block, with defaults. */
export function backendHttpSettings(config: BackendHttpConfig = {}): BackendHttpSettings {
  const on = config.retry?.on ?? ['refused', 'reset', 502, 503, 504]
  const check = config.health_check
  return {
    retry: {
      attempts: config.retry?.attempts ?? (config.retry === undefined ? 0 : 1),
      statuses: new Set(on.flatMap(statusesOf)),
      failures: new Set(on.filter((item) => typeof item === 'string' && FAILURES.includes(item)) as string[]),
      methods: new Set(config.retry?.methods ?? ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']),
    },
    keepalive: duration(config.keepalive ?? '4s'),
    connections: config.connections ?? 128,
    connectTimeout: duration(config.connect_timeout ?? '3s'),
    responseTimeout: duration(config.response_timeout ?? '30s'),
    loadBalancing: config.load_balancing ?? 'round-robin',
    healthCheck:
      check === undefined
        ? undefined
        : {
            path: check.path,
            interval: duration(check.interval ?? '10s'),
            timeout: duration(check.timeout ?? '2s'),
            unhealthyAfter: check.unhealthy_after ?? 2,
            healthyAfter: check.healthy_after ?? 1,
          },
    http2: config.http2 ?? false,
    preserveHost: config.preserve_host ?? false,
    maxResponseSize: size(config.max_response_size) ?? Number.POSITIVE_INFINITY,
  }
}

/** The statuses that an entry of `retry.on` names: `503`, `"503"`, or all of a class, `"5xx"`. */
function statusesOf(entry: number | string): number[] {
  if (typeof entry === 'number') return [entry]
  const hundreds = /^([45])xx$/.exec(entry)?.[1]
  if (hundreds !== undefined) return Array.from({ length: 100 }, (_, i) => Number(hundreds) * 100 + i)
  return /^[0-9]+$/.test(entry) ? [Number(entry)] : []
}
