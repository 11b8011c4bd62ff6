import {
  type ConfigIssue,
  checkRedis,
  duration,
  durationSchema,
  type JSONSchema,
  type RedisConfig,
  redisSchema,
} from '@portcullis/core'

/** What a client is counted by. */
export type LimitBy = 'ip' | 'consumer' | 'credential' | 'api_key' | 'claim' | 'header' | 'param' | 'path' | 'service'

/** The fields of `qos/ratelimit/service` and `qos/ratelimit/router`. */
export interface RateLimitConfig {
  mode?: 'enforce' | 'monitor'
  /** Tokens per `every` for everybody together. */
  max_rate?: number
  capacity?: number
  every?: string | number
  /** Tokens per `every` for each client. */
  client_max_rate?: number
  client_capacity?: number
  strategy?: Exclude<LimitBy, 'path' | 'service' | 'credential'>
  key?: string
  second?: number | null
  minute?: number | null
  hour?: number | null
  day?: number | null
  limit_by?: Exclude<LimitBy, 'param' | 'api_key'>
  policy?: 'local' | 'redis'
  redis?: RedisConfig
  fault_tolerant?: boolean
  hide_client_headers?: boolean
  error_code?: number
  error_message?: string
  ipv6_prefix?: number
  only_failures?: boolean
  count_options?: boolean
  num_shards?: number
  cleanup_period?: string | number
  cleanup_threads?: number
}

/** The fixed windows: the configuration's field, the header's word and the length in milliseconds. */
export const WINDOWS = [
  { field: 'second', label: 'second', ms: 1000 },
  { field: 'minute', label: 'minute', ms: 60_000 },
  { field: 'hour', label: 'hour', ms: 3_600_000 },
  { field: 'day', label: 'day', ms: 86_400_000 },
] as const

const rate = (description: string): JSONSchema => ({ type: 'number', minimum: 0, maximum: 1e9, description })
const capacity = (description: string): JSONSchema => ({ type: 'integer', minimum: 1, maximum: 1e9, description })
const window = (name: string): JSONSchema => ({
  type: ['integer', 'null'],
  minimum: 1,
  maximum: 1e9,
  default: null,
  description: `Requests in a ${name}; null = no such limit.`,
})

/** JSON Schema of {@link RateLimitConfig}. */
export const rateLimitSchema: JSONSchema = {
  type: 'object',
  properties: {
    max_rate: rate('Token bucket of everybody together: tokens that come back per `every`; 0 = off.'),
    capacity: capacity('Tokens that this bucket holds. Default: the rate per second, at least 1.'),
    every: { ...durationSchema, default: '1s', description: 'The time that both rates are meant for.' },
    client_max_rate: rate('Token bucket of each client: tokens that come back per `every`; 0 = off.'),
    client_capacity: capacity('Tokens that a client’s bucket holds. Default: the rate per second, at least 1.'),
    strategy: {
      enum: ['ip', 'header', 'param', 'claim', 'api_key', 'consumer'],
      default: 'ip',
      description: 'What a client is, for `client_max_rate`.',
    },
    key: {
      type: 'string',
      minLength: 1,
      description: 'Name of the header, route parameter or claim (dotted path), or the path.',
    },
    second: window('second'),
    minute: window('minute'),
    hour: window('hour'),
    day: window('day'),
    limit_by: {
      enum: ['ip', 'consumer', 'credential', 'header', 'path', 'claim', 'service'],
      default: 'ip',
      description: 'What the windows count. Whoever lacks it is counted by address.',
    },
    policy: {
      enum: ['local', 'redis'],
      default: 'local',
      description: 'Where the counts live: this process or Redis.',
    },
    redis: { ...redisSchema, description: 'A Redis of this limit’s own, in place of the gateway’s.' },
    fault_tolerant: {
      type: 'boolean',
      default: false,
      description: 'When Redis is down: false = refuse (503), true = count in this process until it is back.',
    },
    hide_client_headers: { type: 'boolean', default: false, description: 'Send no headers about limits.' },
    error_code: { type: 'integer', minimum: 400, maximum: 599, default: 429, description: 'Status of a refusal.' },
    error_message: {
      type: 'string',
      minLength: 1,
      default: 'API rate limit exceeded',
      description: 'Message of a refusal.',
    },
    ipv6_prefix: {
      type: 'integer',
      minimum: 1,
      maximum: 128,
      default: 64,
      description: 'IPv6 clients are counted by networks of this many bits.',
    },
    only_failures: {
      type: 'boolean',
      default: false,
      description: 'Count only answers 401 and 403: a limit on guesses, not on use.',
    },
    count_options: { type: 'boolean', default: true, description: 'OPTIONS requests (CORS preflights) count.' },
    num_shards: { type: 'integer', description: 'KrakenD’s memory housekeeping; accepted, not needed.' },
    cleanup_period: { ...durationSchema, description: 'KrakenD’s memory housekeeping; accepted, not needed.' },
    cleanup_threads: { type: 'integer', description: 'KrakenD’s memory housekeeping; accepted, not needed.' },
  },
  additionalProperties: false,
}

