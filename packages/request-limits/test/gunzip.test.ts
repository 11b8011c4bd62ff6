import type { Readable } from 'node:stream'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { type Component, stateOf, toPlugin } from '@portcullis/core'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import requestLimits, { type RequestLimitsConfig } from '../src/index.ts'
import { exchange, head, listen } from './wire.ts'

const apps: FastifyInstance[] = []
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()))
})

async function start(config: RequestLimitsConfig): Promise<FastifyInstance> {
  const app = Fastify()
  apps.push(app)
  await app.register(requestLimits, { decompress_gzip: true, ...config })
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload))
  app.post('/json', (request) => {
    const { 'content-encoding': encoding = null, 'content-length': length = null } = request.headers
    return {
      body: request.body,
      encoding,
      length,
      decisions: stateOf(request).decisions.map(({ code, mode }) => `${code} ${mode}`),
    }
  })
  app.post('/stream', async (request) => {
    let bytes = 0
    for await (const chunk of request.body as Readable) bytes += (chunk as Buffer).length
    return { bytes }
  })
  return app
}

const post = (app: FastifyInstance, payload: Buffer, encoding = 'gzip', url = '/json') =>
  app.inject({
    url,
    method: 'POST',
    payload,
    headers: {
      'content-type': url === '/json' ? 'application/json' : 'application/octet-stream',
      'content-encoding': encoding,
    },
  })

describe('decompress_gzip', () => {
  it.each(['gzip', 'x-gzip', 'GZIP', 'identity, gzip'])(
    'hands over the content of %s and headers that fit it',
    async (encoding) => {
      const response = await post(await start({}), gzipSync('{"a":1}'), encoding)
      expect(response.json()).toEqual({ body: { a: 1 }, encoding: null, length: null, decisions: [] })
    },
  )

  it('streams what is not parsed', async () => {
    const response = await post(await start({}), gzipSync(Buffer.alloc(500_000)), 'gzip', '/stream')
    expect(response.json()).toEqual({ bytes: 500_000 })
  })

  it('gives the content to those that inspect the body', async () => {
    const app = Fastify()
    apps.push(app)
    await app.register(requestLimits, { decompress_gzip: true })
    const inspector: Component<object> = {
      name: 'inspector',
      namespaces: ['test/inspector'],
      levels: ['service'],
      schema: { type: 'object' },
      create: () => ({ steps: [], body: { capture: true } }),
    }
    await app.register(toPlugin(inspector), {})
    app.post('/json', (request) => ({ seen: stateOf(request).rawBody?.toString() ?? null }))
    expect((await post(app, gzipSync('{"a":1}'))).json()).toEqual({ seen: '{"a":1}' })
  })

  it('cuts a bomb at max_decompressed_body, parsed or streamed', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000))
    expect(bomb.length).toBeLessThan(100_000)
    const app = await start({ max_decompressed_body: '100K' })
    for (const url of ['/json', '/stream']) {
      const response = await post(app, bomb, 'gzip', url)
      expect([response.statusCode, response.json().code]).toEqual([413, 'PORTCULLIS_BODY_TOO_LARGE'])
    }
  })

  it('takes max_body for the content, too, unless told otherwise', async () => {
    const app = await start({ max_body: 1000 })
    const text = (length: number) => gzipSync(JSON.stringify('a'.repeat(length - 2)))
    expect((await post(app, text(1000))).statusCode).toBe(200)
    expect((await post(app, text(1001))).statusCode).toBe(413)
  })

  it.each([
    ['no gzip at all', Buffer.from('{"a":1}')],
    ['a cut end', gzipSync('{"a":1}').subarray(0, -5)],
    ['nothing', Buffer.alloc(0)],
    ['a wrong checksum', Buffer.concat([gzipSync('{"a":1}').subarray(0, -8), Buffer.alloc(8)])],
  ])('answers 400 to %s', async (what, payload) => {
    const response = await post(await start({}), payload)
    expect(response.statusCode).toBe(400)
    if (what !== 'nothing') expect(response.json().code).toBe('PORTCULLIS_BODY_MALFORMED')
  })

  it('answers 415 to gzip within gzip, which would hide a bomb', async () => {
    const response = await post(await start({}), gzipSync(gzipSync('{"a":1}')), 'gzip, gzip')
    expect([response.statusCode, response.json().code]).toEqual([415, 'PORTCULLIS_ENCODING_NOT_SUPPORTED'])
  })

  it('leaves other encodings as they are', async () => {
    const body = brotliCompressSync('{"a":1}')
    expect((await post(await start({}), body, 'br', '/stream')).json()).toEqual({ bytes: body.length })
  })

  it('only records in monitor mode', async () => {
    const app = await start({ max_decompressed_body: 3, mode: 'monitor' })
    expect((await post(app, gzipSync('{"a":1}'))).json()).toMatchObject({
      body: { a: 1 },
      decisions: ['BODY_TOO_LARGE monitor'],
    })
  })

  it('is off by default: bodies go on as they are', async () => {
    const app = await start({ decompress_gzip: false })
    const body = gzipSync('{"a":1}')
    expect((await post(app, body, 'gzip', '/stream')).json()).toEqual({ bytes: body.length })
  })

  it('still times the body, and frees everything when the client goes away', async () => {
    const port = await listen(await start({ body_timeout: '200ms' }))
    const request = head('POST /stream', {
      'content-type': 'application/octet-stream',
      'content-encoding': 'gzip',
      'content-length': '1000',
    })
    const answer = await exchange(port, request, { drip: [gzipSync('abc').subarray(0, 5)] })
    expect([answer.status, answer.closed]).toEqual([408, true])
    await exchange(port, request, { timeout: 50 })
  })

  it('ends a bomb on the wire without taking it all in', async () => {
    const port = await listen(await start({ max_body: '50M', max_decompressed_body: '1M' }))
    const bomb = gzipSync(Buffer.alloc(20_000_000))
    const request = head('POST /stream', {
      'content-type': 'application/octet-stream',
      'content-encoding': 'gzip',
      'content-length': String(bomb.length),
    })
    const answer = await exchange(port, request, { drip: [bomb], every: 10 })
    expect(answer.status).toBe(413)
  })
})
