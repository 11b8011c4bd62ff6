import { Refusal } from '@portcullis/core'
import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import { afterEach, describe, expect, it, vi } from 'vitest'
import rateLimit, { type RateLimitConfig } from '../src/index.ts'

let app: FastifyInstance
afterEach(async () => {
  vi.restoreAllMocks()
  await app.close()
})

async function limited(config: RateLimitConfig, endpoint?: RateLimitConfig): Promise<FastifyInstance> {
  app = Fastify({ trustProxy: '127.0.0.1' })
  await app.register(rateLimit, config)
  const route = endpoint === undefined ? {} : { config: { extra_config: { 'qos/ratelimit/router': endpoint } } }
  app.get('/limited', route, () => 'ok')
  app.get('/other', () => 'ok')
  app.post('/limited', () => 'ok')
  app.options('/limited', () => 'ok')
  return app
}

async function times(count: number, url = '/limited', headers: Record<string, string> = {}): Promise<number[]> {
  const statuses: number[] = []
  for (let i = 0; i < count; i++) statuses.push((await app.inject({ url, headers })).statusCode)
  return statuses
}

function told(response: LightMyRequestResponse): Record<string, unknown> {
  const names = Object.keys(response.headers).filter((name) => /ratelimit|retry-after/.test(name))
  return Object.fromEntries(names.map((name) => [name, response.headers[name]]))
}

describe('fixed windows (Kong R01 to R12)', () => {
  it('admits six a minute and tells what is left', async () => {
    await limited({ minute: 6 })
    const remaining: unknown[] = []
    for (let i = 0; i < 7; i++) {
      const response = await app.inject('/limited')
      expect(response.statusCode).toBe(i < 6 ? 200 : 429)
      expect(response.headers['x-ratelimit-limit-minute']).toBe('6')
      expect(response.headers['ratelimit-limit']).toBe('6')
      expect(response.headers['ratelimit-remaining']).toBe(response.headers['x-ratelimit-remaining-minute'])
      expect(Number(response.headers['ratelimit-reset'])).toBeGreaterThan(0)
      expect(Number(response.headers['ratelimit-reset'])).toBeLessThanOrEqual(60)
      remaining.push(response.headers['x-ratelimit-remaining-minute'])
    }
    expect(remaining).toEqual(['5', '4', '3', '2', '1', '0', '0'])
  })

  it('says the refusal as the gateway says all of them', async () => {
    await limited({ minute: 1 })
    await app.inject('/limited')
    const response = await app.inject('/limited')
    expect(response.json()).toEqual({
      statusCode: 429,
      code: 'PORTCULLIS_RATE_LIMITED',
      error: 'Too Many Requests',
      message: 'API rate limit exceeded',
    })
    const wait = Number(response.headers['retry-after'])
    expect(wait).toBeGreaterThan(0)
    expect(wait).toBeLessThanOrEqual(60)
  })

  it('keeps clients apart', async () => {
    await limited({ minute: 2 })
    expect(await times(3, '/limited', { 'x-forwarded-for': '203.0.113.1' })).toEqual([200, 200, 429])
    expect(await times(3, '/limited', { 'x-forwarded-for': '203.0.113.2' })).toEqual([200, 200, 429])
  })

  it('tells of every window, and the tightest in general', async () => {
    await limited({ minute: 6, hour: 99_999 })
    const headers = told(await app.inject('/limited'))
    expect(headers).toMatchObject({
      'x-ratelimit-limit-minute': '6',
      'x-ratelimit-remaining-minute': '5',
      'x-ratelimit-limit-hour': '99999',
      'x-ratelimit-remaining-hour': '99998',
      'ratelimit-limit': '6',
      'ratelimit-remaining': '5',
      'ratelimit-reset': '60',
    })
    expect(headers).not.toHaveProperty('retry-after')
    expect(await times(6)).toEqual([200, 200, 200, 200, 200, 429])
  })

  it('lets the first exceeded window decide (RL-17)', async () => {
    await limited({ second: 5, minute: 20 })
    const now = vi.spyOn(performance, 'now')
    const start = 1e6
    const statuses: number[] = []
    for (let second = 0; second < 5; second++) {
      now.mockReturnValue(start + second * 1001)
      statuses.push(...(await times(6)))
    }
    expect(statuses.filter((status) => status === 200)).toHaveLength(5 + 5 + 5 + 2)
  })

  it('hides what it is told to hide', async () => {
    await limited({ minute: 1, hide_client_headers: true })
    expect(told(await app.inject('/limited'))).toEqual({})
    const refused = await app.inject('/limited')
    expect(refused.statusCode).toBe(429)
    expect(told(refused)).toEqual({})
  })

  it('answers with a status and message of one’s own', async () => {
    await limited({ minute: 1, error_code: 404, error_message: 'Fake Not Found' })
    await app.inject('/limited')
    const response = await app.inject('/limited')
    expect(response.statusCode).toBe(404)
    expect(response.json().message).toBe('Fake Not Found')
  })

  it('keeps Retry-After when the app formats errors itself', async () => {
    app = Fastify()
    app.setErrorHandler((_error, _request, reply) => reply.code(418).send('mine'))
    await app.register(rateLimit, { minute: 1 })
    app.get('/limited', () => 'ok')
    await app.inject('/limited')
    const response = await app.inject('/limited')
    expect(response.statusCode).toBe(418)
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(0)
  })

  it('opens again after Retry-After, whatever the wall clock does (RL-12, RL-23)', async () => {
    await limited({ minute: 1 })
    const now = vi.spyOn(performance, 'now').mockReturnValue(1000)
    await app.inject('/limited')
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000)
    const refused = await app.inject('/limited')
    expect(refused.statusCode).toBe(429)
    now.mockReturnValue(1000 + Number(refused.headers['retry-after']) * 1000)
    expect(await times(2)).toEqual([200, 429])
  })
})

