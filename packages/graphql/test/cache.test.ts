import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRedisStore } from '@portcullis/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type RedisServer, redisInstalled, startRedis } from '../../core/test/redis-server.ts'
import { LocalResponses } from '../src/cache/responses.ts'
import type { GraphqlCacheConfig } from '../src/index.ts'
import { type Endpoint, endpoint, identify, post } from './backend.ts'

let app: FastifyInstance
afterEach(() => app?.close())

type AnswerOf = (request: FastifyRequest, reply: FastifyReply) => unknown

async function cached(block: GraphqlCacheConfig = {}, answer?: AnswerOf): Promise<Endpoint> {
  const made = await endpoint({ 'qos/graphql-cache': block }, { before: identify, ...(answer && { answer }) })
  app = made.app
  return made
}

const ask = async (payload: unknown, headers: Record<string, string> = {}): Promise<string> => {
  const response = await post(app, payload, headers)
  return `${response.headers['x-cache-status']} ${response.body}`
}
const Q = { query: '{ me { id } }' }

describe('what is one request', () => {
  it('a second time it is a hit, with Age, and the server is not asked', async () => {
    const { seen } = await cached()
    expect(await ask(Q)).toBe('Miss {"data":{"n":1}}')
    expect(await ask(Q)).toBe('Hit {"data":{"n":1}}')
    const response = await post(app, Q)
    expect([response.statusCode, response.headers['content-type'], response.headers.age]).toEqual([
      200,
      'application/json; charset=utf-8',
      '0',
    ])
    expect(seen).toHaveLength(1)
  })

  it('whitespace, commas, comments, and the order of variables do not matter', async () => {
    await cached()
    await ask({ query: 'query Q($a:Int,$b:Int){me(a:$a,b:$b){id}}', variables: { a: 1, b: { x: 1, y: 2 } } })
    expect(
      await ask({
        variables: { b: { y: 2, x: 1 }, a: 1 },
        query: '# hi\nquery Q($a: Int $b: Int) {\n me(a:$a b:$b) { id } }',
      }),
    ).toMatch(/^Hit/)
  })

  it.each<[string, object, Record<string, string>?]>([
    ['another field', { query: '{ me { name } }' }],
    ['another order of fields', { query: '{ b a }' }],
    ['another alias', { query: '{ x: me { id } }' }],
    ['other variables', { ...Q, variables: { a: 1 } }],
    ['variables of another type', { ...Q, variables: { a: '1' } }],
    ['other extensions', { ...Q, extensions: { a: 1 } }],
    ['another Accept', Q, { accept: 'application/graphql-response+json' }],
    ['another host', Q, { host: 'other.example' }],
    ['another origin', Q, { origin: 'https://a.example' }],
    ['GQ-31 another Authorization', Q, { authorization: 'Bearer b' }],
    ['another cookie', Q, { cookie: 'session=b' }],
    ['another API key', Q, { 'x-api-key': 'b' }],
    ['another user', Q, { 'x-test-user': 'bob' }],
  ])('%s is another request', async (_name, payload, headers) => {
    await cached()
    await ask(Q)
    await ask({ query: '{ a b }' })
    expect(await ask(payload, headers)).toMatch(/^Miss/)
    expect(await ask(payload, headers)).toMatch(/^Hit/)
  })

  it('another operation of one document is another request', async () => {
    await cached()
    const query = 'query A { a } query B { b }'
    expect(await ask({ query, operationName: 'A' })).toMatch(/^Miss/)
    expect(await ask({ query, operationName: 'B' })).toMatch(/^Miss/)
    expect(await ask({ query, operationName: 'A' })).toMatch(/^Hit/)
  })

  it('another path or query string is another request', async () => {
    await cached()
    const send = async (url: string) =>
      (await app.inject({ method: 'POST', url, payload: Q })).headers['x-cache-status']
    expect([
      await send('/graphql'),
      await send('/graphql?tenant=a'),
      await send('/graphql?tenant=b'),
      await send('/graphql?tenant=a'),
    ]).toEqual(['Miss', 'Miss', 'Miss', 'Hit'])
  })

  it('GET and POST of one query are one request', async () => {
    await cached()
    await ask(Q)
    const response = await app.inject({ url: `/graphql?query=${encodeURIComponent('{me{id}}')}` })
    expect(response.headers['x-cache-status']).toBe('Hit')
    expect(
      (await app.inject({ url: `/graphql?query=${encodeURIComponent('{me{id}}')}&extensions=%7B%22a%22%3A1%7D` }))
        .headers['x-cache-status'],
    ).toBe('Miss')
  })

  it('vary_headers adds to the key', async () => {
    await cached({ vary_headers: ['X-Tenant'] })
    expect(await ask(Q, { 'x-tenant': 'a' })).toMatch(/^Miss/)
    expect(await ask(Q, { 'x-tenant': 'b' })).toMatch(/^Miss/)
    expect(await ask(Q, { 'x-tenant': 'a' })).toMatch(/^Hit/)
  })

  it('vary_identity: false shares among clients, as it says', async () => {
    await cached({ vary_identity: false })
    expect(await ask(Q, { authorization: 'Bearer a' })).toMatch(/^Miss/)
    expect(await ask(Q, { authorization: 'Bearer b', 'x-test-user': 'bob' })).toMatch(/^Hit/)
  })
})

