import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { expectReadmeShowsExample } from '../../core/test/readme.ts'
import requestLimits, { type RequestLimitsConfig, serverLimits } from '../src/index.ts'
import { exchange, head, listen } from './wire.ts'

const apps: FastifyInstance[] = []
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()))
})

async function start(config: RequestLimitsConfig, options: object = {}): Promise<FastifyInstance> {
  const app = Fastify(options)
  apps.push(app)
  await app.register(requestLimits, config)
  app.get('/', () => 'ok')
  app.get('/x/*', () => 'ok')
  app.post('/', (request) => ({ got: request.body ?? null }))
  return app
}

describe('URLs', () => {
  it('of exactly max_url pass, longer ones are 414', async () => {
    const app = await start({ max_url: 20 })
    expect((await app.inject(`/x/${'a'.repeat(17)}`)).statusCode).toBe(200)
    const response = await app.inject(`/x/?${'a'.repeat(17)}`)
    expect([response.statusCode, response.json().code]).toEqual([414, 'PORTCULLIS_URL_TOO_LONG'])
  })

  it.each([9000, 20_000, 30_000, 100_000])('of %d characters are 414 on the wire, not 431', async (length) => {
    for (const options of [{}, serverLimits()]) {
      const port = await listen(await start({}, options))
      const answer = await exchange(port, head(`GET /x/${'a'.repeat(length)}`, { connection: 'close' }))
      expect([answer.status, answer.text.includes('PORTCULLIS_URL_TOO_LONG')]).toEqual([414, true])
    }
  })
})

describe('headers', () => {
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, '1']))

  it.each([
    [98, 200],
    [99, 431],
    [1001, 431],
    [2000, 431],
  ])('%d beside Host and Connection: %d', async (count, status) => {
    const port = await listen(await start({}))
    const answer = await exchange(port, head('GET /', { ...many(count), connection: 'close' }))
    expect(answer.status).toBe(status)
    if (status === 431) expect(answer.text).toContain('PORTCULLIS_HEADERS_TOO_LARGE')
  })

  it('are counted before any of them is dropped, also beyond a thousand', async () => {
    const app = await start({ max_headers: 3000, max_header_size: '64K' })
    app.get('/last', (request) => request.headers['x-last'])
    const port = await listen(app)
    const answer = await exchange(port, head('GET /last', { ...many(2500), 'x-last': 'seen', connection: 'close' }))
    expect(answer.text).toMatch(/^HTTP\/1\.1 200[\s\S]*seen$/)
  })

  it.each([
    [15_000, 200],
    [16_500, 431],
    [40_000, 431],
  ])('of %d bytes: %d', async (length, status) => {
    const port = await listen(await start({}))
    const answer = await exchange(port, head('GET /', { x: 'a'.repeat(length), connection: 'close' }))
    expect(answer.status).toBe(status)
    if (status === 431)
      expect([answer.text.includes('PORTCULLIS_HEADERS_TOO_LARGE'), answer.closed]).toEqual([true, true])
  })

  it('may be larger when the configuration says so', async () => {
    const port = await listen(await start({ max_header_size: '64K' }))
    expect((await exchange(port, head('GET /', { x: 'a'.repeat(50_000), connection: 'close' }))).status).toBe(200)
  })

  it.each(['Host: b', 'Content-Type: a\r\ncontent-type: b', 'Authorization: a\r\nAUTHORIZATION: b'])(
    'that may stand once must: %j',
    async (lines) => {
      const port = await listen(await start({}))
      const answer = await exchange(port, `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\nConnection: close\r\n\r\n`)
      expect([answer.status, answer.text.includes('PORTCULLIS_HEADER_DUPLICATED')]).toEqual([400, true])
    },
  )

  // SM-13 to SM-15: the parser refuses these by itself.
  it.each([
    'Content-Length: 3\r\nContent-Length: 3',
    'Content-Length: 3\r\nContent-Length: 30',
    'Content-Length: 3, 3',
  ])('%j is 400', async (lines) => {
    const port = await listen(await start({}))
    const answer = await exchange(port, `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\nabc`)
    expect([answer.status, answer.closed]).toEqual([400, true])
  })
})

