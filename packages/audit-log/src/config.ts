import { durationSchema, type JSONSchema, sizeSchema } from '@portcullis/core'

/** What must not be readable in the log, beside what never is (see the README). Names, in any case. */
export interface RedactConfig {
  headers?: string[]
  cookies?: string[]
  query?: string[]
  body?: string[]
}

/** When the file is put aside, and how many old ones stay. */
export interface RotateConfig {
  size?: string | number
  interval?: string | number
  keep?: number
}

/** A collector that takes lines by HTTP. */
interface HttpSinkConfig {
  url: string
  headers?: Record<string, string>
  timeout?: string | number
  batch?: number
  ca_certs?: string
}

/** A syslog server (RFC 5424). */
interface SyslogSinkConfig {
  host: string
  port?: number
  protocol?: 'udp' | 'tcp' | 'tls'
  facility?: Facility
  app_name?: string
  ca_certs?: string
}

/** Facilities of RFC 5424 that make sense for an application. */
export const FACILITIES = {
  user: 1,
  daemon: 3,
  auth: 4,
  authpriv: 10,
  audit: 13,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
} as const
export type Facility = keyof typeof FACILITIES

/** One block `telemetry/audit-log`: the options of the plugin. */
export interface AuditLogConfig {
  path?: string
  format?: 'json' | 'ecs' | 'ocsf'
  custom_fields?: Record<string, string>
  redact?: RedactConfig
  include_headers?: boolean
  include_bodies?: boolean
  max_body?: string | number
  rotate?: RotateConfig
  file_mode?: string
  flush_interval?: string | number
  queue_size?: number
  on_failure?: 'drop' | 'refuse'
  sample?: number
  skip_paths?: string[]
  http?: HttpSinkConfig
  syslog?: SyslogSinkConfig
  mode?: 'enforce' | 'monitor'
}

const names = (description: string): JSONSchema => ({
  type: 'array',
  items: { type: 'string', minLength: 1 },
  default: [],
  description,
})

const redactSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  description: 'Further names whose values are written as `[redacted]`.',
  properties: {
    headers: names('Request and response headers.'),
    cookies: names('Cookies, where a custom field asks for one.'),
    query: names('Query parameters, in the URL and in the Referer.'),
    body: names('Fields of JSON and form bodies, at any depth.'),
  },
}

const rotateSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  description: 'When the file is renamed and a new one is begun.',
  properties: {
    size: { ...sizeSchema, description: 'Before it would become larger than this.' },
    interval: { ...durationSchema, description: 'At every multiple of this since 1970 UTC: `1h`, `1d`.' },
    keep: { type: 'integer', minimum: 0, default: 10, description: 'How many old files stay.' },
  },
}

const httpSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  description: 'A collector to which lines are posted as `application/x-ndjson`.',
  properties: {
    url: { type: 'string', pattern: '^https?://', expects: 'an http or https URL', description: 'Where to.' },
    headers: {
      type: 'object',
      additionalProperties: { type: 'string', writeOnly: true },
      description: 'Headers of every post, such as an authorization.',
    },
    timeout: { ...durationSchema, default: '5s', description: 'Longest wait for one answer.' },
    batch: { type: 'integer', minimum: 1, maximum: 10_000, default: 500, description: 'Most lines of one post.' },
    ca_certs: { type: 'string', description: 'PEM file of the authorities to trust instead of the system’s.' },
  },
}

const syslogSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['host'],
  description: 'A syslog server that takes RFC 5424 messages.',
  properties: {
    host: { type: 'string', minLength: 1, description: 'Its name or address.' },
    port: {
      type: 'integer',
      minimum: 1,
      maximum: 65_535,
      description: 'Default 514 for udp, 601 for tcp, 6514 for tls.',
    },
    protocol: { enum: ['udp', 'tcp', 'tls'], default: 'udp', description: 'How it is reached.' },
    facility: { enum: Object.keys(FACILITIES), default: 'local0', description: 'Facility of the messages.' },
    app_name: {
      type: 'string',
      pattern: '^[!-~]{1,48}$',
      default: 'portcullis',
      description: 'APP-NAME of the messages.',
    },
    ca_certs: { type: 'string', description: 'PEM file of the authorities to trust instead of the system’s.' },
  },
}

/** JSON Schema of the block, draft 7. */
export const auditLogSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  anyOf: ['path', 'http', 'syslog'].map((field) => ({ required: [field] })),
  properties: {
    path: { type: 'string', minLength: 1, description: 'File to append to, or `stdout`.' },
    format: {
      enum: ['json', 'ecs', 'ocsf'],
      default: 'json',
      description: 'Names of the fields: our own, Elastic Common Schema 8, or OCSF HTTP Activity.',
    },
    custom_fields: {
      type: 'object',
      additionalProperties: { type: 'string', minLength: 1 },
      description: 'Further fields: a path into the record (`client.ip`) or text with `${client.ip}` in it.',
    },
    redact: redactSchema,
    include_headers: { type: 'boolean', default: false, description: 'Write every header of both ways.' },
    include_bodies: { type: 'boolean', default: false, description: 'Write JSON and form bodies of both ways.' },
    max_body: { ...sizeSchema, default: '8K', description: 'Bodies that are larger are only named as such.' },
    rotate: rotateSchema,
    file_mode: {
      type: 'string',
      pattern: '^0?[0-7]{3}$',
      default: '0600',
      expects: 'file permissions such as "0600"',
      description: 'Permissions of new files.',
    },
    flush_interval: {
      ...durationSchema,
      default: '200ms',
      description: 'Longest time that a line waits in memory: what a SIGKILL may lose.',
    },
    queue_size: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 10_000,
      description: 'Most lines of each sink that wait in memory.',
    },
    on_failure: {
      enum: ['drop', 'refuse'],
      description:
        '`drop`: requests go on, lost lines are counted. `refuse`: requests get 503 while nothing can be written. Not stated: drop, but a file that cannot be opened at start fails the start.',
    },
    sample: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: 1,
      description: 'Share of the ordinary requests that is logged; refusals, errors and aborts always are.',
    },
    skip_paths: names('Paths (`/ping`, `/static/*`) whose ordinary requests are not logged.'),
    http: httpSchema,
    syslog: syslogSchema,
  },
}
