import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type ConnectionOptions, checkServerIdentity } from 'node:tls'
import { nodeAddress, type RedisConfig, withNodes } from './redis-config.ts'

/**
 * What the store needs of a client: what ioredis and iovalkey have, for one server and for a cluster. A type of its
 * own, so that nobody needs ioredis to compile.
 */
export interface RedisClient {
  /** `ready` when commands can be sent. */
  readonly status: string
  evalsha(sha: string, keys: number, ...args: (string | number)[]): Promise<unknown>
  eval(lua: string, keys: number, ...args: (string | number)[]): Promise<unknown>
  get(key: string): Promise<string | null>
  set(key: string, value: string, unit: 'PX', ttl: number): Promise<unknown>
  del(key: string): Promise<unknown>
  on(event: string, listener: (error: Error) => void): unknown
  off(event: string, listener: (error: Error) => void): unknown
  disconnect(reconnect?: boolean): void
}

/** How often a lost connection is tried again: at first soon, never less than once a second. */
function retryDelay(times: number): number {
  return Math.min(50 * 2 ** Math.min(times, 5), 1000) * (0.75 + Math.random() / 4)
}

/**
 * Connects to what the configuration names. Nothing is queued while there is no connection and nothing is sent twice:
 * a limit that waits is worse than one that says that it cannot know.
 *
 * @param baseDir relative file names start here.
 * @throws Error when ioredis is not installed, or a certificate cannot be read.
 */
export async function connectRedis(stated: RedisConfig, baseDir: string): Promise<RedisClient> {
  const config = withNodes(stated)
  const { Redis, Cluster } = await loadIoredis()
  const tls = tlsOptions(config, baseDir)
  const common = {
    ...(config.username === undefined ? undefined : { username: config.username }),
    ...(config.password === undefined ? undefined : { password: config.password }),
    ...(tls === undefined ? undefined : { tls }),
    maxRetriesPerRequest: 1,
    autoResendUnfulfilledCommands: false,
    connectTimeout: 2000,
    // A peer that has vanished without a word is let go, so that its successor can be found.
    socketTimeout: 2000,
    disableClientInfo: true,
    // After a failover the old master is read-only: connect again, to the new one.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  }
  const single = {
    ...common,
    db: config.database ?? 0,
    enableOfflineQueue: false,
    // A server that still loads says so itself; asking would need the permission for INFO.
    enableReadyCheck: config.sentinels !== undefined,
    retryStrategy: retryDelay,
  }
  if (config.cluster === true) {
    return new Cluster(clusterNodes(config), {
      redisOptions: { ...urlCredentials(config.url), ...common },
      enableOfflineQueue: false,
      clusterRetryStrategy: retryDelay,
      slotsRefreshTimeout: 1000,
    }) as unknown as RedisClient
  }
  if (config.sentinels !== undefined) {
    return new Redis({
      ...single,
      sentinels: config.sentinels.map((text) => nodeAddress(text, 26_379)!),
      name: config.sentinel_name ?? 'mymaster',
      ...(config.sentinel_username === undefined ? undefined : { sentinelUsername: config.sentinel_username }),
      ...(config.sentinel_password === undefined ? undefined : { sentinelPassword: config.sentinel_password }),
      sentinelRetryStrategy: retryDelay,
    }) as unknown as RedisClient
  }
  if (config.url !== undefined) return new Redis({ ...single, ...urlParts(config) }) as unknown as RedisClient
  return new Redis({ ...single, host: config.host!, port: config.port ?? 6379 }) as unknown as RedisClient
}

async function loadIoredis(): Promise<Pick<typeof import('ioredis'), 'Redis' | 'Cluster'>> {
  try {
    return await import('ioredis')
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Error('a Redis store needs the package "ioredis": install it beside Portcullis')
  }
}

function clusterNodes(config: RedisConfig): { host: string; port: number }[] {
  const first = config.url === undefined ? { host: config.host!, port: config.port ?? 6379 } : urlAddress(config.url)
  return [first, ...(config.nodes ?? []).map((text) => nodeAddress(text)!)]
}

function urlAddress(text: string): { host: string; port: number } {
  const { hostname, port } = new URL(text)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 6379 : Number(port) }
}

function urlCredentials(text: string | undefined): { username?: string; password?: string } {
  if (text === undefined) return {}
  const { username, password } = new URL(text)
  return {
    ...(username === '' ? undefined : { username: decodeURIComponent(username) }),
    ...(password === '' ? undefined : { password: decodeURIComponent(password) }),
  }
}

/** The URL's parts; fields stated beside it win. */
function urlParts(config: RedisConfig): Record<string, unknown> {
  const path = new URL(config.url!).pathname.slice(1)
  return {
    ...urlAddress(config.url!),
    ...urlCredentials(config.url),
    ...(config.username === undefined ? undefined : { username: config.username }),
    ...(config.password === undefined ? undefined : { password: config.password }),
    db: config.database ?? (path === '' ? 0 : Number(path)),
  }
}

function tlsOptions(config: RedisConfig, baseDir: string): ConnectionOptions | undefined {
  const { tls } = config
  if (tls === false || (tls === undefined && config.url?.startsWith('rediss:') !== true)) return undefined
  if (typeof tls !== 'object') return {}
  const read = (file: string): Buffer => readFileSync(resolve(baseDir, file))
  const name = tls.server_name
  return {
    ...(tls.ca_certs === undefined ? undefined : { ca: tls.ca_certs.map(read) }),
    ...(tls.client_certs === undefined
      ? undefined
      : {
          cert: tls.client_certs.map((pair) => read(pair.certificate)),
          key: tls.client_certs.map((pair) => read(pair.private_key)),
        }),
    ...(name === undefined
      ? undefined
      : { servername: name, checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate) }),
    rejectUnauthorized: tls.allow_insecure_connections !== true,
  }
}