describe('GQ-32 what is never kept', () => {
  it.each<[string, unknown]>([
    ['a mutation', { query: 'mutation { del }' }],
    ['a subscription', { query: 'subscription { x }' }],
    ['a mutation among queries', { query: 'query A { a } mutation B { b }', operationName: 'B' }],
    ['a batch', [Q]],
    ['a document that does not parse', { query: '{' }],
    ['numbers that two texts share', '{"query":"query($a:Int){me(a:$a)}","variables":{"a":12345678901234567891}}'],
    ['repeated members', '{"query":"{a}","query":"{b}"}'],
    ['a hash', { extensions: { persistedQuery: { sha256Hash: 'a'.repeat(64) } } }],
  ])('%s', async (_name, payload) => {
    const { seen } = await cached()
    expect(await ask(payload)).toMatch(/^Bypass/)
    expect(await ask(payload)).toMatch(/^Bypass/)
    expect(seen).toHaveLength(2)
  })

  it.each<[string, AnswerOf]>([
    ['errors', () => ({ data: { a: null }, errors: [{ message: 'x' }] })],
    ['no data', () => ({ data: null })],
    ['no object', () => '[]'],
    ['no JSON', (_request, reply) => reply.type('application/json').send('{"data":')],
    ['another type', (_request, reply) => reply.type('text/html').send('{"data":{}}')],
    ['an incremental response', () => ({ data: {}, hasNext: true })],
    ['a cookie', (_request, reply) => reply.header('set-cookie', 'a=b').send({ data: {} })],
    ['500', (_request, reply) => reply.code(500).send({ data: {} })],
    ['206', (_request, reply) => reply.code(206).send({ data: {} })],
    ['no-store', (_request, reply) => reply.header('cache-control', 'no-store').send({ data: {} })],
    ['private', (_request, reply) => reply.header('cache-control', 'max-age=60, Private').send({ data: {} })],
    ['no-cache', (_request, reply) => reply.header('cache-control', 'no-cache="a"').send({ data: {} })],
    ['max-age=0', (_request, reply) => reply.header('cache-control', 'max-age=0').send({ data: {} })],
    ['s-maxage=0', (_request, reply) => reply.header('cache-control', 's-maxage=0, max-age=60').send({ data: {} })],
    [
      'an age beyond max-age',
      (_request, reply) => reply.headers({ 'cache-control': 'max-age=60', age: '60' }).send({ data: {} }),
    ],
    ['broken max-age', (_request, reply) => reply.header('cache-control', 'max-age=-5').send({ data: {} })],
    ['Pragma', (_request, reply) => reply.header('pragma', 'no-cache').send({ data: {} })],
    [
      'Expires in the past',
      (_request, reply) => reply.header('expires', 'Thu, 01 Jan 1970 00:00:00 GMT').send({ data: {} }),
    ],
    ['broken Expires', (_request, reply) => reply.header('expires', '0').send({ data: {} })],
    ['Vary: *', (_request, reply) => reply.header('vary', '*').send({ data: {} })],
    ['Vary on what is no part of the key', (_request, reply) => reply.header('vary', 'X-Tenant').send({ data: {} })],
    ['an encoding', (_request, reply) => reply.header('content-encoding', 'gzip').send(Buffer.from('{"data":{}}'))],
    ['a body that is too long', () => ({ data: { a: 'x'.repeat(300_000) } })],
    [
      'a stream that is too long',
      (_request, reply) =>
        reply
          .type('application/json')
          .send(Readable.from([Buffer.from('{"data":{"a":"'), Buffer.alloc(300_000, 97), Buffer.from('"}}')])),
    ],
  ])('%s', async (_name, answer) => {
    const { seen } = await cached({}, answer)
    await post(app, Q)
    const again = await post(app, Q)
    expect(again.headers['x-cache-status']).toBe('Miss')
    expect(seen).toHaveLength(2)
  })

  it('what the client asks caches not to keep', async () => {
    await cached()
    expect(await ask(Q, { 'cache-control': 'no-store' })).toMatch(/^Bypass/)
    expect(await ask(Q)).toMatch(/^Miss/)
    expect(await ask(Q, { 'cache-control': 'no-cache' })).toBe('Miss {"data":{"n":3}}')
    expect(await ask(Q)).toBe('Hit {"data":{"n":3}}')
  })

  it('headers of the server, but for the type', async () => {
    await cached({}, (_request, reply) =>
      reply
        .headers({ 'x-secret': '1', 'access-control-allow-origin': 'https://a.example', 'cache-control': 'max-age=60' })
        .send({ data: {} }),
    )
    await ask(Q)
    const { headers } = await post(app, Q)
    expect([headers['x-cache-status'], headers['x-secret'], headers['access-control-allow-origin']]).toEqual([
      'Hit',
      undefined,
      undefined,
    ])
  })
})

