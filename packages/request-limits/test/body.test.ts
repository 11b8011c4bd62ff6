import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { stateOf } from '@portcullis/core'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import requestLimits, { type RequestLimitsConfig } from '../src/index.ts'
import { exchange, head, listen } from './wire.ts'

const apps: FastifyInstance[] = []
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()))
})

/** An app with a route that parses (`/json`), one that streams (`/stream`), and one that never reads (`/ignore`). */
async function start(
  config: RequestLimitsConfig,
): Promise<{ app: FastifyInstance; port: number; streamed: { bytes: number; error?: Error }[] }> {
  const app = Fastify()
  apps.push(app)
  const streamed: { bytes: number; error?: Error }[] = []
  await app.register(requestLimits, config)
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.post('/json', (request) => ({ got: JSON.stringify(request.body).length }))
  app.post('/stream', async (request) => {
    const seen: { bytes: number; error?: Error } = { bytes: 0 }
    streamed.push(seen)
    try {
      for await (const chunk of request.body as Readable) seen.bytes += (chunk as Buffer).length
    } catch (error) {
      seen.error = error as Error
      throw error
    }
    const decisions = stateOf(request).decisions.map(({ code, mode }) => `${code} ${mode}`)
    return { got: seen.bytes, ...(decisions.length > 0 ? { decisions } : {}) }
  })
  app.post('/careless', (request, reply) => {
    const body = request.body as Readable
    body.on('data', () => undefined)
    body.on('end', () => reply.send('read'))
  })
  app.post('/ignore', () => 'not read')
  app.get('/', () => 'ok')
  return { app, port: await listen(app), streamed }
}

const chunk = (size: number) => `${size.toString(16)}\r\n${'a'.repeat(size)}\r\n`
const octets = { 'content-type': 'application/octet-stream' }
const chunked = { ...octets, 'transfer-encoding': 'chunked' }

describe('max_body', () => {
  it.each([
    ['/json', 'application/json'],
    ['/stream', 'application/octet-stream'],
  ])('is compared with the declared length before the body is read: %s', async (url, type) => {
    const { port, streamed } = await start({ max_body: 1000 })
    const answer = await exchange(port, head(`POST ${url}`, { 'content-type': type, 'content-length': '1001' }))
    expect([answer.status, answer.closed]).toEqual([413, true])
    expect(answer.text).toContain('"code":"PORTCULLIS_BODY_TOO_LARGE"')
    expect(answer.text.toLowerCase()).toContain('connection: close')
    expect(streamed).toEqual([])
  })

  it('lets a body of exactly that size pass, declared and chunked', async () => {
    const { port } = await start({ max_body: 1000 })
    const declared =
      head('POST /stream', { ...octets, 'content-length': '1000', connection: 'close' }) + 'a'.repeat(1000)
    expect((await exchange(port, declared)).text).toContain('{"got":1000}')
    const inChunks = head('POST /stream', { ...chunked, connection: 'close' }) + chunk(600) + chunk(400) + '0\r\n\r\n'
    expect((await exchange(port, inChunks)).text).toContain('{"got":1000}')
  })

  it('is counted on chunked bodies that are parsed', async () => {
    const { port } = await start({ max_body: 1000 })
    const answer = await exchange(
      port,
      head('POST /json', { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }) +
        chunk(1001) +
        '0\r\n\r\n',
    )
    expect([answer.status, answer.closed]).toEqual([413, true])
    expect(answer.text).toContain('PORTCULLIS_BODY_TOO_LARGE')
  })

  it('is counted on chunked bodies that are streamed, and cuts them at the limit', async () => {
    const { port, streamed } = await start({ max_body: 1000 })
    const answer = await exchange(port, head('POST /stream', chunked) + chunk(600) + chunk(600) + '0\r\n\r\n')
    expect([answer.status, answer.closed]).toEqual([413, true])
    expect(streamed[0]!.bytes).toBeLessThanOrEqual(1000)
    expect(streamed[0]!.error).toMatchObject({ statusCode: 413, code: 'PORTCULLIS_BODY_TOO_LARGE' })
  })

  it('answers a client that sends on and on, and then ends the connection', async () => {
    const { port } = await start({ max_body: 1000 })
    const drip = Array.from({ length: 200 }, () => chunk(50_000))
    const answer = await exchange(port, head('POST /stream', chunked) + chunk(50_000), { drip, every: 5 })
    expect([answer.status, answer.closed]).toEqual([413, true])
    const declared = await exchange(
      port,
      head('POST /json', { 'content-type': 'application/json', 'content-length': '50000000' }) + 'a'.repeat(1e6),
      { drip: Array(100).fill('a'.repeat(100_000)), every: 5 },
    )
    expect([declared.status, declared.closed]).toEqual([413, true])
  })

  it('answers for a handler that listens for no errors, and the process lives', async () => {
    const { port } = await start({ max_body: 1000 })
    const answer = await exchange(port, head('POST /careless', chunked) + chunk(600) + chunk(600))
    expect([answer.status, answer.closed]).toEqual([413, true])
    const aborted = exchange(port, head('POST /careless', chunked) + chunk(10), { timeout: 100 })
    await aborted
    expect((await exchange(port, head('GET /', { connection: 'close' }))).status).toBe(200)
  })

  it('leaves a connection usable when the handler answers without reading', async () => {
    const { port } = await start({ max_body: 1_000_000 })
    const first = head('POST /ignore', chunked) + chunk(200_000) + '0\r\n\r\n'
    const answer = await exchange(port, first + head('GET /', { connection: 'close' }))
    expect(answer.text).toMatch(/not read[\s\S]*HTTP\/1\.1 200 OK[\s\S]*ok$/)
  })

  it('of 0 is no limit', async () => {
    const { port } = await start({ max_body: 0 })
    const body = chunk(3_000_000)
    expect(
      (await exchange(port, `${head('POST /stream', { ...chunked, connection: 'close' }) + body}0\r\n\r\n`)).text,
    ).toContain('{"got":3000000}')
  })

  it('only records in monitor mode', async () => {
    const { port } = await start({ max_body: 10, mode: 'monitor' })
    const answer = await exchange(
      port,
      `${head('POST /stream', { ...chunked, connection: 'close' })}${chunk(50)}0\r\n\r\n`,
    )
    expect(answer.text).toContain('{"got":50,"decisions":["BODY_TOO_LARGE monitor"]}')
  })

  it('records a body in monitor mode once, though its declared and its counted length both exceed the limit', async () => {
    const { port } = await start({ max_body: 10, mode: 'monitor' })
    const headers = { 'content-length': '50', connection: 'close' }
    const answer = await exchange(port, head('POST /stream', headers) + 'a'.repeat(50))
    expect(answer.text).toContain('{"got":50,"decisions":["BODY_TOO_LARGE monitor"]}')
  })
})

