import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { durationSchema } from '../config/duration.ts'
import type { ConfigIssue } from '../config/issues.ts'
import type { JSONSchema } from '../config/schema.ts'

/** How to reach the shared store: the `redis` block of a configuration. */
export interface RedisConfig {
  /** `redis://user:password@host:6379/0`, or `rediss://` for TLS. */
  url?: string
  host?: string
  port?: number
  username?: string
  password?: string
  database?: number
  tls?: boolean | RedisTls
  /** `true`: the host (or URL) is a node of a cluster. A list names its nodes, in place of a host. */
  cluster?: boolean | readonly string[]
  /** Further nodes of a cluster, `host:port`. */
  nodes?: readonly string[]
  /** Sentinels, `host:port`, which know where the master is. */
  sentinels?: readonly string[]
  sentinel_name?: string
  sentinel_username?: string
  sentinel_password?: string
  /** What stands before every key. */
  prefix?: string
  /** How long one command may take. */
  command_timeout?: string | number
}

/** TLS towards Redis; the server's certificate is always checked unless told otherwise. */
export interface RedisTls {
  ca_certs?: readonly string[]
  server_name?: string
  client_certs?: readonly { certificate: string; private_key: string }[]
  allow_insecure_connections?: boolean
}

const ADDRESS = 'an address such as "redis-1.internal:6379"'
const NODE_EXPECTED = `expected ${ADDRESS}`
const node: JSONSchema = { type: 'string', minLength: 1, expects: ADDRESS }
const files = (description: string): JSONSchema => ({
  type: 'array',
  items: { type: 'string', minLength: 1 },
  description,
})

const tlsSchema: JSONSchema = {
  type: ['boolean', 'object'],
  properties: {
    ca_certs: files('Certificates (PEM files) to trust instead of the system’s.'),
    server_name: { type: 'string', minLength: 1, description: 'Name that the server’s certificate must bear.' },
    client_certs: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          certificate: { type: 'string', description: 'PEM file of the certificate.' },
          private_key: { type: 'string', description: 'PEM file of its key.' },
        },
        required: ['certificate', 'private_key'],
        additionalProperties: false,
      },
      description: 'Certificates to show to the server.',
    },
    allow_insecure_connections: {
      type: 'boolean',
      default: false,
      description: 'Do not check the server’s certificate.',
    },
  },
  additionalProperties: false,
  default: false,
  description: 'TLS towards Redis: true, or how.',
}

/** JSON Schema of {@link RedisConfig}. */
export const redisSchema: JSONSchema = {
  type: 'object',
  properties: {
    url: { type: 'string', minLength: 1, description: 'redis://user:password@host:port/database, rediss:// for TLS.' },
    host: { type: 'string', minLength: 1, description: 'Host name or address; a node of the cluster with "cluster".' },
    port: { type: 'integer', minimum: 1, maximum: 65_535, default: 6379, description: 'Port of the host.' },
    username: { type: 'string', description: 'ACL user.' },
    password: { type: 'string', description: 'Its password.' },
    database: { type: 'integer', minimum: 0, default: 0, description: 'Number of the database; a cluster has only 0.' },
    tls: tlsSchema,
    cluster: {
      type: ['boolean', 'array'],
      items: node,
      minItems: 1,
      default: false,
      description: 'true: the host is a node of a Redis Cluster. Or the nodes to start from, in place of a host.',
    },
    nodes: { type: 'array', items: node, description: 'Further nodes of the cluster to start from.' },
    sentinels: { type: 'array', items: node, minItems: 1, description: 'Sentinels that know where the master is.' },
    sentinel_name: { type: 'string', default: 'mymaster', description: 'The sentinels’ name of the master.' },
    sentinel_username: { type: 'string', description: 'ACL user at the sentinels.' },
    sentinel_password: { type: 'string', description: 'Its password.' },
    prefix: { type: 'string', default: 'portcullis:', description: 'Stands before every key.' },
    command_timeout: {
      ...durationSchema,
      default: '60ms',
      description: 'How long one command may take before the store counts as down.',
    },
  },
  additionalProperties: false,
}

