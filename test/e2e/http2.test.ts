import { readFileSync } from 'node:fs'
import http2 from 'node:http2'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Pki } from '../../packages/tls/test/pki.ts'
import { startEcho, startGateway } from './helpers.ts'

let pki: Pki
let app: FastifyInstance
let port: number
let backend: Awaited<ReturnType<typeof startEcho>>

beforeAll(async () => {
  pki = new Pki()
  pki.issue('gw', { names: ['gw.test'] })
  backend = await startEcho()
  ;({ app, port } = await startGateway(
    {
      tls: { keys: [{ public_key: 'gw.pem', private_key: 'gw.key' }] },
      extra_config: {
        'security/http': { allowed_hosts: ['gw.test'], frame_deny: true, sts_seconds: 60 },
        'security/request-limits': { max_body: '1K', body_timeout: '300ms', max_headers: 50 },
        'security/cors': { allow_origins: ['https://app.test'] },
      },
      endpoints: [
        {
          endpoint: '/public/*',
          method: ['GET', 'POST'],
          input_headers: ['*'],
          backend: [{ host: [backend.url], url_pattern: '/public/*' }],
        },
      ],
    },
    pki.folder,
  ))
})
afterAll(async () => {
  await app.close()
  backend.close()
  pki.remove()
})

interface Answer {
  status: number
  headers: http2.IncomingHttpHeaders
  body: string
  error?: string
}

function ask(
  headers: http2.OutgoingHttpHeaders,
  send: (stream: http2.ClientHttp2Stream) => void = (stream) => stream.end(),
): Promise<Answer> {
  return new Promise((resolve) => {
    const session = http2.connect(`https://127.0.0.1:${port}`, { ca: readFileSync(pki.ca), servername: 'gw.test' })
    const answer: Answer = { status: 0, headers: {}, body: '' }
    const done = (): void => {
      session.destroy()
      resolve(answer)
    }
    session.on('error', done)
    const stream = session.request({ ':authority': 'gw.test', ':path': '/public/x', ...headers })
    stream.on('response', (received) => {
      answer.status = Number(received[':status'])
      answer.headers = received
    })
    stream.on('data', (chunk) => {
      answer.body += chunk
    })
    stream.on('error', (error) => {
      answer.error = error.message
    })
    stream.on('close', done)
    send(stream)
  })
}

describe('over HTTP/2 everything holds as over HTTP/1.1', () => {
  it('a request is proxied, with the security headers on its answer', async () => {
    const { status, headers, body } = await ask({})
    expect([status, headers['x-frame-options'], headers['strict-transport-security']]).toEqual([
      200,
      'DENY',
      'max-age=60',
    ])
    expect(JSON.parse(body).headers['x-forwarded-proto']).toBe('https')
  })

  it('another host is refused, also in a second place', async () => {
    expect((await ask({ ':authority': 'evil.test' })).status).toBe(421)
    expect((await ask({ host: 'evil.test' })).status).toBe(400)
  })

  it('no path leaves its route', async () => {
    expect((await ask({ ':path': '/public/x\\..\\..\\admin' })).status).toBe(400)
    expect((await ask({ ':path': '/public/..%2f..%2fadmin' })).status).toBe(400)
  })

  it('a body beyond the limit is 413, declared or not', async () => {
    expect(
      (await ask({ ':method': 'POST', 'content-length': '5000' }, (stream) => stream.end('x'.repeat(5000)))).status,
    ).toBe(413)
    expect((await ask({ ':method': 'POST' }, (stream) => stream.end('x'.repeat(5000)))).status).toBe(413)
  })

  it('a body without type and length arrives', async () => {
    const { body } = await ask({ ':method': 'POST' }, (stream) => stream.end('hello'))
    expect(JSON.parse(body).body).toBe('hello')
  })

  it('a stalled body is cut with 408', async () => {
    const started = performance.now()
    const { status } = await ask({ ':method': 'POST' }, (stream) => void stream.write('x'))
    expect(status).toBe(408)
    expect(performance.now() - started).toBeLessThan(2000)
  })

  it('too many headers are 431', async () => {
    const many = Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`x-${i}`, '1']))
    expect((await ask(many)).status).toBe(431)
  })
})