describe('Expect: 100-continue', () => {
  it('is answered with 413 instead of an invitation', async () => {
    const { port } = await start({ max_body: 1000 })
    const answer = await exchange(
      port,
      head('POST /json', { 'content-type': 'application/json', 'content-length': '5000', expect: '100-continue' }),
    )
    expect(answer.text).not.toContain('100 Continue')
    expect([answer.status, answer.closed]).toEqual([413, true])
  })

  it('is answered with 100 when the body is read', async () => {
    const { port } = await start({ max_body: 1000 })
    const request = head('POST /stream', {
      ...octets,
      'content-length': '3',
      expect: '100-continue',
      connection: 'close',
    })
    const invited = await exchange(port, request, { until: /100 Continue\r\n\r\n$/ })
    expect(invited.text).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    const answer = await exchange(port, request, { drip: ['abc'], every: 50 })
    expect(answer.text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n[\s\S]*{"got":3}$/)
  })

  it('is not answered with 100 by a handler that never reads', async () => {
    const { port } = await start({})
    const answer = await exchange(
      port,
      head('POST /nowhere', { 'content-length': '3', expect: '100-continue', connection: 'close' }),
      { timeout: 2000 },
    )
    expect(answer.status).toBe(404)
  })
})

describe('times', () => {
  it('ends a body that stalls for body_timeout', async () => {
    const { port } = await start({ body_timeout: '300ms' })
    for (const url of ['/json', '/stream']) {
      const type = url === '/json' ? 'application/json' : 'application/octet-stream'
      const answer = await exchange(port, head(`POST ${url}`, { 'content-type': type, 'content-length': '1000' }) + 'a')
      expect([answer.status, answer.closed]).toEqual([408, true])
      expect(answer.text).toContain('PORTCULLIS_TIMEOUT')
      expect(answer.after).toBeGreaterThan(280)
      expect(answer.after).toBeLessThan(2500)
    }
  })

  it('lets a slow body pass that never stalls for so long', async () => {
    const { port } = await start({ body_timeout: '400ms' })
    const drip = Array(10).fill('a')
    const answer = await exchange(
      port,
      head('POST /stream', { ...octets, 'content-length': '10', connection: 'close' }),
      { drip, every: 60 },
    )
    expect(answer.text).toContain('{"got":10}')
  })

  it('ends a dripping body after request_timeout', async () => {
    const { port } = await start({ body_timeout: '10s', request_timeout: '500ms' })
    const answer = await exchange(port, head('POST /stream', { ...octets, 'content-length': '1000' }), {
      drip: Array(200).fill('a'),
      every: 50,
    })
    expect([answer.status, answer.closed]).toEqual([408, true])
    expect(answer.text).toContain('PORTCULLIS_TIMEOUT')
    expect(answer.after).toBeGreaterThan(450)
    expect(answer.after).toBeLessThan(2500)
  })

  it('does not blame the client for a slow reader', async () => {
    const { app } = await start({ body_timeout: '100ms' })
    await app.close()
    const slow = Fastify()
    apps.push(slow)
    await slow.register(requestLimits, { body_timeout: '100ms' })
    slow.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
    slow.post('/', async (request) => {
      await new Promise((resolve) => setTimeout(resolve, 400))
      let bytes = 0
      for await (const piece of request.body as Readable) bytes += (piece as Buffer).length
      return { bytes }
    })
    const port = await listen(slow)
    const answer = await exchange(
      port,
      `${head('POST /', { ...octets, 'content-length': '300000', connection: 'close' })}${'a'.repeat(300_000)}`,
    )
    expect(answer.text).toContain('{"bytes":300000}')
  })

  it('ends a head that drips after header_timeout', async () => {
    const { port } = await start({ header_timeout: '500ms' })
    const answer = await exchange(port, 'GET / HTTP/1.1\r\nhost: a\r\nx: ', { drip: Array(200).fill('a'), every: 50 })
    expect([answer.status, answer.closed]).toEqual([408, true])
    expect(answer.text).toContain('PORTCULLIS_TIMEOUT')
    expect(answer.after).toBeLessThan(3000)
  })

  it('ends a connection whose client went away in the middle of a body, without a response', async () => {
    const { app, port } = await start({})
    const aborted = once(app.server, 'connection')
    const answer = exchange(
      port,
      head('POST /json', { 'content-type': 'application/json', 'content-length': '100' }) + 'a',
      { timeout: 50 },
    )
    await aborted
    expect((await answer).text).toBe('')
    expect((await exchange(port, head('GET /', { connection: 'close' }))).status).toBe(200)
  })
})