describe('how long', () => {
  it('ttl ends it', async () => {
    await cached({ ttl: '60ms' })
    await ask(Q)
    expect(await ask(Q)).toMatch(/^Hit/)
    await sleep(90)
    expect(await ask(Q)).toMatch(/^Miss/)
  })

  it('Cache-Control ends it earlier, never later', async () => {
    await cached({ ttl: '50ms' }, (_request, reply) =>
      reply.header('cache-control', 'public, max-age=3600').send({ data: {} }),
    )
    await ask(Q)
    await sleep(80)
    expect(await ask(Q)).toMatch(/^Miss/)
  })

  it('Expires and Vary on the key are understood', async () => {
    await cached({}, (_request, reply) =>
      reply
        .headers({ expires: new Date(Date.now() + 60_000).toUTCString(), vary: 'Accept-Encoding, Authorization' })
        .send({ data: {} }),
    )
    await ask(Q)
    expect(await ask(Q)).toMatch(/^Hit/)
  })
})

it('streams are passed on as they come, and kept', async () => {
  const { seen } = await cached({}, (_request, reply) =>
    reply
      .type('application/json')
      .send(
        Readable.from([Buffer.from('{"data":{"é":"'), Buffer.from([0xc3]), Buffer.from([0xa9]), Buffer.from('"}}')]),
      ),
  )
  expect(await ask(Q)).toBe('Miss {"data":{"é":"é"}}')
  expect(await ask(Q)).toBe('Hit {"data":{"é":"é"}}')
  expect(seen).toHaveLength(1)
})

