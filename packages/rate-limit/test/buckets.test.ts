import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it, vi } from 'vitest'
import rateLimit, { type RateLimitConfig } from '../src/index.ts'
import { ruleGroups } from '../src/rules.ts'

let app: FastifyInstance
afterEach(async () => {
  vi.restoreAllMocks()
  await app?.close()
})

async function limited(endpoint: RateLimitConfig): Promise<void> {
  app = Fastify({ trustProxy: '127.0.0.1' })
  await app.register(rateLimit)
  const config = { extra_config: { 'qos/ratelimit/router': endpoint } }
  app.get('/a', { config }, () => 'ok')
  app.get('/b/:id', { config: { extra_config: { 'qos/ratelimit/router': { ...endpoint } } } }, () => 'ok')
}

async function admitted(count: number, url = '/a', headers: Record<string, string> = {}): Promise<number> {
  const responses = await Promise.all(Array.from({ length: count }, () => app.inject({ url, headers })))
  return responses.filter(({ statusCode }) => statusCode === 200).length
}

describe('token buckets', () => {
  it.each([1, 5, 10])('admits exactly %i after idling, not twice as many', async (capacity) => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(1000)
    await limited({ max_rate: 5, capacity })
    expect(await admitted(40)).toBe(capacity)
    now.mockReturnValue(1000 + 3_600_000)
    expect(await admitted(40)).toBe(capacity)
    now.mockReturnValue(1000 + 3_600_000 + 400)
    expect(await admitted(40)).toBe(Math.min(2, capacity))
  })

  it('is open again after Retry-After', async () => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(1000)
    await limited({ client_max_rate: 1, every: '3s', strategy: 'ip' })
    await app.inject('/a')
    const refused = await app.inject('/a')
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([429, '3'])
    now.mockReturnValue(1000 + 3000)
    expect(await admitted(5)).toBe(1)
  })

  it('keeps endpoints and clients apart', async () => {
    await limited({ client_max_rate: 2, every: '1h', client_capacity: 2 })
    expect(await admitted(5, '/a', { 'x-forwarded-for': '203.0.113.1' })).toBe(2)
    expect(await admitted(5, '/a', { 'x-forwarded-for': '203.0.113.2' })).toBe(2)
    expect(await admitted(5, '/b/1', { 'x-forwarded-for': '203.0.113.1' })).toBe(2)
  })

  it('does not let one client empty the bucket of everybody', async () => {
    await limited({ max_rate: 10, capacity: 10, client_max_rate: 2, client_capacity: 2, every: '1h' })
    expect(await admitted(50, '/a', { 'x-forwarded-for': '203.0.113.1' })).toBe(2)
    expect(await admitted(2, '/a', { 'x-forwarded-for': '203.0.113.2' })).toBe(2)
  })

  it('counts by route parameter and by header', async () => {
    await limited({ client_max_rate: 1, every: '1h', strategy: 'param', key: 'id' })
    expect([await admitted(3, '/b/1'), await admitted(3, '/b/2')]).toEqual([1, 1])
    await app.close()
    await limited({ client_max_rate: 1, every: '1h', strategy: 'header', key: 'X-Tenant' })
    expect([await admitted(3, '/a', { 'x-tenant': 'a' }), await admitted(3, '/a', { 'x-tenant': 'b' })]).toEqual([1, 1])
  })

  it.each([
    [{ max_rate: 10 }, 10, undefined],
    [{ client_max_rate: 10 }, undefined, 10],
    [{ max_rate: 5, client_max_rate: 10 }, 5, 10],
    [{ max_rate: 100, client_max_rate: 10, every: '1m' }, 1, 1],
    [{ max_rate: 1000, every: '1h' }, 1, undefined],
    [{ max_rate: 0.5 }, 1, undefined],
  ])('%j holds what KrakenD documents', (config: RateLimitConfig, all, client) => {
    const rules = ruleGroups(config).flatMap((group) => group.rules)
    const capacityOf = (shared: boolean) => {
      const rule = rules.find((candidate) => (candidate.shared === true) === shared)
      return rule?.kind === 'bucket' ? rule.capacity : undefined
    }
    expect([capacityOf(true), capacityOf(false)]).toEqual([all, client])
  })
})

describe('at service level the router’s block is the default of every route', () => {
  it('counts each route by itself; a route’s own block or false takes its place', async () => {
    const { ComponentIndex, Engine, readBlocks } = await import('@portcullis/core')
    const { routerRateLimit } = await import('../src/index.ts')
    const components = [routerRateLimit] as never[]
    const { blocks } = readBlocks({ 'qos/ratelimit/router': { minute: 2 } }, new ComponentIndex(components), {
      level: 'service',
      place: 'extra_config',
      baseDir: '.',
    })
    app = Fastify()
    new Engine(app, { components, blocks })
    app.get('/a', () => 'ok')
    app.get('/b', () => 'ok')
    app.get('/own', { config: { extra_config: { 'qos/ratelimit/router': { minute: 1 } } } }, () => 'ok')
    app.get('/open', { config: { extra_config: { 'qos/ratelimit/router': false as never } } }, () => 'ok')
    expect([
      await admitted(4, '/a'),
      await admitted(4, '/b'),
      await admitted(4, '/own'),
      await admitted(4, '/open'),
    ]).toEqual([2, 2, 1, 4])
    expect((await app.inject({ method: 'HEAD', url: '/a' })).statusCode).toBe(429)
    expect((await app.inject('/none')).statusCode).toBe(404)
  })
})
