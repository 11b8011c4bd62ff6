import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createRedisStore, type RedisStore } from '@portcullis/core'
import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { freePort, RedisServer, redisInstalled, startRedis } from '../../core/test/redis-server.ts'
import rateLimit, { type RateLimitConfig } from '../src/index.ts'

let app: FastifyInstance
const stores: RedisStore[] = []
const servers: RedisServer[] = []
const lines: string[] = []

async function build(port: number, config: RateLimitConfig): Promise<void> {
  const redisStore = createRedisStore({ host: '127.0.0.1', port })
  stores.push(redisStore)
  app = Fastify()
  await app.register(rateLimit, { policy: 'redis', ...config, redisStore })
  app.get('/', () => 'ok')
  await app.ready()
}

async function timed(headers: Record<string, string> = {}): Promise<{ response: LightMyRequestResponse; ms: number }> {
  const begun = performance.now()
  const response = await app.inject({ url: '/', headers })
  return { response, ms: performance.now() - begun }
}

async function statuses(count: number): Promise<number[]> {
  const responses = await Promise.all(Array.from({ length: count }, () => app.inject('/')))
  return responses.map(({ statusCode }) => statusCode)
}

async function until(condition: () => unknown): Promise<void> {
  const begun = performance.now()
  while (!(await condition())) {
    if (performance.now() - begun > 5000) throw new Error('did not happen in time')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

afterEach(async () => {
  await app?.close()
  for (const store of stores.splice(0)) store.close()
})
afterAll(() => Promise.all(servers.map((server) => server.remove())))

describe.runIf(redisInstalled)('policy redis', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
    servers.push(redis)
  })

  it('admits exactly six of fifty at once and tells the same as memory', async () => {
    await build(redis.port, { minute: 6, hour: 100 })
    const seen = await statuses(50)
    expect(seen.filter((status) => status === 200)).toHaveLength(6)
    const { response } = await timed()
    expect(response.statusCode).toBe(429)
    expect(response.headers).toMatchObject({
      'x-ratelimit-limit-minute': '6',
      'x-ratelimit-remaining-minute': '0',
      'x-ratelimit-limit-hour': '100',
      'x-ratelimit-remaining-hour': '49',
      'ratelimit-remaining': '0',
    })
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(0)
  })

  it('counts failures only', async () => {
    const redisStore = createRedisStore({ host: '127.0.0.1', port: redis.port, prefix: 'failures:' })
    stores.push(redisStore)
    app = Fastify()
    await app.register(rateLimit, { minute: 5, only_failures: true, policy: 'redis', redisStore })
    app.get('/', (request, reply) => reply.code(request.headers['x-right'] === undefined ? 401 : 200).send(''))
    const right = await Promise.all(
      Array.from({ length: 30 }, () => app.inject({ url: '/', headers: { 'x-right': '1' } })),
    )
    expect(new Set(right.map(({ statusCode }) => statusCode))).toEqual(new Set([200]))
    const wrong = await statuses(30)
    expect(wrong.filter((status) => status === 401)).toHaveLength(5)
  })

  it('opens a Redis of its own where the block names one, and says when it goes', async () => {
    const own = await startRedis()
    servers.push(own)
    lines.splice(0)
    app = Fastify({
      logger: { level: 'warn', stream: { write: (line: string) => void lines.push(line) } },
    })
    await app.register(rateLimit, { minute: 1, policy: 'redis', redis: { host: '127.0.0.1', port: own.port } })
    app.get('/', () => 'ok')
    expect(await statuses(3)).toEqual([200, 429, 429])
    await own.stop()
    await until(async () => (await app.inject('/')).statusCode === 503)
    await until(() => lines.join('').includes('the Redis of the rate limits'))
    expect(lines.join('')).not.toContain(`:${own.port}`)
  })

  it('spends quotas of upstreams, refuses without a store', async () => {
    const redisStore = createRedisStore({ host: '127.0.0.1', port: redis.port, prefix: 'spent:' })
    stores.push(redisStore)
    app = Fastify()
    await app.register(rateLimit, { redisStore } as never)
    const config = { limits: { video: { hour: 3, day: 10 } }, policy: 'redis' }
    app.get('/', { config: { extra_config: { 'qos/ratelimit/response': config } } }, (_request, reply) =>
      reply.header('x-kong-limit', 'video=1').send('film'),
    )
    expect((await statuses(10)).filter((status) => status === 200)).toHaveLength(3)
    expect((await timed()).response.headers['x-ratelimit-remaining-video-day']).toBe('0')
    redisStore.close()
    const { response } = await timed()
    expect(response.json().code).toBe('PORTCULLIS_STORE_UNAVAILABLE')
  })

  it('keeps no header value in Redis', async () => {
    const { Redis } = await import('ioredis')
    const client = new Redis({ host: '127.0.0.1', port: redis.port })
    await build(redis.port, { minute: 5, limit_by: 'header', key: 'x-api-key' })
    await app.inject({ url: '/', headers: { 'x-api-key': 'hunter2' } })
    const keys = await client.keys('*')
    client.disconnect()
    expect(keys.some((key) => key.includes('h='))).toBe(true)
    expect(keys.join()).not.toContain('hunter2')
  })
})

