import http from 'node:http'
import type { FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import {
  get,
  rawRequest,
  type Seen,
  startBackend,
  startProxy,
  statusOf,
  type TestBackend,
  type TestEndpoint,
} from './harness.ts'

let backend: TestBackend
let app: FastifyInstance
let port: number
afterEach(async () => {
  await app?.close()
  await backend?.close()
})

async function setUp(
  endpoint: Partial<TestEndpoint> & { endpoint: string },
  answer?: Parameters<typeof startBackend>[0],
): Promise<void> {
  backend = await startBackend(answer)
  ;({ app, port } = await startProxy([{ hostsOfBackend: [backend.url], ...endpoint }]))
}

async function send(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual', ...init })
}

const only = (): Seen => {
  expect(backend.seen).toHaveLength(1)
  return backend.seen[0]!
}

describe('paths', () => {
  it.each([
    ['/users/{id}', '/u/{id}?fixed=1', '/users/7', '/u/7?fixed=1'],
    ['/users/{id}', '/u/{id}', '/users/a%2fb', '/u/a%2Fb'],
    ['/users/{id}', '/u/{id}', '/users/a%3fadmin%3d1', '/u/a%3Fadmin%3D1'],
    ['/users/{id}', '/u/{id}', '/users/a%23b', '/u/a%23b'],
    ['/users/{id}', '/u/{id}', '/users/%25%32%65', '/u/%252e'],
    ['/users/{id}', '/u/{id}', '/users/zo%C3%AB', '/u/zo%C3%AB'],
    ['/api/*', '/u/*', '/api/a/b%20c', '/u/a/b%20c'],
    ['/api/*', '/u/*', '/api/a%2Fb', '/u/a%2Fb'],
    ['/api/*', '/u/*', '/%61pi/x', '/u/x'],
    ['/api/v1/*', '/*', '/api/v1/x//y', '/x//y'],
  ])('%s onto %s: %s goes to %s', async (endpoint, urlPattern, path, expected) => {
    await setUp({ endpoint, urlPattern })
    expect(statusOf(await rawRequest(port, get(path)))).toBe(200)
    expect(only().url).toBe(expected)
  })

  it.each([
    'x/../../admin',
    'x/%2e%2e/admin',
    'x/%2E%2e/admin',
    'x/..%2fadmin',
    'x/%2e%2e%2fadmin',
    'x/..%5cadmin',
    'x\\..\\..\\admin',
    'x%5c..%5c..%5cadmin',
    'x/%252e%252e/admin',
    'x/%25252e%25252e/admin',
    'x/..;/admin',
    'x/..;a=b/admin',
    'a%00b',
    'a%0d%0aX-Evil:1',
    'x%09',
    '.',
    '%2e',
    'x/.%09./admin',
    '%c0%ae%c0%ae/x',
    '%zz',
    '%u002e%u002e/',
  ])('refuses %s with 400 and asks nobody', async (path) => {
    await setUp({ endpoint: '/public/*', urlPattern: '/files/*', inputQueryStrings: ['*'] })
    expect(statusOf(await rawRequest(port, get(`/public/${path}`)))).toBe(400)
    expect(backend.seen).toHaveLength(0)
  })

  it.each(['x%5c..%5c..%5cadmin', 'x%2f.%09.%2f.%09.%2fadmin', '..', '%2e%2e', 'a%0d%0ab'])(
    'refuses the parameter %s',
    async (value) => {
      await setUp({ endpoint: '/u/{id}', urlPattern: '/users/{id}' })
      const status = statusOf(await rawRequest(port, get(`/u/${value}`)))
      expect([400, 404]).toContain(status)
      expect(backend.seen).toHaveLength(0)
    },
  )

  it('takes no authority from a request target in absolute form', async () => {
    await setUp({ endpoint: '/public/*', urlPattern: '/public/*' })
    expect(statusOf(await rawRequest(port, get('http://evil.example/public/x')))).toBe(400)
    expect(backend.seen).toHaveLength(0)
  })

  it('answers methods that are not declared with 404 and HEAD with the head of GET', async () => {
    await setUp({ endpoint: '/x' }, (_request, response) => response.setHeader('content-length', 5).end('hello'))
    expect((await send('/x', { method: 'POST' })).status).toBe(404)
    const head = await send('/x', { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length'), only().method]).toEqual([200, '5', 'HEAD'])
  })

  it('limits an endpoint to its hosts', async () => {
    await setUp({ endpoint: '/x', hosts: ['api.example.com', '*.test'] })
    const ask = async (host: string): Promise<number> =>
      statusOf(await rawRequest(port, `GET /x HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`))
    expect(await ask('api.example.com')).toBe(200)
    expect(await ask('API.example.com:8080')).toBe(200)
    expect(await ask('a.test')).toBe(200)
    expect(await ask('a.b.test')).toBe(404)
    expect(await ask('api.example.com.evil.org')).toBe(404)
  })
})

describe('query strings: nothing passes that is not listed', () => {
  it.each([
    [[], '/x?a=1', '/x'],
    [['a'], '/x?a=1&b=2&a=%zz', '/x?a=1&a=%zz'],
    [['a b'], '/x?a%20b=1&a+b=2', '/x?a%20b=1&a+b=2'],
    [['*'], '/x?next=../x&q=%2e%2e', '/x?next=../x&q=%2e%2e'],
    [['*'], '/x?&&', '/x?&&'],
  ])('%j: %s becomes %s', async (inputQueryStrings, path, expected) => {
    await setUp({ endpoint: '/x', inputQueryStrings })
    await rawRequest(port, get(path))
    expect(only().url).toBe(expected)
  })

  it('lets no client add to the pattern’s own query', async () => {
    await setUp({ endpoint: '/x', urlPattern: '/y?role=user', inputQueryStrings: ['*'] })
    await rawRequest(port, get('/x?role=admin&%72ole=admin&z=1'))
    expect(only().url).toBe('/y?role=user&z=1')
  })
})

describe('request headers: nothing passes that is not listed', () => {
  it('forwards the listed ones only', async () => {
    await setUp({ endpoint: '/x', inputHeaders: ['X-One', 'Accept'] })
    await send('/x', { headers: { 'x-one': '1', 'x-two': '2', authorization: 'Bearer t', cookie: 'a=b' } })
    const { headers } = only()
    expect(headers['x-one']).toBe('1')
    for (const name of ['x-two', 'authorization', 'cookie', 'user-agent']) expect(headers[name]).toBeUndefined()
  })

  it('says itself who the client is, whatever the client says', async () => {
    await setUp({ endpoint: '/x', inputHeaders: ['*'] })
    const spoofed = [
      'X-Forwarded-For: 1.2.3.4',
      'X-Forwarded-Host: evil',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Port: 1',
      'Forwarded: for=1.2.3.4',
      'X-Real-IP: 1.2.3.4',
    ]
    await rawRequest(port, get('/x', spoofed.map((line) => `${line}\r\n`).join('')))
    const { headers } = only()
    expect(headers['x-forwarded-for']).toBe('127.0.0.1')
    expect(headers['x-forwarded-host']).toBe('gw.test')
    expect(headers['x-forwarded-proto']).toBe('http')
    expect(headers['x-forwarded-port']).toBeUndefined()
    expect(headers['x-real-ip']).toBe('127.0.0.1')
    expect(headers.forwarded).toBe('for=127.0.0.1;host="gw.test";proto=http')
    expect(headers.via).toBe('1.1 portcullis')
    expect(headers.host).toBe(backend.url.slice(7))
  })

  it('drops hop-by-hop headers, what Connection names, and headers that make another request of it', async () => {
    await setUp({ endpoint: '/x', inputHeaders: ['*'] })
    const lines = [
      'Connection: keep-alive, X-Secret',
      'X-Secret: 1',
      'Keep-Alive: timeout=5',
      'TE: trailers, deflate',
      'Proxy-Authorization: Basic eA==',
      'Proxy-Connection: keep-alive',
      'Proxy: http://evil:1/',
      'Upgrade: websocket',
      'Trailer: x',
      'X-Original-URL: /admin',
      'X-Rewrite-URL: /admin',
      'X-HTTP-Method-Override: DELETE',
      'X-Kept: 1',
    ]
    const answer = await rawRequest(
      port,
      `GET /x HTTP/1.1\r\nHost: gw.test\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`,
      300,
    )
    expect(statusOf(answer)).toBe(200)
    const { headers } = only()
    expect(headers['x-kept']).toBe('1')
    for (const name of [
      'x-secret',
      'te',
      'proxy-authorization',
      'proxy-connection',
      'proxy',
      'upgrade',
      'trailer',
      'x-original-url',
      'x-rewrite-url',
      'x-http-method-override',
    ]) {
      expect(headers[name], name).toBeUndefined()
    }
  })

  it('passes an override header that is listed by name', async () => {
    await setUp({ endpoint: '/x', inputHeaders: ['x-http-method-override'] })
    await send('/x', { headers: { 'x-http-method-override': 'PATCH' } })
    expect(only().headers['x-http-method-override']).toBe('PATCH')
  })

  it('ends a loop to itself', async () => {
    backend = await startBackend()
    const first = await startProxy([{ endpoint: '/x', hostsOfBackend: ['http://127.0.0.1:1'] }])
    await first.app.close()
    // The gateway's own port is its backend.
    ;({ app, port } = await startProxy([{ endpoint: '/x', hostsOfBackend: [backend.url] }]))
    const through = await rawRequest(
      port,
      get('/x', `Via: ${Array.from({ length: 6 }, () => '1.1 portcullis').join(', ')}\r\n`),
    )
    expect(statusOf(through)).toBe(508)
  })
})

describe('bodies', () => {
  const bytes = Buffer.from('{"n":12345678901234567890,"a":1,"a":2,"e":1e400,"x":"\\ud800"}')

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('passes the bytes of a %s untouched', async (method) => {
    await setUp({ endpoint: '/x', methods: ['POST', 'PUT', 'PATCH', 'DELETE'] })
    const headers = { 'content-type': 'application/json; charset=latin1' }
    expect((await send('/x', { method, body: bytes, headers })).status).toBe(200)
    expect(only().body.equals(bytes)).toBe(true)
    expect(only().headers['content-type']).toBe('application/json; charset=latin1')
    expect(only().headers['content-length']).toBe(String(bytes.length))
  })

  it('passes a chunked body and one without a content type', async () => {
    await setUp({ endpoint: '/x', methods: ['POST'] })
    const chunked =
      'POST /x HTTP/1.1\r\nHost: gw.test\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'
    expect(statusOf(await rawRequest(port, chunked))).toBe(200)
    expect(only().body.toString()).toBe('abcde')
  })

  it('keeps Expect from the upstream: the gateway has answered it', async () => {
    await setUp({ endpoint: '/x', methods: ['POST'] })
    const request = http.request({
      port,
      path: '/x',
      method: 'POST',
      headers: { expect: '100-continue', 'content-length': 3 },
    })
    request.on('continue', () => request.end('abc'))
    const status = await new Promise((resolve) =>
      request.on('response', (response) => resolve(response.resume().statusCode)),
    )
    expect(status).toBe(200)
    expect(only().headers.expect).toBeUndefined()
    expect(only().body.toString()).toBe('abc')
  })

  it('streams large bodies both ways', async () => {
    const size = 8 * 1024 * 1024
    await setUp({ endpoint: '/x', methods: ['POST'] }, (_request, response, seen) => response.end(seen.body))
    const sent = Buffer.alloc(size, 'a')
    sent.write('first')
    const response = await send('/x', { method: 'POST', body: sent })
    expect(Buffer.from(await response.arrayBuffer()).equals(sent)).toBe(true)
  })

  it('hands over the first part of a response before the last has come', async () => {
    await setUp({ endpoint: '/x' }, (_request, response) => {
      response.write('data: 1\n\n')
      setTimeout(() => response.end('data: 2\n\n'), 300)
    })
    const started = performance.now()
    const response = await send('/x')
    const reader = response.body!.getReader()
    const { value } = await reader.read()
    expect(Buffer.from(value!).toString()).toBe('data: 1\n\n')
    expect(performance.now() - started).toBeLessThan(250)
    await reader.read()
  })
})

describe('responses', () => {
  it('passes status, headers and every cookie, and leaves out what was for the hop', async () => {
    await setUp({ endpoint: '/x' }, (_request, response) => {
      response.writeHead(
        201,
        [
          ['Set-Cookie', 'a=1'],
          ['Set-Cookie', 'b=2'],
          ['X-Mine', 'yes'],
          ['Connection', 'close, X-Hop'],
          ['X-Hop', '1'],
          ['Keep-Alive', 'timeout=5'],
          ['Proxy-Authenticate', 'Basic'],
          ['Upgrade', 'h2c'],
          ['Trailer', 'x-t'],
        ].flat(),
      )
      response.end('{}')
    })
    const answer = (
      await rawRequest(port, 'GET /x HTTP/1.1\r\nHost: gw.test\r\nConnection: keep-alive\r\n\r\n', 300)
    ).toLowerCase()
    expect(answer).toContain('http/1.1 201')
    expect(answer).toContain('set-cookie: a=1\r\nset-cookie: b=2\r\n')
    expect(answer).toContain('x-mine: yes')
    for (const name of ['x-hop', 'proxy-authenticate', 'upgrade:', 'trailer']) expect(answer).not.toContain(name)
    expect(answer).toContain('connection: keep-alive')
  })

  it('follows no redirect of the backend', async () => {
    await setUp({ endpoint: '/x' }, (_request, response) =>
      response.writeHead(302, { location: 'http://127.0.0.1:9/internal' }).end(),
    )
    const response = await send('/x')
    expect([response.status, response.headers.get('location'), backend.seen.length]).toEqual([
      302,
      'http://127.0.0.1:9/internal',
      1,
    ])
  })

  it.each([204, 304])('passes a %i without a body', async (status) => {
    await setUp({ endpoint: '/x' }, (_request, response) => response.writeHead(status).end())
    expect((await send('/x')).status).toBe(status)
  })

  it('adds the configured Cache-Control where the backend says nothing', async () => {
    await setUp({ endpoint: '/x', cacheControl: 'private, max-age=60' })
    expect((await send('/x')).headers.get('cache-control')).toBe('private, max-age=60')
  })

  it('shares requests between several hosts in turn', async () => {
    const second = await startBackend()
    backend = await startBackend()
    ;({ app, port } = await startProxy([{ endpoint: '/x', hostsOfBackend: [backend.url, second.url] }]))
    for (let i = 0; i < 6; i++) await send('/x')
    expect([backend.seen.length, second.seen.length]).toEqual([3, 3])
    await second.close()
  })
})
