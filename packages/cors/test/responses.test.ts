import { Writable } from 'node:stream'
import { handleFrameworkError } from '@portcullis/core'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { exchange } from '../../core/test/exchange.ts'
import plugin, { type CorsConfig } from '../src/index.ts'
import { mergeVary } from '../src/vary.ts'

let app: FastifyInstance
afterEach(() => app.close())

const ORIGIN = 'https://app.example.com'
const CONFIG: CorsConfig = { allow_origins: [ORIGIN], allow_credentials: true, expose_headers: ['x-total'] }

const owned = (headers: Record<string, unknown>) =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-'))

describe('every response carries the policy’s headers', () => {
  it.each([
    ['200', '/ok', 200],
    ['404', '/nowhere', 404],
    ['an error', '/boom', 500],
    ['a refusal', '/refused', 401],
    ['a body that does not parse', '/json', 400],
  ])('%s (CO-16, CO-17)', async (_name, url, status) => {
    app = Fastify()
    await app.register(plugin, CONFIG)
    app.get('/ok', () => 'ok')
    app.get('/boom', () => {
      throw new Error('boom')
    })
    app.get('/refused', { onRequest: async (_request, reply) => reply.code(401).send() }, () => 'never')
    app.post('/json', () => 'never')
    const post = url === '/json'
    const response = await app.inject({
      method: post ? 'POST' : 'GET',
      url,
      headers: { origin: ORIGIN, ...(post ? { 'content-type': 'application/json' } : {}) },
      ...(post ? { payload: '{' } : {}),
    })
    expect(response.statusCode).toBe(status)
    expect(response.headers['access-control-allow-origin']).toBe(ORIGIN)
    expect(response.headers['access-control-allow-credentials']).toBe('true')
    expect(response.headers['access-control-expose-headers']).toBe('X-Total')
    expect(response.headers.vary).toBe('Origin')
  })

  it('the router’s own refusals too', async () => {
    app = Fastify({ frameworkErrors: handleFrameworkError as never })
    await app.register(plugin, CONFIG)
    const response = await app.inject({ url: '/%E0%A4%A', headers: { origin: ORIGIN } })
    expect(response.statusCode).toBe(400)
    expect(response.headers['access-control-allow-origin']).toBe(ORIGIN)
  })

  it('replaces what a backend says of CORS and keeps its Vary (CO-13)', async () => {
    app = Fastify()
    await app.register(plugin, CONFIG)
    app.get('/', (_request, reply) =>
      reply
        .headers({
          'Access-Control-Allow-Origin': '*',
          'Access-Control-Allow-Credentials': 'true',
          'Access-Control-Allow-Methods': 'DELETE',
          'Access-Control-Expose-Headers': '*',
          'Access-Control-Max-Age': '99',
          'Access-Control-Allow-Private-Network': 'true',
          'Access-Control-Allow-Headers': '*',
          Vary: 'Accept-Encoding',
        })
        .send('ok'),
    )
    const allowed = await app.inject({ url: '/', headers: { origin: ORIGIN } })
    expect(owned(allowed.headers).sort()).toEqual([
      'access-control-allow-credentials',
      'access-control-allow-origin',
      'access-control-expose-headers',
    ])
    expect(allowed.headers['access-control-allow-origin']).toBe(ORIGIN)
    expect(allowed.headers.vary).toBe('Accept-Encoding, Origin')
    const foreign = await app.inject({ url: '/', headers: { origin: 'https://evil.com' } })
    expect(owned(foreign.headers)).toEqual([])
    const none = await app.inject('/')
    expect(owned(none.headers)).toEqual([])
    expect(none.headers.vary).toBe('Accept-Encoding, Origin')
  })

  it('lets a foreign origin’s request pass without any CORS header (CO-12)', async () => {
    app = Fastify()
    await app.register(plugin, CONFIG)
    app.get('/', () => 'ok')
    const response = await app.inject({ url: '/', headers: { origin: 'https://evil.com' } })
    expect(response.statusCode).toBe(200)
    expect(owned(response.headers)).toEqual([])
  })

  it('allows no list of origins (CO-19)', async () => {
    app = Fastify()
    await app.register(plugin, CONFIG)
    app.get('/', () => 'ok')
    await app.listen({ port: 0, host: '127.0.0.1' })
    const answer = await exchange(
      app,
      `GET / HTTP/1.1\r\nHost: a\r\nOrigin: ${ORIGIN}\r\nOrigin: https://evil.com\r\nConnection: close\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 200/)
    expect(answer.toLowerCase()).not.toContain('access-control')
  })
})

describe('mistakes at start', () => {
  it.each([
    [{ allow_origins: ['*'], allow_credentials: true }, /allow_credentials: any origin together/],
    [{ allow_credentials: true }, /allow_credentials: any origin together/],
    [{ allow_origins: ['null'], allow_credentials: true }, /"null"/],
    [{ allow_origins: ['example.com'] }, /allow_origins\[0\]: an origin has a scheme/],
    [{ allow_methods: ['put'] }, /allow_methods\[0\]: expected one of.*did you mean "PUT"/s],
    [{ allow_headers: ['x y'] }, /allow_headers\[0\]: expected a header name/],
    [{ max_age: 'soon' }, /max_age: expected a duration/],
    [{ options_success_status: 404 }, /options_success_status/],
    [{ alow_origins: ['*'] }, /alow_origins: unknown field; did you mean "allow_origins"\?/],
    [{ allow_origins: 'https://a.com' }, /allow_origins: expected a list/],
  ])('%j', async (config, message) => {
    app = Fastify()
    await expect(app.register(plugin, config as CorsConfig).then(() => undefined)).rejects.toThrow(message)
    app = Fastify()
  })
})

it('logs its decisions at level debug when asked to', async () => {
  const lines: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  app = Fastify({ logger: { level: 'debug', stream } })
  await app.register(plugin, { ...CONFIG, debug: true })
  app.get('/', () => 'ok')
  await app.inject({ url: '/', headers: { origin: 'https://evil.com' } })
  const decision = lines.map((line) => JSON.parse(line)).find((line) => line.cors !== undefined)
  expect(decision.cors).toEqual({ origin: 'https://evil.com', preflight: false, allowed: false })
})

describe('Vary', () => {
  it.each([
    [undefined, 'Origin', 'Origin'],
    ['', 'Origin', 'Origin'],
    ['Accept', 'Origin', 'Accept, Origin'],
    ['accept, origin', 'Origin', 'accept, origin'],
    [['Accept', 'X-A'], 'Origin', 'Accept, X-A, Origin'],
    ['*', 'Origin', '*'],
  ])('%j and %s: %s', (present, names, expected) => expect(mergeVary(present, names)).toBe(expected))
})