describe.runIf(redisInstalled)('two gateways and one Redis (RD-10)', () => {
  const running: ChildProcess[] = []
  afterEach(() => {
    for (const child of running.splice(0)) child.kill('SIGKILL')
  })

  async function gateway(redisPort: number, config: RateLimitConfig): Promise<string> {
    const file = fileURLToPath(new URL('./gateway-process.ts', import.meta.url))
    const args = ['--conditions=@portcullis/source', '--import', 'tsx', file, String(redisPort), JSON.stringify(config)]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    running.push(child)
    const port = await new Promise<string>((resolve, reject) => {
      child.stdout!.once('data', (data: Buffer) => resolve(data.toString().trim()))
      child.once('exit', (code) => reject(new Error(`exit ${code}`)))
    })
    return `http://127.0.0.1:${port}/`
  }

  it('share one limit, also while Redis is killed, started again and frozen', async () => {
    const redis = await startRedis()
    servers.push(redis)
    const config: RateLimitConfig = { minute: 10, policy: 'redis' }
    const urls = await Promise.all([gateway(redis.port, config), gateway(redis.port, config)])
    const ask = async (count: number): Promise<Record<number, number>> => {
      const counts: Record<number, number> = {}
      await Promise.all(
        Array.from({ length: count }, async (_, i) => {
          const response = await fetch(urls[i % 2]!)
          await response.arrayBuffer()
          counts[response.status] = (counts[response.status] ?? 0) + 1
        }),
      )
      return counts
    }
    const counting = async (): Promise<boolean> => !(503 in (await ask(2)))
    expect(await ask(40)).toEqual({ 200: 10, 429: 30 })
    await redis.stop()
    expect(await ask(20)).toEqual({ 503: 20 })
    await redis.start()
    await until(counting)
    redis.signal('SIGSTOP')
    const begun = performance.now()
    expect(await ask(20)).toEqual({ 503: 20 })
    expect(performance.now() - begun).toBeLessThan(400)
    redis.signal('SIGCONT')
    await until(counting)
    expect((await ask(30))[429]).toBeGreaterThanOrEqual(20)
  })
})

describe.runIf(redisInstalled)('a Redis that is down', () => {
  it('refuses by default, at once and without a word about limits (R13)', async () => {
    await build(await freePort(), { minute: 6 })
    for (let i = 0; i < 5; i++) {
      const { response, ms } = await timed()
      expect(response.json()).toEqual({
        statusCode: 503,
        code: 'PORTCULLIS_STORE_UNAVAILABLE',
        error: 'Service Unavailable',
        message: 'The gateway cannot check the rate limit of this request',
      })
      expect(Object.keys(response.headers).join()).not.toMatch(/ratelimit|retry-after/)
      expect(ms).toBeLessThan(100)
    }
  })

  it('counts here until it is back, when told to (R14, RD-02)', async () => {
    const redis = new RedisServer(await freePort())
    servers.push(redis)
    await build(redis.port, { minute: 3, fault_tolerant: true })
    expect(await statuses(5)).toEqual([200, 200, 200, 429, 429])
    await redis.start()
    await until(() => stores[0]!.healthy())
    expect(await statuses(5)).toEqual([200, 200, 200, 429, 429])
    redis.signal('SIGSTOP')
    const begun = performance.now()
    expect(new Set(await statuses(50))).toEqual(new Set([429]))
    expect(performance.now() - begun).toBeLessThan(200)
    redis.signal('SIGCONT')
  })

  it('makes a request with several limits wait once', async () => {
    const redis = await startRedis()
    servers.push(redis)
    const redisStore = createRedisStore({ host: '127.0.0.1', port: redis.port })
    stores.push(redisStore)
    app = Fastify()
    const limit: RateLimitConfig = { minute: 50, policy: 'redis', fault_tolerant: true }
    await app.register(rateLimit, { ...limit, redisStore })
    app.get('/', { config: { extra_config: { 'qos/ratelimit/router': { ...limit, limit_by: 'path' } } } }, () => 'ok')
    await timed()
    redis.signal('SIGSTOP')
    const { response, ms } = await timed()
    redis.signal('SIGCONT')
    expect(response.statusCode).toBe(200)
    expect(ms).toBeLessThan(100)
  })

  it('keeps each client’s own numbers when many fall back at once', async () => {
    app = Fastify({ trustProxy: '127.0.0.1' })
    const redisStore = createRedisStore({ host: '127.0.0.1', port: await freePort() })
    stores.push(redisStore)
    await app.register(rateLimit, { minute: 5, policy: 'redis', fault_tolerant: true, redisStore })
    app.get('/', () => 'ok')
    const ask = (client: number) => app.inject({ url: '/', headers: { 'x-forwarded-for': `203.0.113.${client}` } })
    for (let i = 0; i < 5; i++) await ask(1)
    const [banned, free] = await Promise.all([ask(1), ask(2)])
    expect([banned.statusCode, banned.headers['ratelimit-remaining']]).toEqual([429, '0'])
    expect([free.statusCode, free.headers['ratelimit-remaining']]).toEqual([200, '4'])
  })

  it('only reports in monitor mode', async () => {
    await build(await freePort(), { minute: 6, mode: 'monitor' })
    expect((await timed()).response.statusCode).toBe(200)
  })
})
