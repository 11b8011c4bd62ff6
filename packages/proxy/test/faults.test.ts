import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import type { Component } from '@portcullis/core'
import type { FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import {
  answerRaw,
  get,
  rawRequest,
  startBackend,
  startProxy,
  startRawBackend,
  statusOf,
  type TestBackend,
  type TestEndpoint,
} from './harness.ts'

let app: FastifyInstance | undefined
let port = 0
const closing: (() => unknown)[] = []
afterEach(async () => {
  await app?.close()
  for (const close of closing.splice(0)) await close()
})

async function proxyTo(url: string, endpoint: Partial<TestEndpoint> = {}): Promise<void> {
  ;({ app, port } = await startProxy([{ endpoint: '/x', hostsOfBackend: [url], ...endpoint }]))
}

async function raw(
  onConnection: (socket: net.Socket) => void,
  endpoint?: Partial<TestEndpoint>,
): Promise<{ connections: () => number }> {
  const backend = await startRawBackend(onConnection)
  closing.push(backend.close)
  await proxyTo(backend.url, endpoint)
  return backend
}

async function backend(
  answer: Parameters<typeof startBackend>[0],
  endpoint?: Partial<TestEndpoint>,
): Promise<TestBackend> {
  const started = await startBackend(answer)
  closing.push(started.close)
  await proxyTo(started.url, endpoint)
  return started
}

async function ask(init: RequestInit = {}): Promise<{ status: number; body: string; ms: number }> {
  const started = performance.now()
  const response = await fetch(`http://127.0.0.1:${port}/x`, init)
  return { status: response.status, body: await response.text(), ms: performance.now() - started }
}

describe('a backend that does not answer as it should is 502 or 504, and its words stay inside', () => {
  it('refused connection', async () => {
    await proxyTo('http://127.0.0.1:1')
    const { status, body } = await ask()
    expect(status).toBe(502)
    expect(JSON.parse(body).code).toBe('PORTCULLIS_BACKEND_UNAVAILABLE')
    expect(body).not.toMatch(/127\.0\.0\.1|ECONNREFUSED/)
  })

  it.each<[string, string, number[]]>([
    ['closes without an answer', '', [502]],
    ['garbage', 'THIS IS NOT HTTP\r\n\r\n', [502]],
    ['20 KiB of headers', `HTTP/1.1 200 OK\r\nX-Big: ${'a'.repeat(20_480)}\r\nContent-Length: 0\r\n\r\n`, [502]],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc', [502]],
    [
      'length and chunked',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n',
      [502, 200],
    ],
    ['an unasked 101', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n', [502]],
    ['a control character in a value', 'HTTP/1.1 200 OK\r\nX-Bad: a\x01b\r\nContent-Length: 0\r\n\r\n', [502]],
    ['a malformed chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n', [502, 200]],
    ['a trailer field beside a length', 'HTTP/1.1 200 OK\r\nTrailer: x-t\r\nContent-Length: 2\r\n\r\nok', [200]],
    ['a trailer field on a 204', 'HTTP/1.1 204 No Content\r\nTrailer: x-t\r\n\r\n', [204]],
    ['a 304 with a length', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', [304]],
    [
      'early hints first',
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      [200],
    ],
    [
      'latin1 in a value',
      Buffer.from('HTTP/1.1 200 OK\r\nX-Name: caf\xe9\r\nContent-Length: 2\r\n\r\nok', 'latin1').toString('latin1'),
      [200],
    ],
  ])('%s', async (_name, bytes, statuses) => {
    await raw((socket) => socket.once('data', () => (bytes === '' ? socket.destroy() : socket.end(bytes, 'latin1'))))
    const answer = await rawRequest(port, get('/x'))
    expect(statuses).toContain(statusOf(answer))
    expect(answer).not.toMatch(/UND_ERR|HPE_|127\.0\.0\.1/)
    // The process and the route go on.
    expect(statuses).toContain(statusOf(await rawRequest(port, get('/x'))))
  })

  it('cuts the connection when the backend dies in the middle of a stream', async () => {
    await raw(answerOnceThenDie)
    const response = await fetch(`http://127.0.0.1:${port}/x`)
    expect(response.status).toBe(200)
    await expect(response.text()).rejects.toThrow()
    function answerOnceThenDie(socket: net.Socket): void {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
        setTimeout(() => socket.destroy(), 50)
      })
    }
  })

  it('answers 502 when a small response breaks off: nothing of it was sent', async () => {
    await raw((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')))
    expect((await ask()).status).toBe(502)
  })
})

describe('time', () => {
  it('100 ms means under 150 ms', async () => {
    await raw(() => undefined, { timeout: 100 })
    await ask()
    const { status, body, ms } = await ask()
    expect(status).toBe(504)
    expect(JSON.parse(body).code).toBe('PORTCULLIS_BACKEND_TIMEOUT')
    expect(ms).toBeGreaterThanOrEqual(95)
    expect(ms).toBeLessThan(150)
  })

  it('holds for a small response that never ends', async () => {
    await raw(answerRaw('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nstart'), { timeout: 100 })
    expect((await ask()).status).toBe(504)
  })

  it('cuts a stream that stalls', async () => {
    await raw(answerRaw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'), {
      http: { response_timeout: '100ms' },
    })
    const started = performance.now()
    const response = await fetch(`http://127.0.0.1:${port}/x`)
    await expect(response.text()).rejects.toThrow()
    expect(performance.now() - started).toBeLessThan(1000)
  })

  it('does not count a slow upload against the backend', async () => {
    const { seen } = await backend(undefined, { methods: ['POST'], timeout: 100 })
    const socket = net.connect(port, '127.0.0.1')
    socket.write('POST /x HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 3\r\nConnection: close\r\n\r\na')
    await new Promise((resolve) => setTimeout(resolve, 250))
    socket.write('bc')
    const [data] = (await once(socket, 'data')) as [Buffer]
    expect(statusOf(data.toString())).toBe(200)
    expect(seen[0]!.body.toString()).toBe('abc')
  })
})

describe('a client that goes away', () => {
  it('cancels the request to the backend', async () => {
    const closed = new Promise<void>((resolve) => {
      void backend((request) => request.socket.once('close', () => resolve())).then(() => {
        const request = http.get({ port, path: '/x' })
        request.on('error', () => undefined)
        setTimeout(() => request.destroy(), 100)
      })
    })
    await closed
  })
})

it('a client that went away is told to the breaker as cancelled, and nowhere as a failure of the backend', async () => {
  const silent = await startRawBackend(() => undefined)
  closing.push(silent.close)
  const outcomes: (string | undefined)[] = []
  let decided: (count: number) => void = () => undefined
  const decisions = new Promise<number>((resolve) => {
    decided = resolve
  })
  const spy: Component = {
    name: 'spy',
    namespaces: ['test/spy'],
    levels: ['endpoint'],
    schema: { type: 'object' },
    create: () => ({
      steps: [
        { phase: 'upstreamResponse', run: (_request, _state, _upstream, { failure }) => void outcomes.push(failure) },
        {
          phase: 'onRequestAbort',
          run: (_request, state) => void setTimeout(() => decided(state.decisions.length), 50),
        },
      ],
    }),
  }
  const endpoint = { endpoint: '/x', hostsOfBackend: [silent.url], extraConfig: { 'test/spy': {} } }
  ;({ app, port } = await startProxy([endpoint], [spy]))
  const request = http.get({ port, path: '/x' })
  request.on('error', () => undefined)
  setTimeout(() => request.destroy(), 100)
  expect(await decisions).toBe(0)
  expect(outcomes).toEqual(['cancelled'])
})

describe('retries', () => {
  it('asks once by default, whatever the backend says', async () => {
    const { seen } = await backend((_request, response) =>
      response.writeHead(503, { 'retry-after': '3600' }).end('busy'),
    )
    expect((await ask()).status).toBe(503)
    expect(seen).toHaveLength(1)
  })

  it('tries again where it is told to, and only what is safe', async () => {
    let failures = 2
    const { seen } = await backend(
      (_request, response) => (failures-- > 0 ? response.writeHead(503).end('busy') : response.end('ok')),
      {
        methods: ['GET', 'POST'],
        http: { retry: { attempts: 2 } },
      },
    )
    expect(await ask()).toMatchObject({ status: 200, body: 'ok' })
    expect(seen).toHaveLength(3)
    failures = 1
    expect((await ask({ method: 'POST', body: 'x' })).status).toBe(503)
  })

  it.each([
    [['5xx'], 500, 2],
    [['503'], 503, 2],
    [['503'], 500, 1],
    [[429, '5xx'], 429, 2],
    [['4xx'], 500, 1],
  ])('%j: a %i is asked for %i times', async (on, status, times) => {
    const { seen } = await backend((_request, response) => response.writeHead(status).end('busy'), {
      http: { retry: { attempts: 1, on } },
    })
    expect((await ask()).status).toBe(status)
    expect(seen).toHaveLength(times)
  })

  it('goes to the next host when one refuses', async () => {
    const good = await startBackend()
    closing.push(good.close)
    ;({ app, port } = await startProxy([
      {
        endpoint: '/x',
        hostsOfBackend: ['http://127.0.0.1:1', good.url],
        http: { retry: { attempts: 1, on: ['refused'] } },
      },
    ]))
    for (let i = 0; i < 4; i++) expect((await ask()).status).toBe(200)
  })

  it('leaves the pool usable after a storm of large 503s', async () => {
    const big = Buffer.alloc(200_000, 'x')
    let storm = true
    await backend((_request, response) => (storm ? response.writeHead(503).end(big) : response.end('ok')), {
      http: { retry: { attempts: 2 }, connections: 8 },
    })
    await Promise.all(Array.from({ length: 20 }, () => ask()))
    storm = false
    expect((await ask()).status).toBe(200)
  })
})

describe('size', () => {
  it('refuses a response larger than max_response_size', async () => {
    await backend((_request, response) => response.setHeader('content-length', 5000).end('x'.repeat(5000)), {
      http: { max_response_size: 1000 },
    })
    const { status, body } = await ask()
    expect([status, JSON.parse(body).code]).toEqual([502, 'PORTCULLIS_RESPONSE_TOO_LARGE'])
  })

  it('cuts a stream beyond it', async () => {
    await backend(
      (_request, response) => {
        response.write('x'.repeat(600))
        setTimeout(() => response.end('x'.repeat(600)), 50)
      },
      { http: { max_response_size: 1000 } },
    )
    const response = await fetch(`http://127.0.0.1:${port}/x`)
    await expect(response.text()).rejects.toThrow()
  })
})

describe('health checks', () => {
  it('take a failing host out and bring it back', async () => {
    let healthy = false
    const sick = await startBackend((request, response) =>
      response.writeHead(request.url === '/health' && !healthy ? 500 : 200).end('sick'),
    )
    const well = await startBackend((_request, response) => response.end('well'))
    closing.push(sick.close, well.close)
    const health_check = { path: '/health', interval: '20ms', unhealthy_after: 1 }
    ;({ app, port } = await startProxy([
      { endpoint: '/x', hostsOfBackend: [sick.url, well.url], http: { health_check } },
    ]))
    await new Promise((resolve) => setTimeout(resolve, 150))
    const bodies = async (): Promise<Set<string>> =>
      new Set(await Promise.all(Array.from({ length: 6 }, async () => (await ask()).body)))
    expect(await bodies()).toEqual(new Set(['well']))
    healthy = true
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(await bodies()).toEqual(new Set(['well', 'sick']))
  })
})
