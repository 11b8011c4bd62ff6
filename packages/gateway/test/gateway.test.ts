import http from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { type GatewayDocument, gateway, serverOptions } from '../src/index.ts'

let app: FastifyInstance | undefined
const closing: (() => unknown)[] = []
afterEach(async () => {
  await app?.close()
  for (const close of closing.splice(0)) await close()
})

/** A backend that echoes what it saw. */
async function echo(): Promise<string> {
  const server = http.createServer((request, response) => {
    const body = JSON.stringify({ url: request.url, headers: request.headers })
    response.setHeader('x-frame-options', 'ALLOWALL').setHeader('content-length', Buffer.byteLength(body)).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const perimeter = {
  'security/http': { allowed_hosts: ['gw.test', 'localhost:80'], frame_deny: true, content_type_nosniff: true },
  'security/ip-filter': { deny: ['10.0.0.42'] },
  'security/cors': { allow_origins: ['https://app.example'] },
}

async function build(
  document: GatewayDocument,
  declare: (app: FastifyInstance) => void = () => undefined,
  when: 'before' | 'after' | 'between' = 'before',
  awaited = true,
): Promise<FastifyInstance> {
  const target = Fastify(serverOptions(document)) as unknown as FastifyInstance
  const register = async (): Promise<void> => {
    const registering = target.register(gateway, document)
    if (awaited) await registering
  }
  if (when === 'before') await register()
  declare(target)
  if (when !== 'before') await register()
  if (when === 'between') target.get('/late', () => 'late')
  app = target
  return target
}

describe('an app’s routes and the gateway’s endpoints', () => {
  const declare = (target: FastifyInstance): void => {
    target.get('/own', () => 'own')
    target.get(
      '/strict',
      { config: { extra_config: { 'security/ip-filter': { allow: ['10.1.0.0/16'] } } } },
      () => 'strict',
    )
    void target.register(async (child) => {
      child.get('/child', () => 'child')
    })
  }

  it.each([
    ['before', true],
    ['before', false],
    ['after', true],
    ['after', false],
    ['between', true],
    ['between', false],
  ] as const)(
    'are protected alike when the gateway is registered %s the routes (awaited: %s)',
    async (when, awaited) => {
      const url = await echo()
      const document = {
        extra_config: perimeter,
        endpoints: [{ endpoint: '/proxied/{id}', backend: [{ host: [url], url_pattern: '/b/{id}' }] }],
      }
      const target = await build(document, declare, when, awaited)
      for (const path of ['/own', '/child', '/proxied/1', '/nowhere']) {
        for (const method of ['GET', 'HEAD'] as const) {
          const ok = await target.inject({ method, url: path, headers: { host: 'gw.test' } })
          expect([path, method, ok.statusCode, ok.headers['x-frame-options']]).toEqual([
            path,
            method,
            path === '/nowhere' ? 404 : 200,
            'DENY',
          ])
          const denied = await target.inject({
            method,
            url: path,
            headers: { host: 'gw.test' },
            remoteAddress: '10.0.0.42',
          })
          expect([path, method, denied.statusCode, denied.headers['x-frame-options']]).toEqual([
            path,
            method,
            403,
            'DENY',
          ])
          const misdirected = await target.inject({ method, url: path, headers: { host: 'evil.test' } })
          expect([path, method, misdirected.statusCode]).toEqual([path, method, 421])
        }
      }
      expect((await target.inject({ url: '/strict', headers: { host: 'gw.test' } })).statusCode).toBe(403)
      expect(
        (await target.inject({ url: '/strict', headers: { host: 'gw.test' }, remoteAddress: '10.1.2.3' })).statusCode,
      ).toBe(200)
    },
  )

  it('puts CORS headers on refusals too', async () => {
    const target = await build({ extra_config: perimeter }, declare)
    const response = await target.inject({
      url: '/own',
      headers: { host: 'gw.test', origin: 'https://app.example' },
      remoteAddress: '10.0.0.42',
    })
    expect([response.statusCode, response.headers['access-control-allow-origin']]).toEqual([403, 'https://app.example'])
  })

  it('refuses a misspelt block of any route at start', async () => {
    const target = await build(
      { extra_config: perimeter },
      (one) => one.get('/x', { config: { extra_config: { 'security/ip-filtr': {} } } }, () => ''),
      'after',
    )
    await expect(target.ready()).rejects.toThrow(
      /route GET \/x: config\.extra_config\["security\/ip-filtr"\]: unknown namespace; did you mean "security\/ip-filter"\?/,
    )
    app = undefined
  })
})

describe('the server', () => {
  it.each<[string, GatewayDocument, RegExp]>([
    [
      'trustProxy',
      { trusted_proxies: ['10.0.0.1'] },
      /trusted_proxies: the server has no trustProxy: make the server with Fastify\(serverOptions\(config\)\)/,
    ],
  ])('must have %s when the configuration needs it', async (_name, document, message) => {
    const bare = Fastify()
    await expect(bare.register(gateway, document).then(() => undefined)).rejects.toThrow(message)
    await bare.close()
  })

  it('must not trust a number of hops', async () => {
    const bare = Fastify({ trustProxy: 1 as never })
    await expect(bare.register(gateway, {}).then(() => undefined)).rejects.toThrow(/number of hops/)
    await bare.close()
  })

  it('carries the headers on what the router and the parser refuse', async () => {
    const target = await build({ extra_config: { 'security/http': { frame_deny: true } } })
    await target.listen({ port: 0, host: '127.0.0.1' })
    const bad = await target.inject({ url: '/%zz' })
    expect([bad.statusCode, bad.headers['x-frame-options'], bad.json().code]).toEqual([
      400,
      'DENY',
      'PORTCULLIS_URL_INVALID',
    ])
    const { port } = target.server.address() as AddressInfo
    const { connect } = await import('node:net')
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write('NONSENSE\r\n\r\n'))
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk.toString()
      })
      socket.on('close', () => resolve(text))
    })
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(answer.toLowerCase()).toContain('x-frame-options: deny')
  })
})

it('starts 1,000 endpoints with ten blocks each in under 3 s', async () => {
  const block = {
    'security/http': { frame_deny: true },
    'security/ip-filter': { deny: ['10.0.0.42'] },
    'security/cors': { allow_origins: ['https://app.example'] },
    'security/bot-detector': { deny: ['bad'] },
    'security/request-limits': { max_body: '1K' },
    'qos/ratelimit/router': { max_rate: 100 },
    'auth/basic': { users: { ada: '$2b$04$abcdefghijklmnopqrstuuZ5v9n1w1g3q6y5m3b0s8h1d2k4l6n8p' } },
    'validation/json-schema': { type: 'object' },
    'modifier/request-headers': { add: { 'x-one': '1' } },
    'modifier/response-headers': { add: { 'x-two': '2' } },
  }
  const endpoints = Array.from({ length: 1000 }, (_, i) => ({
    endpoint: `/e${i}/{id}`,
    extra_config: block,
    backend: [{ host: ['http://127.0.0.1:9'] }],
  }))
  const started = performance.now()
  const target = await build({ endpoints })
  await target.ready()
  expect(performance.now() - started).toBeLessThan(3000)
})
