import { readFileSync, rmSync } from 'node:fs'
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { enginesOf } from '@portcullis/core'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { opensslInstalled, selfSigned } from '../../core/test/self-signed.ts'
import requestLimits, { type RequestLimitsConfig } from '../src/index.ts'
import { exchange, head, listen } from './wire.ts'

const apps: FastifyInstance[] = []
const sockets: Socket[] = []
const sessions: ClientHttp2Session[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const session of sessions.splice(0)) session.destroy()
  await Promise.all(apps.splice(0).map((app) => app.close()))
})

async function start(config: RequestLimitsConfig, options: object = {}): Promise<FastifyInstance> {
  const app = Fastify(options)
  apps.push(app)
  await app.register(requestLimits, config)
  app.get('/', () => 'ok')
  app.post('/', (request) => ({ got: String(request.body).length }))
  return app
}

/** Opens a connection and asks on it; the status, or `closed`. */
function ask(port: number, open = () => connect(port, '127.0.0.1') as Socket): Promise<string> {
  return new Promise((resolve) => {
    const socket = open()
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => resolve('closed'))
    socket.once('data', (data) => resolve(data.toString().slice(9, 12)))
    socket.write(head('GET /'))
  })
}

describe('connections', () => {
  it('of one address are limited, and free again when they close', async () => {
    const app = await start({ max_connections_per_ip: 3 })
    const port = await listen(app)
    expect([await ask(port), await ask(port), await ask(port), await ask(port)]).toEqual([
      '200',
      '200',
      '200',
      'closed',
    ])
    expect(
      enginesOf(app)[0]!
        .gauges.find(({ name }) => name === 'connections_refused_total')
        ?.read(),
    ).toBe(1)
    sockets[0]!.destroy()
    let answer = 'closed'
    for (let i = 0; i < 50 && answer === 'closed'; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      answer = await ask(port)
    }
    expect(answer).toBe('200')
  })

  it('of a trusted proxy are not counted: it speaks for many', async () => {
    const port = await listen(await start({ max_connections_per_ip: 1 }, { trustProxy: '127.0.0.1' }))
    expect([await ask(port), await ask(port), await ask(port)]).toEqual(['200', '200', '200'])
  })

  it('in all are limited', async () => {
    const port = await listen(await start({ max_connections: 2 }))
    expect([await ask(port), await ask(port), await ask(port)]).toEqual(['200', '200', 'closed'])
  })

  it('are limited on every address of localhost', async () => {
    const app = await start({ max_connections_per_ip: 1 })
    await app.listen({ port: 0, host: 'localhost' })
    for (const { address, port } of app.addresses() as AddressInfo[]) {
      const open = () => connect(port, address)
      expect([address, await ask(port, open), await ask(port, open)]).toEqual([address, '200', 'closed'])
    }
  })

  it('end after max_requests_per_connection', async () => {
    const port = await listen(await start({ max_requests_per_connection: 2 }))
    const answer = await exchange(port, head('GET /') + head('GET /') + head('GET /'))
    expect(answer.text.match(/HTTP\/1\.1 \d+/g)?.slice(0, 2)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200'])
    expect(answer.text.match(/HTTP\/1\.1 200/g)).toHaveLength(2)
    expect(answer.closed).toBe(true)
  })
})

describe.runIf(opensslInstalled)('TLS', () => {
  const pair = { key: '', cert: '' }
  beforeAll(() => {
    const { folder, certificate, key } = selfSigned('gw.test')
    pair.key = readFileSync(key, 'utf8')
    pair.cert = readFileSync(certificate, 'utf8')
    rmSync(folder, { recursive: true })
  })

  it.each([
    ['https', () => ({ https: pair })],
    ['http2 with allowHTTP1', () => ({ http2: true, https: { ...pair, allowHTTP1: true } })],
  ])('connections and heads are limited: %s', async (_name, options) => {
    const app = await start({ max_connections_per_ip: 2, header_timeout: '400ms' }, options())
    const port = await listen(app)
    const open = () => connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
    const slow = new Promise<string>((resolve) => {
      const socket = open()
      sockets.push(socket)
      let text = ''
      socket.on('error', () => undefined)
      socket.on('data', (data) => {
        text += data.toString()
      })
      socket.once('close', () => resolve(text))
      socket.write('GET / HTTP/1.1\r\nx: ')
    })
    expect([await ask(port, open), await ask(port, open)]).toEqual(['200', 'closed'])
    expect(await slow).toMatch(/^HTTP\/1\.1 408[\s\S]*PORTCULLIS_TIMEOUT/)
  })
})

describe('HTTP/2', () => {
  interface Http2Answer {
    status: number
    body: string
  }

  function open(port: number): ClientHttp2Session {
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    session.on('error', () => undefined)
    sessions.push(session)
    return session
  }

  function ask2(
    session: ClientHttp2Session,
    headers: Record<string, string | string[]>,
    body?: (write: (text: string) => void) => void,
  ): Promise<Http2Answer> {
    return new Promise((resolve) => {
      const stream = session.request({ ':method': 'GET', ':path': '/', ...headers }, { endStream: body === undefined })
      const answer: Http2Answer = { status: 0, body: '' }
      stream.on('response', (head) => {
        answer.status = Number(head[':status'])
      })
      stream.on('data', (data) => {
        answer.body += data
      })
      stream.on('error', () => undefined)
      stream.on('close', () => resolve(answer))
      body?.((text) => stream.write(text))
    })
  }

  it('has the limits of heads and bodies', async () => {
    const port = await listen(
      await start({ max_body: 100, max_url: 50, require_content_length: true }, { http2: true }),
    )
    const session = open(port)
    expect((await ask2(session, {})).status).toBe(200)
    expect((await ask2(session, { ':path': `/${'a'.repeat(50)}` })).status).toBe(414)
    expect(
      (await ask2(session, Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`a${i}`, '1'])))).status,
    ).toBe(431)
    expect((await ask2(session, { x: 'a'.repeat(20_000) })).status).toBe(431)
    const post = { ':method': 'POST', 'content-type': 'text/plain' }
    expect((await ask2(session, { ...post, 'content-length': '101' }, () => undefined)).status).toBe(413)
    expect((await ask2(session, post, (write) => write('a'))).status).toBe(411)
    expect((await ask2(session, {})).status).toBe(200)
  })

  it('counts and times bodies without a length', async () => {
    const port = await listen(await start({ max_body: 100, body_timeout: '200ms' }, { http2: true }))
    const session = open(port)
    const post = { ':method': 'POST', 'content-type': 'text/plain' }
    const large = await ask2(session, post, (write) => write('a'.repeat(101)))
    expect([large.status, large.body.includes('BODY_TOO_LARGE')]).toEqual([413, true])
    const stalled = await ask2(session, post, (write) => write('a'))
    expect([stalled.status, stalled.body.includes('PORTCULLIS_TIMEOUT')]).toEqual([408, true])
    expect((await ask2(session, {})).status).toBe(200)
  })

  it('invites nobody to send what will be refused', async () => {
    const port = await listen(await start({ max_body: 100 }, { http2: true }))
    const session = open(port)
    const stream = session.request(
      { ':method': 'POST', ':path': '/', 'content-length': '500', expect: '100-continue' },
      { endStream: false },
    )
    let invited = false
    stream.on('continue', () => {
      invited = true
    })
    const status = await new Promise((resolve) => stream.on('response', (answer) => resolve(answer[':status'])))
    stream.close(constants.NGHTTP2_CANCEL)
    expect([status, invited]).toEqual([413, false])
  })

  it('closes a session in order after max_requests_per_connection', async () => {
    const port = await listen(await start({ max_requests_per_connection: 2 }, { http2: true }))
    const session = open(port)
    const goaway = new Promise((resolve) => session.once('goaway', resolve))
    expect([(await ask2(session, {})).status, (await ask2(session, {})).status]).toEqual([200, 200])
    await goaway
    await new Promise<void>((resolve) => (session.closed ? resolve() : session.once('close', () => resolve())))
    expect(session.closed).toBe(true)
  })
})