describe('what counts', () => {
  it('counts HEAD with GET (RL-04)', async () => {
    await limited({ hour: 1000 }, { minute: 3 })
    const statuses: number[] = []
    for (let i = 0; i < 12; i++) {
      statuses.push((await app.inject({ method: i % 2 === 0 ? 'HEAD' : 'GET', url: '/limited' })).statusCode)
    }
    expect(statuses.filter((status) => status === 200)).toHaveLength(3)
  })

  it('counts what matches no route (RL-05)', async () => {
    await limited({ minute: 3 })
    expect(await times(5, '/nope')).toEqual([404, 404, 404, 429, 429])
  })

  it('counts refused requests once, those refused before it too', async () => {
    app = Fastify()
    app.addHook('onRequest', async (request) => {
      if (request.url === '/denied') throw new Refusal(403, 'DENIED', 'no').toError()
    })
    await app.register(rateLimit, { minute: 3 })
    app.get('/limited', () => 'ok')
    expect(await times(2, '/denied')).toEqual([403, 403])
    expect(await times(2)).toEqual([200, 429])
  })

  it('counts the router’s own refusals (RL-07)', async () => {
    const { handleFrameworkError } = await import('@portcullis/core')
    app = Fastify({ frameworkErrors: handleFrameworkError as never })
    await app.register(rateLimit, { minute: 3 })
    app.get('/limited', () => 'ok')
    expect(await times(2, '/%zz')).toEqual([400, 400])
    expect(await times(2)).toEqual([200, 429])
  })

  it.each([
    [true, 429],
    [false, 200],
  ])('counts OPTIONS as configured: %s', async (count, last) => {
    await limited({ minute: 2, count_options: count })
    for (let i = 0; i < 3; i++) await app.inject({ method: 'OPTIONS', url: '/limited' })
    expect((await app.inject('/limited')).statusCode).toBe(last)
  })

  it('counts IPv6 by /64, or as told', async () => {
    await limited({ minute: 2 })
    const from = (address: string) => times(1, '/limited', { 'x-forwarded-for': address }).then(([status]) => status)
    expect(await from('2001:db8::1')).toBe(200)
    expect(await from('2001:db8::ffff:1')).toBe(200)
    expect(await from('2001:db8:0:0:1::')).toBe(429)
    expect(await from('2001:db8:0:1::1')).toBe(200)
    await app.close()
    await limited({ minute: 1, ipv6_prefix: 128 })
    expect(await from('2001:db8::1')).toBe(200)
    expect(await from('2001:db8::2')).toBe(200)
    expect(await from('2001:db8::2')).toBe(429)
  })

  it('takes an IPv4 address in IPv6 clothes for what it is', async () => {
    await limited({ minute: 1 })
    expect(await times(1, '/limited', { 'x-forwarded-for': '203.0.113.7' })).toEqual([200])
    expect(await times(1, '/limited', { 'x-forwarded-for': '::ffff:203.0.113.7' })).toEqual([429])
  })

  it('takes all spellings of a path that reach a route for that route', async () => {
    app = Fastify({ routerOptions: { caseSensitive: false, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true } })
    await app.register(rateLimit, { hour: 1000 })
    app.get('/limited', { config: { extra_config: { 'qos/ratelimit/router': { minute: 3 } } } }, () => 'ok')
    const statuses: number[] = []
    for (const url of ['/limited', '/LIMITED', '/limited/', '/l%69mited', '//limited', '/limited?x=1']) {
      statuses.push((await app.inject(url)).statusCode)
    }
    expect(statuses).toEqual([200, 200, 200, 429, 429, 429])
  })

  it('admits exactly the limit of many at once (R19, RL-22)', async () => {
    await limited({ minute: 6 })
    const responses = await Promise.all(Array.from({ length: 50 }, () => app.inject('/limited')))
    expect(responses.filter(({ statusCode }) => statusCode === 200)).toHaveLength(6)
  })

  it('reports without refusing in monitor mode', async () => {
    await limited({ minute: 1, mode: 'monitor' })
    expect(await times(3)).toEqual([200, 200, 200])
    expect((await app.inject('/limited')).headers).not.toHaveProperty('retry-after')
  })
})

describe('several limits', () => {
  it('tells the tightest of service and endpoint', async () => {
    await limited({ minute: 100 }, { minute: 2, hour: 50 })
    expect(told(await app.inject('/limited'))).toMatchObject({
      'x-ratelimit-limit-minute': '2',
      'x-ratelimit-remaining-minute': '1',
      'x-ratelimit-limit-hour': '50',
      'ratelimit-limit': '2',
      'ratelimit-remaining': '1',
    })
    expect(told(await app.inject('/other'))).toMatchObject({
      'x-ratelimit-limit-minute': '100',
      'x-ratelimit-remaining-minute': '98',
    })
    expect(await times(2)).toEqual([200, 429])
    expect(await times(1, '/other')).toEqual([200])
  })

  it('replaces what the upstream says of its own limits (RL-14)', async () => {
    app = Fastify()
    await app.register(rateLimit, { minute: 3 })
    app.get('/limited', (_request, reply) =>
      reply
        .headers({
          'x-ratelimit-remaining': '99',
          'x-ratelimit-reset': '99',
          'RateLimit-Remaining': '99',
          ratelimit: '99',
        })
        .send('ok'),
    )
    const headers = told(await app.inject('/limited'))
    expect(JSON.stringify(headers)).not.toContain('99')
    expect(headers['x-ratelimit-remaining']).toBe('2')
  })
})