describe('require_content_length', () => {
  it.each([
    [head('POST /', { connection: 'close' }), 411],
    [`${head('POST /', { 'transfer-encoding': 'chunked', 'content-type': 'text/plain' })}0\r\n\r\n`, 411],
    [`${head('POST /', { 'content-length': '2', 'content-type': 'text/plain', connection: 'close' })}ab`, 200],
    [head('POST /', { 'content-length': '0', connection: 'close' }), 200],
    [head('GET /', { connection: 'close' }), 200],
    [`${head('GET /', { 'transfer-encoding': 'chunked' })}0\r\n\r\n`, 411],
  ])('%j: %d', async (request, status) => {
    const port = await listen(await start({ require_content_length: true }))
    const answer = await exchange(port, request)
    expect(answer.status).toBe(status)
    if (status === 411)
      expect([answer.text.includes('PORTCULLIS_LENGTH_REQUIRED'), answer.closed]).toEqual([true, true])
  })
})

describe('levels', () => {
  it('lets an endpoint replace a limit and inherit the others', async () => {
    const app = await start({ max_body: 10, max_url: 30 })
    app.post('/upload', { config: { extra_config: { 'security/request-limits': { max_body: '1K' } } } }, () => 'ok')
    app.post('/open', { config: { extra_config: { 'security/request-limits': false } } }, () => 'ok')
    const post = async (url: string, length: number) =>
      (
        await app.inject({
          url,
          method: 'POST',
          payload: 'a'.repeat(length),
          headers: { 'content-type': 'text/plain' },
        })
      ).statusCode
    expect([await post('/', 10), await post('/', 11)]).toEqual([200, 413])
    expect([await post('/upload', 1024), await post('/upload', 1025)]).toEqual([200, 413])
    expect(await post(`/upload?${'a'.repeat(30)}`, 5)).toBe(414)
    expect(await post('/open', 5000)).toBe(200)
  })

  it('refuses what holds for connections in an endpoint’s block', async () => {
    const app = await start({})
    app.get('/own', { config: { extra_config: { 'security/request-limits': { max_connections: 5 } } } }, () => 'ok')
    await expect(app.ready()).rejects.toThrow(/max_connections: belongs to the service/)
    apps.length = 0
  })
})

describe('mistakes', () => {
  it.each([
    [{ max_body: '1X' }, /max_body: expected a size such as 1024, "8K" or "10M", got "1X"/],
    [{ body_timeout: '5 s' }, /body_timeout: expected a duration/],
    [{ max_headers: -1 }, /max_headers: expected a whole number, 0 for no limit, got -1/],
    [{ maxbody: 1 }, /maxbody: unknown field; did you mean "max_body"\?/],
  ])('%j', async (config, message) => {
    const app = Fastify()
    apps.push(app)
    const outcome = app.register(requestLimits, config as RequestLimitsConfig).then(
      () => 'started',
      (error: Error) => error.message,
    )
    expect(await outcome).toMatch(message)
  })
})

it('warns when the server’s own body limit is the smaller one', async () => {
  const lines: string[] = []
  const logger = { level: 'warn', stream: { write: (line: string) => void lines.push(line) } }
  await (await start({ max_body: '10M' }, { logger })).ready()
  expect(lines.join('')).toContain('bodyLimit')
  lines.length = 0
  await (await start({ max_body: '10M' }, { logger, ...serverLimits({ max_body: '10M' }) })).ready()
  expect(lines).toEqual([])
})

it('runs the README’s example as it stands there', async () => {
  expectReadmeShowsExample(import.meta.url)
  const { app } = await import('./example.ts')
  apps.push(app)
  const post = async (url: string, length: number) =>
    (await app.inject({ url, method: 'POST', payload: 'a'.repeat(length), headers: { 'content-type': 'text/plain' } }))
      .statusCode
  expect([await post('/notes', 65_536), await post('/notes', 65_537)]).toEqual([200, 413])
  expect([await post('/uploads', 5_000_000), await post('/uploads', 10_485_761)]).toEqual([200, 413])
})