/** A list of nodes under `cluster` is the same as `cluster: true` with the first as host and the others as `nodes`. */
export function withNodes(config: RedisConfig): RedisConfig {
  const { cluster } = config
  if (cluster === undefined || typeof cluster === 'boolean' || config.host !== undefined) return config
  const { host, port } = nodeAddress(cluster[0]!) ?? { host: '', port: 0 }
  return { ...config, cluster: true, host, port, nodes: [...cluster.slice(1), ...(config.nodes ?? [])] }
}

/** What the schema cannot see. Never repeats a URL: it may hold a password. Places are relative: `.url`. */
export function checkRedis(config: RedisConfig, context: { baseDir: string }): ConfigIssue[] {
  const { cluster } = config
  if (cluster === undefined || typeof cluster === 'boolean') return checkOne(config, context)
  const issues = cluster.flatMap((text, i) =>
    nodeAddress(text) === undefined ? [{ place: `.cluster[${i}]`, message: NODE_EXPECTED }] : [],
  )
  if (config.host !== undefined)
    issues.push({ place: '.host', message: 'is a node like those of "cluster": name it there' })
  return issues.length > 0 ? issues : checkOne(withNodes(config), context)
}

function checkOne(config: RedisConfig, context: { baseDir: string }): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const say = (place: string, message: string): void => void issues.push({ place, message })
  const ways = [config.url, config.host, config.sentinels].filter((way) => way !== undefined).length
  if (ways === 0) say('', 'one of the fields "url", "host" and "sentinels" is missing')
  if (ways > 1) say('', '"url", "host" and "sentinels" exclude each other: state one')
  if (config.url !== undefined && !isRedisUrl(config.url)) say('.url', 'expected a URL such as "redis://host:6379/0"')
  if (config.cluster !== true && config.nodes !== undefined) say('.nodes', 'is for "cluster": true only')
  if (config.cluster === true && (config.database ?? 0) !== 0) say('.database', 'a Redis Cluster has only database 0')
  if (config.cluster === true && config.sentinels !== undefined) say('.sentinels', 'a Redis Cluster has no sentinels')
  const nodes = { nodes: config.nodes ?? [], sentinels: config.sentinels ?? [] }
  for (const [field, list] of Object.entries(nodes)) {
    list.forEach((text, i) => {
      if (nodeAddress(text) === undefined) say(`.${field}[${i}]`, NODE_EXPECTED)
    })
  }
  if (typeof config.tls === 'object') checkFiles(config.tls, context.baseDir, say)
  return issues
}

function checkFiles(tls: RedisTls, baseDir: string, say: (place: string, message: string) => void): void {
  const readable = (place: string, file: string): void => {
    try {
      readFileSync(resolve(baseDir, file))
    } catch {
      say(place, `cannot read the file ${JSON.stringify(file)}`)
    }
  }
  tls.ca_certs?.forEach((file, i) => {
    readable(`.tls.ca_certs[${i}]`, file)
  })
  tls.client_certs?.forEach((pair, i) => {
    readable(`.tls.client_certs[${i}].certificate`, pair.certificate)
    readable(`.tls.client_certs[${i}].private_key`, pair.private_key)
  })
}

function isRedisUrl(text: string): boolean {
  return URL.canParse(text) && /^rediss?:$/.test(new URL(text).protocol) && new URL(text).hostname !== ''
}

/** `host:port`, `[v6]:port` or `host`; port 6379 when there is none. */
export function nodeAddress(text: string, port = 6379): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/@\s]+))(?::([0-9]{1,5}))?$/.exec(text)
  if (match === null) return undefined
  return { host: (match[1] ?? match[2])!, port: match[3] === undefined ? port : Number(match[3]) }
}
