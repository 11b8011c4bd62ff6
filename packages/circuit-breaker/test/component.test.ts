import {
  type Component,
  ComponentIndex,
  Engine,
  Refusal,
  readBlocks,
  runUpstreamRequest,
  runUpstreamResponse,
  stateOf,
  type UpstreamOutcome,
  type UpstreamRequest,
} from '@portcullis/core'
import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type CircuitBreakerConfig, circuitBreaker } from '../src/index.ts'

let app: FastifyInstance
let engine: Engine
let tries: number
const lines: string[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  lines.splice(0)
  await app.close()
})

const erased = circuitBreaker as unknown as Component

/** A step that stands after the breaker and refuses when a header says so. */
const later: Component = {
  name: 'later',
  namespaces: ['test/later'],
  levels: ['backend'],
  schema: { type: 'object' },
  create: () => ({
    steps: [
      {
        phase: 'upstreamRequest',
        run: (request) => (request.headers['x-refuse'] === undefined ? undefined : new Refusal(502, 'LATER', 'no')),
      },
    ],
  }),
}

/** Endpoints whose handlers do what the proxy does around each try; the header `x-outcome` is how the try ends. */
function build(blocks: Record<string, CircuitBreakerConfig>): void {
  tries = 0
  app = Fastify({ logger: { level: 'warn', stream: { write: (line: string) => void lines.push(line) } } })
  engine = new Engine(app, { components: [erased, later], blocks: new Map() })
  for (const [path, config] of Object.entries(blocks)) {
    const backend = { place: `backend of ${path}`, extra_config: { 'qos/circuit-breaker': config, 'test/later': {} } }
    app.get(path, { config: { portcullisEndpoint: { place: path, backend } } }, async (request, reply) => {
      const origin = String(request.headers['x-origin'] ?? 'http://up')
      const upstream: UpstreamRequest = { method: 'GET', origin, path: '/', headers: {}, attempt: 1 }
      const refusal = await runUpstreamRequest(request, stateOf(request), upstream)
      if (refusal instanceof Refusal) throw refusal.toError()
      tries++
      const text = String(request.headers['x-outcome'] ?? '200')
      const outcome = /^\d+$/.test(text)
        ? { status: Number(text) }
        : { failure: text as NonNullable<UpstreamOutcome['failure']> }
      runUpstreamResponse(request, stateOf(request), upstream, { ...outcome, duration: 1 })
      return reply.code(outcome.status ?? 502).send('')
    })
  }
}

function get(
  outcome: number | string = 200,
  headers: Record<string, string> = {},
  url = '/',
): Promise<LightMyRequestResponse> {
  return app.inject({ url, headers: { 'x-outcome': String(outcome), ...headers } })
}

describe('qos/circuit-breaker', () => {
  it('refuses with CIRCUIT_OPEN and Retry-After, without a try', async () => {
    build({ '/': { max_errors: 1, interval: 60, timeout: '10s' } })
    await get(503)
    await get('timeout')
    const response = await get()
    expect(response.json()).toMatchObject({ statusCode: 503, code: 'PORTCULLIS_CIRCUIT_OPEN' })
    expect(response.headers['retry-after']).toBe('10')
    expect(tries).toBe(2)
  })

  it.each(['refused', 'timeout', 'reset', 'tls', 'malformed', 500, 503, 599])('counts %s', async (outcome) => {
    build({ '/': { max_errors: 1 } })
    await get(outcome)
    await get(outcome)
    expect((await get()).statusCode).toBe(503)
  })

  it.each(['cancelled', 200, 304, 404, 429])('does not count %s', async (outcome) => {
    build({ '/': { max_errors: 1 } })
    for (let i = 0; i < 5; i++) await get(outcome)
    expect((await get()).statusCode).toBe(200)
  })

  it('lets a cancelled request neither count nor reset the count', async () => {
    build({ '/': { max_errors: 1 } })
    await get(500)
    await get('cancelled')
    await get(500)
    expect((await get()).statusCode).toBe(503)
  })

  it('counts the statuses it is told to', async () => {
    build({ '/': { max_errors: 0, failure_statuses: [429] } })
    await get(500)
    expect((await get(429)).statusCode).toBe(429)
    expect((await get()).statusCode).toBe(503)
  })

  it('is one for each upstream host, shared by every endpoint with the same settings', async () => {
    build({ '/': { max_errors: 0 }, '/b': { max_errors: 0 }, '/own': { max_errors: 5 } })
    await get(500)
    expect((await get(200, {}, '/b')).statusCode).toBe(503)
    expect((await get(200, {}, '/own')).statusCode).toBe(200)
    expect((await get(200, { 'x-origin': 'http://other' })).statusCode).toBe(200)
  })

  it('is one for each name', async () => {
    build({ '/': { max_errors: 0, name: 'users' } })
    await get(500)
    expect((await get(200, { 'x-origin': 'http://other' })).statusCode).toBe(503)
  })

  it.each([
    ['cancelled', { 'x-outcome': 'cancelled' }],
    ['refused by a later step', { 'x-refuse': '1' }],
  ])('lets the next request probe when the first was %s', async (_name, headers) => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(1000)
    build({ '/': { max_errors: 0, timeout: 5 } })
    await get(500)
    now.mockReturnValue(6000)
    expect((await get(200, headers)).statusCode).toBe(502)
    expect((await get()).statusCode).toBe(200)
    expect((await get()).statusCode).toBe(200)
  })

  it('logs and publishes its state', async () => {
    build({ '/': { max_errors: 0, log_status_change: true, name: 'users' } })
    await get(500)
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ breaker: 'users', from: 'closed', to: 'open' }])
    expect(engine.gauges).toHaveLength(1)
    expect(engine.gauges[0]!.read()).toEqual([{ labels: { name: 'users' }, value: 2 }])
  })
})

it.each([
  [{}, /field "max_errors" is missing/],
  [{ max_errors: -1 }, /max_errors expected|expected a number >= 0/],
  [{ max_errors: 1, interval: 'soon' }, /expected a duration/],
  [{ max_errors: 1, failure_statuses: ['5x'] }, /expected a status such as 503/],
  [{ max_errors: 1, failure_statuses: [99] }, /expected a status such as 503/],
  [{ maxErrors: 1, logStatusChange: true, interval: 60, timeout: 10, name: 'x' }, /^$/],
])('%j is checked at start', (config, expected) => {
  build({})
  const block = { 'github.com/devopsfaith/krakend-circuitbreaker/gobreaker': config }
  const { issues } = readBlocks(block, new ComponentIndex([erased]), { level: 'backend', place: '', baseDir: '.' })
  expect(issues.map(({ place, message }) => `${place} ${message}`).join('\n')).toMatch(expected)
})