/** KrakenD's names of version 2 files, and Kong's for the `key`. */
export const renamedFields: Readonly<Record<string, string>> = {
  maxRate: 'max_rate',
  clientMaxRate: 'client_max_rate',
  header_name: 'key',
  path: 'key',
}

/** What the schema cannot see: limits that limit nothing, contradict each other or lack what they count by. */
export function checkRateLimit(config: RateLimitConfig, context: { baseDir: string }): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const say = (place: string, message: string): void => void issues.push({ place, message })
  const stated = WINDOWS.filter(({ field }) => typeof config[field] === 'number')
  const buckets = (config.max_rate ?? 0) + (config.client_max_rate ?? 0)
  if (stated.length === 0 && buckets === 0) {
    say('', 'limits nothing: state "max_rate", "client_max_rate" or one of "second", "minute", "hour", "day"')
  }
  for (let i = 1; i < stated.length; i++) {
    const [shorter, longer] = [stated[i - 1]!.field, stated[i]!.field]
    if (config[longer]! < config[shorter]!) {
      say(`.${longer}`, `is less than the ${config[shorter]} of "${shorter}", which could never be reached`)
    }
  }
  if (stated.length === 0 && config.limit_by !== undefined) {
    say('.limit_by', 'is for the windows "second" to "day"; a token bucket has "strategy"')
  }
  if (duration(config.every ?? '1s') <= 0) say('.every', 'must be longer than nothing')
  if (config.capacity !== undefined && !((config.max_rate ?? 0) > 0)) say('.capacity', 'needs "max_rate"')
  if (!((config.client_max_rate ?? 0) > 0)) {
    if (config.client_capacity !== undefined) say('.client_capacity', 'needs "client_max_rate"')
    if (config.strategy !== undefined) say('.strategy', 'is for "client_max_rate", which is not stated')
  }
  checkKey(config, say)
  if (config.redis !== undefined) {
    issues.push(
      ...checkRedis(config.redis, context).map(({ place, message }) => ({ place: `.redis${place}`, message })),
    )
  }
  return issues
}

function checkKey(config: RateLimitConfig, say: (place: string, message: string) => void): void {
  const used = [config.strategy, config.limit_by]
  const needing = used.find((by) => by === 'header' || by === 'param' || by === 'claim')
  if (needing !== undefined && config.key === undefined) {
    say('', `"${needing}" needs the field "key", its name`)
  }
  if (config.key === undefined || needing !== undefined || used.includes('path')) return
  const byAddress = config.strategy === 'ip' || config.limit_by === 'ip' || used.every((by) => by === undefined)
  say(
    '.key',
    byAddress
      ? 'a header cannot name the client’s address, since any client can send it: set the server’s trusted proxies'
      : 'is for "header", "param", "claim" and "path"',
  )
}