describe('GQ-34 many at once', () => {
  it('200 that ask the same are one to the server', async () => {
    const { seen } = await cached({}, async () => {
      await sleep(30)
      return { data: { ok: true } }
    })
    const all = await Promise.all(Array.from({ length: 200 }, () => post(app, Q)))
    expect(all.every(({ statusCode, body }) => statusCode === 200 && body === '{"data":{"ok":true}}')).toBe(true)
    expect(seen).toHaveLength(1)
  })

  it('nobody waits for a response that is not kept', async () => {
    const { seen } = await cached({}, async () => {
      await sleep(10)
      return { errors: [{ message: 'x' }] }
    })
    const all = await Promise.all(Array.from({ length: 5 }, () => post(app, Q)))
    expect(all.every(({ statusCode }) => statusCode === 200)).toBe(true)
    expect(seen).toHaveLength(5)
  })

  it('nor for a stream that breaks', async () => {
    let calls = 0
    await cached({}, (_request, reply) => {
      calls++
      if (calls > 1) return { data: { second: true } }
      return reply.type('application/json').send(
        new Readable({
          read() {
            setTimeout(() => this.destroy(new Error('gone')), 10)
          },
        }),
      )
    })
    const [, second] = await Promise.all([post(app, Q).catch(() => undefined), post(app, Q)])
    expect(second.body).toBe('{"data":{"second":true}}')
  })
})

it('GQ-35 memory is bounded by number and by bytes', () => {
  const responses = new LocalResponses(1000, 1_000_000)
  const now = Date.now()
  const response = { body: 'x'.repeat(10_000), type: 'application/json', storedAt: now, endsAt: now + 60_000 }
  for (let i = 0; i < 10_000; i++) responses.set(`k${i}`, response)
  expect(responses.size).toBeLessThanOrEqual(1_000_000)
  expect(responses.count).toBeGreaterThan(40)
  expect(responses.get('k9999')).toBeDefined()
  expect(responses.get('k0')).toBeUndefined()
  for (let i = 0; i < 5000; i++) responses.set(`s${i}`, { ...response, body: '' })
  expect(responses.count).toBe(1000)
})

describe.skipIf(!redisInstalled)('in Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.remove())

  it('many gateways, one cache and one count', async () => {
    const redisStore = createRedisStore({ port: server.port })
    await redisStore.ready()
    const blocks = { 'qos/graphql-cache': { policy: 'redis', ttl: '10s' } }
    const limits = { 'security/graphql': { policy: 'redis', max_queries_per_minute: 6, max_batch: 4 } }
    const [a, b] = [
      await endpoint(blocks, { register: { redisStore } }),
      await endpoint(blocks, { register: { redisStore } }),
    ]
    const [c, d] = [
      await endpoint(limits, { register: { redisStore } }),
      await endpoint(limits, { register: { redisStore } }),
    ]
    app = a.app
    try {
      expect(await ask(Q)).toMatch(/^Miss/)
      await expect.poll(async () => (await post(b.app, Q)).headers['x-cache-status'], { interval: 20 }).toBe('Hit')
      expect((await post(c.app, [Q, Q, Q, Q])).statusCode).toBe(200)
      const limited = await post(d.app, [Q, Q, Q])
      expect([limited.statusCode, limited.json().errors[0].extensions.code]).toEqual([429, 'PORTCULLIS_RATE_LIMITED'])
    } finally {
      await Promise.all([b, c, d].map((each) => each.app.close()))
      redisStore.close()
    }
  })

  it('without its store the limit refuses', async () => {
    const own = await startRedis()
    const redisStore = createRedisStore({ port: own.port })
    await redisStore.ready()
    const limited = await endpoint(
      { 'security/graphql': { policy: 'redis', max_queries_per_minute: 6 } },
      { register: { redisStore } },
    )
    const open = await endpoint({ 'qos/graphql-cache': { policy: 'redis' } }, { register: { redisStore } })
    app = limited.app
    try {
      expect((await post(limited.app, Q)).statusCode).toBe(200)
      await own.stop()
      const refused = await post(limited.app, Q)
      expect([refused.statusCode, refused.json().code]).toEqual([503, 'PORTCULLIS_STORE_UNAVAILABLE'])
      expect((await post(open.app, Q)).headers['x-cache-status']).toBe('Miss')
    } finally {
      await open.app.close()
      redisStore.close()
      await own.remove()
    }
  })
})
