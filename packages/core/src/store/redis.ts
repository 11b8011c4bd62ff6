import { duration } from '../config/duration.ts'
import { connectRedis, type RedisClient } from './redis-client.ts'
import type { RedisConfig } from './redis-config.ts'
import { RedisLink } from './redis-link.ts'
import { INCREMENT, type Script, TAKE } from './redis-script.ts'
import type { Limit, Limiter, LimitResult, LimitRule, Store } from './store.ts'

/** The fields of the `redis` block, and what JSON cannot say. */
export interface RedisStoreOptions extends RedisConfig {
  /** A client of the app's own (ioredis, iovalkey; single or Cluster). It stays open when the store closes. */
  client?: RedisClient
  /** Relative file names start here. Default the working directory. */
  baseDir?: string
  /** Told when the store goes and when it is back; the reason names no address. */
  onChange?: (available: boolean, reason: string) => void
}

/** How long the start waits for the first connection; without one the gateway starts all the same. */
const FIRST_CONNECTION_MS = 1000

/**
 * The store of many gateways, in Redis 5 or newer, also Cluster, Sentinel, TLS and ACL users.
 *
 * It starts to connect at once. Every operation is answered within `command_timeout` (60 ms); a store that is down,
 * frozen, read-only, full or locked refuses at once with a {@link StoreUnavailableError} and is used again as soon as
 * it works. Every limit costs one script call a request.
 *
 * @throws nothing; `ready()` rejects when ioredis is not installed or a file cannot be read.
 */
export function createRedisStore(options: RedisStoreOptions): RedisStore {
  return new RedisStore(options)
}

/** See {@link createRedisStore}. */
export class RedisStore implements Store {
  readonly kind = 'redis'
  readonly #link: RedisLink
  readonly #prefix: string
  readonly #connected: Promise<void>
  readonly #owned: boolean
  #closed = false

  constructor(options: RedisStoreOptions) {
    this.#prefix = options.prefix ?? 'portcullis:'
    this.#owned = options.client === undefined
    const probeKey = `${this.#prefix}probe`
    this.#link = new RedisLink({
      timeoutMs: duration(options.command_timeout ?? '60ms'),
      probe: (client) => client.set(probeKey, '1', 'PX', 1000),
      onChange: options.onChange ?? (() => undefined),
    })
    this.#connected = this.#connect(options)
    this.#connected.catch(() => undefined)
  }

  get(key: string): Promise<string | undefined> {
    return this.#link.run((client) => client.get(this.#prefix + key)).then((value) => value ?? undefined)
  }

  set(key: string, value: string, ttlMs: number): Promise<void> {
    const ttl = Math.max(1, Math.ceil(ttlMs))
    return this.#link.run((client) => client.set(this.#prefix + key, value, 'PX', ttl)).then(() => undefined)
  }

  delete(key: string): Promise<void> {
    return this.#link.run((client) => client.del(this.#prefix + key)).then(() => undefined)
  }

  increment(key: string, by: number, ttlMs: number): Promise<number> {
    return this.#script(INCREMENT, [this.#prefix + key], [by, Math.max(1, Math.ceil(ttlMs))]) as Promise<number>
  }

  take(limits: readonly Limit[]): Promise<LimitResult[]> {
    return this.#count(this.#keysOf(limits), limits, ruleArguments(limits, false))
  }

  peek(limits: readonly Limit[]): Promise<LimitResult[]> {
    return this.#count(this.#keysOf(limits), limits, ruleArguments(limits, true))
  }

  limiter(name: string, rules: readonly LimitRule[]): Limiter {
    const keysOf = keyMaker(this.#prefix, name, rules)
    const taking = ruleArguments(rules, false)
    const peeking = ruleArguments(rules, true)
    return {
      take: (id) => this.#count(keysOf(id), rules, taking),
      peek: (id) => this.#count(keysOf(id), rules, peeking),
    }
  }

  async ready(): Promise<void> {
    await this.#connected
    const patience = performance.now() + FIRST_CONNECTION_MS
    while (!this.#link.available && !this.#closed && performance.now() < patience) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  healthy(): boolean {
    return this.#link.available
  }

  /** Milliseconds that an operation takes, the recent ones weighing most. */
  get latency(): number {
    return this.#link.latency
  }

  close(): void {
    this.#closed = true
    this.#link.close(this.#owned)
  }

  async #connect(options: RedisStoreOptions): Promise<void> {
    const client = options.client ?? (await connectRedis(options, options.baseDir ?? process.cwd()))
    if (this.#closed && this.#owned) client.disconnect()
    else this.#link.attach(client)
  }

  #keysOf(limits: readonly Limit[]): string[] {
    return limits.map((limit) => this.#prefix + limit.key)
  }

  #count(
    keys: readonly string[],
    rules: readonly (Limit | LimitRule)[],
    args: readonly (string | number)[],
  ): Promise<LimitResult[]> {
    return this.#script(TAKE, keys, args).then((reply) => {
      const numbers = reply as number[]
      return rules.map((rule, i) => ({
        allowed: numbers[i * 3] === 1,
        limit: rule.kind === 'window' ? rule.limit : rule.capacity,
        remaining: numbers[i * 3 + 1]!,
        resetMs: numbers[i * 3 + 2]!,
      }))
    })
  }

  /** By its digest; a server that has not seen the script (restarted, failed over, flushed) is sent the whole. */
  #script(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.#link.run((client) =>
      client.evalsha(script.sha, keys.length, ...keys, ...args).catch((error: Error) => {
        if (!error.message.startsWith('NOSCRIPT')) throw error
        return client.eval(script.lua, keys.length, ...keys, ...args)
      }),
    )
  }
}

function ruleArguments(rules: readonly (Limit | LimitRule)[], peek: boolean): (string | number)[] {
  const args: (string | number)[] = [peek ? 1 : 0]
  for (const rule of rules) {
    if (rule.kind === 'window') args.push('w', rule.limit, Math.ceil(rule.windowMs))
    else args.push('b', rule.capacity, rule.refillMs)
  }
  return args
}

/**
 * The keys of one request, all in one slot of a cluster: the id is the hash tag, so that ids spread over the nodes;
 * with a shared rule the limiter's name is.
 */
function keyMaker(prefix: string, name: string, rules: readonly LimitRule[]): (id: string) => string[] {
  const plain = (text: string): string => text.replace(/[{}]/g, (brace) => (brace === '{' ? '(' : ')'))
  const label = plain(name)
  const endings = rules.map((rule, i) => (rule.kind === 'window' ? `:${rule.windowMs}` : `:b${i}`))
  if (rules.some((rule) => rule.shared === true)) {
    const start = `${prefix}{${label}}`
    const shared = endings.map((ending) => start + ending)
    return (id) =>
      endings.map((ending, i) => (rules[i]!.shared === true ? shared[i]! : `${start}:${plain(id)}${ending}`))
  }
  const start = `${prefix}${label}:{`
  return (id) => {
    const key = `${start}${plain(id)}}`
    return endings.map((ending) => key + ending)
  }
}
