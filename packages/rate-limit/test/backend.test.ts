import { type Component, Engine, Refusal, runUpstreamRequest, stateOf, type UpstreamRequest } from '@portcullis/core'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, expect, it, vi } from 'vitest'
import { type BackendRateLimitConfig, backendRateLimit } from '../src/index.ts'

let app: FastifyInstance
afterEach(async () => {
  vi.restoreAllMocks()
  await app.close()
})

/** An endpoint whose handler does what the proxy does before each try. */
function build(config: BackendRateLimitConfig): void {
  app = Fastify()
  new Engine(app, { components: [backendRateLimit as unknown as Component], blocks: new Map() })
  const backend = { place: 'endpoints[0].backend[0].extra_config', extra_config: { 'qos/ratelimit/proxy': config } }
  app.get('/', { config: { portcullisEndpoint: { place: 'endpoints[0]', backend } } }, async (request, reply) => {
    const upstream: UpstreamRequest = { method: 'GET', origin: 'http://up', path: '/', headers: {}, attempt: 1 }
    const refusal = await runUpstreamRequest(request, stateOf(request), upstream)
    if (refusal instanceof Refusal) throw refusal.toError()
    return reply.send('ok')
  })
}

it('gives an upstream no more than its capacity at once, and its rate over time', async () => {
  const now = vi.spyOn(performance, 'now').mockReturnValue(1000)
  build({ max_rate: 2, capacity: 3 })
  const statuses = async () =>
    (await Promise.all([1, 2, 3, 4, 5].map(() => app.inject('/')))).map(({ statusCode }) => statusCode)
  expect(await statuses()).toEqual([200, 200, 200, 503, 503])
  now.mockReturnValue(1500)
  expect(await statuses()).toEqual([200, 503, 503, 503, 503])
})

it('refuses with BACKEND_RATE_LIMITED and Retry-After', async () => {
  build({ max_rate: 1, every: '10s' })
  await app.inject('/')
  const response = await app.inject('/')
  expect(response.json()).toMatchObject({ statusCode: 503, code: 'PORTCULLIS_BACKEND_RATE_LIMITED' })
  expect(response.headers['retry-after']).toBe('10')
})

it('is off with rate 0', async () => {
  build({ max_rate: 0 })
  for (let i = 0; i < 20; i++) expect((await app.inject('/')).statusCode).toBe(200)
})
