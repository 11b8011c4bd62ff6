import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exchange } from '../../core/test/exchange.ts'
import { effectiveHost, isHost } from '../src/host.ts'
import plugin, { type HttpSecureConfig } from '../src/index.ts'

const apps: FastifyInstance[] = []
afterAll(() => Promise.all(apps.map((app) => app.close())))

async function listen(config: HttpSecureConfig, trustProxy: string[] | boolean = false): Promise<FastifyInstance> {
  const app = Fastify({ trustProxy })
  apps.push(app)
  await app.register(plugin, config)
  app.all('/*', (request) => ({ host: request.host }))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app
}

const status = (answer: string) => Number(answer.slice(9, 12))
const get = (target: string, ...lines: string[]) =>
  `GET ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`

describe('allowed hosts on a real socket (HO-01 to HO-15, HO-26)', () => {
  let app: FastifyInstance
  beforeAll(async () => {
    app = await listen({ allowed_hosts: ['gw.example.com:8443'] })
  })

  it.each([
    ['HO-01', 'Host: gw.example.com:8443', 200],
    ['HO-02', 'Host: GW.Example.COM:8443', 200],
    ['HO-03', 'Host: gw.example.com.:8443', 421],
    ['HO-04', 'Host: evil.example', 421],
    ['HO-05', 'Host: gw.example.com:8443\r\nHost: evil.example', 400],
    ['HO-06', 'Host: gw.example.com:8443\r\nHost: gw.example.com:8443', 400],
    ['HO-07', 'X-None: 1', 400],
    ['HO-09', 'Host: ', 400],
    ['HO-10', 'Host: gw.example.com:8443@evil.example', 400],
    ['HO-12', 'Host: evil.example\r\nX-Forwarded-Host: gw.example.com:8443', 421],
    ['HO-13', 'Host: gw.example.com:08443', 421],
    ['HO-14', 'Host: gw.example.com:8443 ', 200],
    ['HO-15', 'Host: gw.example.com:8443,evil.example', 400],
    ['without the port', 'Host: gw.example.com', 421],
    ['HO-26, 10 kB', `Host: ${'a'.repeat(10_000)}`, 400],
    ['HO-26, a control byte', 'Host: gw.example.com\x9b:8443', 400],
  ])('%s %s', async (_id, lines, expected) => {
    const answer = await exchange(app, get('/public/x', lines))
    expect(status(answer)).toBe(expected)
    if (expected === 421) expect(answer).toContain('PORTCULLIS_HOST_NOT_ALLOWED')
  })

  it('HO-08: HTTP/1.0 without Host', async () => {
    const answer = await exchange(app, 'GET /public/x HTTP/1.0\r\n\r\n')
    expect(status(answer)).toBe(400)
    expect(answer).toContain('PORTCULLIS_HOST_INVALID')
  })

  it.each([
    ['HO-11: another authority', 'http://evil.example/public/x', 400],
    ['the same authority', 'http://gw.example.com:8443/public/x', 200],
    ['user information', 'http://gw.example.com:8443@evil.example/x', 400],
  ])('absolute form, %s', async (_name, target, expected) => {
    expect(status(await exchange(app, get(target, 'Host: gw.example.com:8443')))).toBe(expected)
  })

  it('absolute form of a host that is not allowed, the same in Host', async () => {
    expect(status(await exchange(app, get('http://evil.example/x', 'Host: evil.example')))).toBe(421)
  })
})

it('refuses requests that contradict themselves without any list of hosts too', async () => {
  const app = await listen({ frame_deny: true })
  expect(status(await exchange(app, get('/', 'Host: a.test', 'Host: b.test')))).toBe(400)
  expect(status(await exchange(app, get('/', 'Host: any.test')))).toBe(200)
  expect(status(await exchange(app, 'GET / HTTP/1.0\r\n\r\n'))).toBe(200)
})

describe('what a proxy says of the host', () => {
  const config = { allowed_hosts: ['www.example.com'], host_proxy_headers: ['X-First', 'X-Forwarded-Host'] }

  it('counts from a trusted peer', async () => {
    const app = await listen(config, ['127.0.0.1'])
    expect(status(await exchange(app, get('/', 'Host: internal', 'X-Forwarded-Host: WWW.example.com')))).toBe(200)
    expect(status(await exchange(app, get('/', 'Host: www.example.com', 'X-Forwarded-Host: evil.com')))).toBe(421)
    expect(
      status(await exchange(app, get('/', 'Host: i', 'X-First: evil.com', 'X-Forwarded-Host: www.example.com'))),
    ).toBe(421)
    const twice = get('/', 'Host: i', 'X-Forwarded-Host: www.example.com', 'X-Forwarded-Host: evil.com')
    expect(status(await exchange(app, twice))).toBe(400)
  })

  it.each([[['10.0.0.0/8']], [false]])('does not count from others (trustProxy %j)', async (trust) => {
    const app = await listen(config, trust)
    expect(status(await exchange(app, get('/', 'Host: internal', 'X-Forwarded-Host: www.example.com')))).toBe(421)
    expect(status(await exchange(app, get('/', 'Host: www.example.com', 'X-Forwarded-Host: evil.com')))).toBe(200)
  })
})

it('only records a wrong host in monitor mode', async () => {
  const app = Fastify()
  apps.push(app)
  await app.register(plugin, { allowed_hosts: ['a.test'], mode: 'monitor' })
  app.get('/', (request) => request.portcullis?.decisions)
  const response = await app.inject({ url: '/', headers: { host: 'b.test' } })
  expect(response.statusCode).toBe(200)
  expect(response.json()).toMatchObject([
    { component: 'http-secure', code: 'HOST_NOT_ALLOWED', mode: 'monitor', status: 421 },
  ])
})

describe('the one host of a request', () => {
  const of = (headers: Record<string, string>, url = '/', rawHeaders: string[] = []) =>
    effectiveHost({ headers, rawHeaders, url })

  it('is the authority in HTTP/2, and Host must say the same', () => {
    expect(of({ ':authority': 'A.test' })).toBe('a.test')
    expect(of({ ':authority': 'a.test', host: 'a.test' })).toBe('a.test')
    expect(of({ ':authority': 'a.test', host: 'b.test' })).toBeUndefined()
  })

  it('is nothing in asterisk form without Host', () => {
    expect(of({}, '*')).toBe('')
    expect(of({}, 'a.test:443')).toBeUndefined()
  })

  it.each([
    ['a.test', true],
    ['a_b-c.test:1', true],
    ['[::1]:80', true],
    ['[::1]', true],
    ['::1', false],
    ['a.test:', false],
    ['a.test:123456', false],
    ['a test', false],
    ['a%2etest', false],
    ['a/b', false],
    ['a#b', false],
    ['a'.repeat(262), false],
  ])('%s is a host: %s', (text, expected) => expect(isHost(text)).toBe(expected))
})
