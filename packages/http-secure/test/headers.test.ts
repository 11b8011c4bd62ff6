import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { request as requestHttps } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import { handleClientError, handleFrameworkError } from '@portcullis/core'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { exchange } from '../../core/test/exchange.ts'
import { opensslInstalled, selfSigned } from '../../core/test/self-signed.ts'
import plugin, { cspNonce, type HttpSecureConfig, httpSecure, keyPairFiles } from '../src/index.ts'

let app: FastifyInstance
afterEach(() => app?.close())
const pair = opensslInstalled ? selfSigned('localhost') : undefined
afterAll(() => {
  if (pair !== undefined) rmSync(pair.folder, { recursive: true })
})

const ALL: HttpSecureConfig = {
  sts_seconds: 31536000,
  sts_include_subdomains: true,
  sts_preload: true,
  frame_deny: true,
  content_type_nosniff: true,
  browser_xss_filter: true,
  content_security_policy: "default-src 'self';",
  content_security_policy_report_only: "default-src 'none'",
  referrer_policy: 'no-referrer, strict-origin',
  permissions_policy: 'camera=(), microphone=()',
  cross_origin_opener_policy: 'same-origin',
  cross_origin_embedder_policy: 'require-corp',
  cross_origin_resource_policy: 'same-site',
}

const EXPECTED = {
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'x-xss-protection': '1; mode=block',
  'content-security-policy': "default-src 'self';",
  'content-security-policy-report-only': "default-src 'none'",
  'referrer-policy': 'no-referrer,strict-origin',
  'permissions-policy': 'camera=(), microphone=()',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-site',
}

describe('every field', () => {
  it('becomes its header, on every kind of response', async () => {
    app = Fastify()
    await app.register(plugin, { ...ALL, allowed_hosts: ['a.test'] })
    app.get('/', () => 'ok')
    app.get('/boom', () => {
      throw new Error('boom')
    })
    app.post('/json', () => 'never')
    const get = (url: string, host = 'a.test') => app.inject({ url, headers: { host } })
    const responses = [
      [await get('/'), 200],
      [await app.inject({ method: 'HEAD', url: '/', headers: { host: 'a.test' } }), 200],
      [await get('/nowhere'), 404],
      [await get('/boom'), 500],
      [await get('/', 'evil.test'), 421],
      [
        await app.inject({
          method: 'POST',
          url: '/json',
          headers: { host: 'a.test', 'content-type': 'application/json' },
          payload: '{',
        }),
        400,
      ],
    ] as const
    for (const [response, status] of responses) {
      expect(response.statusCode).toBe(status)
      expect(response.headers).toMatchObject(EXPECTED)
      expect(response.headers['strict-transport-security']).toBeUndefined()
    }
  })

  it('sends nothing that is not asked for', async () => {
    app = Fastify()
    await app.register(plugin, {})
    app.get('/', () => 'ok')
    const { headers } = await app.inject('/')
    expect(Object.keys(headers).sort()).toEqual(['connection', 'content-length', 'content-type', 'date'])
  })

  it.each([
    [{ frame_deny: true, custom_frame_options_value: 'SameOrigin' }, 'SAMEORIGIN'],
    [{ custom_frame_options_value: 'ALLOW-FROM' }, 'ALLOW-FROM'],
    [{ frame_deny: true, custom_frame_options_value: '' }, 'DENY'],
  ])('frames: %j', async (config, expected) => {
    app = Fastify()
    await app.register(plugin, config)
    expect((await app.inject('/')).headers['x-frame-options']).toBe(expected)
  })
})

describe('the gateway’s header beats another', () => {
  it('of the app or a backend: exactly one value each', async () => {
    app = Fastify()
    await app.register(plugin, ALL)
    app.get('/', (_request, reply) => {
      reply.headers({
        'X-Frame-Options': 'ALLOWALL',
        'Content-Security-Policy': "default-src *; script-src 'unsafe-inline'",
      })
      reply.header('referrer-policy', ['unsafe-url', 'origin'])
      reply.raw.setHeader('X-Content-Type-Options', 'sniff')
      return reply.send('ok')
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const answer = await exchange(app, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    for (const [name, value] of Object.entries(EXPECTED)) {
      const lines = answer
        .toLowerCase()
        .split('\r\n')
        .filter((line) => line.startsWith(`${name}:`))
      expect(lines).toEqual([`${name}: ${value.toLowerCase()}`])
    }
  })

  it('a backend’s Strict-Transport-Security does not go out over plain HTTP (RFC 6797 section 7.2)', async () => {
    app = Fastify()
    await app.register(plugin, {})
    app.get('/', (_request, reply) => reply.header('strict-transport-security', 'max-age=1').send('ok'))
    expect((await app.inject('/')).headers['strict-transport-security']).toBeUndefined()
  })

  it.each([
    [{}, undefined],
    [{ hide_server_headers: false }, 'Backend/1.2'],
  ])('Server and X-Powered-By: %j', async (config, expected) => {
    app = Fastify()
    await app.register(plugin, config)
    app.get('/', (_request, reply) =>
      reply.headers({ Server: 'Backend/1.2', 'X-Powered-By': 'Backend/1.2' }).send('ok'),
    )
    const { headers } = await app.inject('/')
    expect([headers.server, headers['x-powered-by']]).toEqual([expected, expected])
  })
})

describe('Strict-Transport-Security', () => {
  it.each([
    ['over plain HTTP (HO-22)', { sts_seconds: 300 }, {}, undefined],
    ['forced', { sts_seconds: 300, force_sts_header: true }, {}, 'max-age=300'],
    ['forced in development', { sts_seconds: 300, force_sts_header: true, is_development: true }, {}, undefined],
    [
      'behind a trusted proxy',
      { sts_seconds: 300, ssl_proxy_headers: { 'X-Forwarded-Proto': 'https' } },
      { 'x-forwarded-proto': 'https' },
      'max-age=300',
    ],
    ['without seconds', { sts_seconds: 0, force_sts_header: true }, {}, undefined],
  ])('%s', async (_name, config, headers, expected) => {
    app = Fastify({ trustProxy: true })
    await app.register(plugin, config)
    app.get('/', () => 'ok')
    expect((await app.inject({ url: '/', headers })).headers['strict-transport-security']).toBe(expected)
  })

  it.skipIf(pair === undefined)('goes out over real TLS, with the block’s own key pair', async () => {
    const config = {
      ...ALL,
      ssl_redirect: true,
      ssl_host: 'a.test',
      ssl_certificate: 'cert.pem',
      ssl_private_key: 'key.pem',
    }
    const files = keyPairFiles(config, pair!.folder)!
    expect(files).toEqual({ certificate: pair!.certificate, privateKey: pair!.key })
    app = Fastify({ https: { cert: readFileSync(files.certificate), key: readFileSync(files.privateKey) } }) as never
    await app.register(plugin, { ...config, ssl_certificate: files.certificate, ssl_private_key: files.privateKey })
    app.get('/', () => 'ok')
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    const response = await new Promise<{ status: number | undefined; headers: Record<string, unknown> }>(
      (resolve, reject) => {
        const options = {
          port,
          host: '127.0.0.1',
          servername: 'localhost',
          ca: readFileSync(pair!.certificate),
          agent: false as const,
        }
        requestHttps(options, (message) => {
          message.resume()
          resolve({ status: message.statusCode, headers: message.headers })
        })
          .on('error', reject)
          .end()
      },
    )
    expect(response.status).toBe(200)
    expect(response.headers['strict-transport-security']).toBe('max-age=31536000; includeSubDomains; preload')
  })

  it.skipIf(pair === undefined)('and over HTTP/2, where the host is the authority (H2-01)', async () => {
    app = Fastify({
      http2: true,
      https: { cert: readFileSync(pair!.certificate), key: readFileSync(pair!.key) },
    }) as never
    await app.register(plugin, { ...ALL, allowed_hosts: ['a.test'] })
    app.get('/', () => 'ok')
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    const session = connectHttp2(`https://localhost:${port}`, {
      ca: readFileSync(pair!.certificate),
      lookup: ((_name: string, options: { all?: boolean }, done: (...found: unknown[]) => void) =>
        options.all === true ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)) as never,
    })
    const ask = (headers: Record<string, string>) =>
      new Promise<Record<string, unknown>>((resolve, reject) => {
        const stream = session.request({ ':path': '/', ...headers })
        stream.on('response', resolve).on('error', reject).resume()
      })
    const good = await ask({ ':authority': 'a.test' })
    expect(good[':status']).toBe(200)
    expect(good['strict-transport-security']).toBe('max-age=31536000; includeSubDomains; preload')
    expect((await ask({ ':authority': 'evil.test' }))[':status']).toBe(421)
    expect((await ask({ ':authority': 'evil.test', host: 'a.test' }))[':status']).toBe(400)
    session.destroy()
  })
})

it('gives every response a nonce of its own, and tells the app', async () => {
  app = Fastify()
  await app.register(plugin, { content_security_policy: "script-src $NONCE 'strict-dynamic'; style-src $NONCE" })
  app.get('/', (request) => cspNonce(request))
  const [first, second] = [await app.inject('/'), await app.inject('/')]
  expect(first.body).toMatch(/^[A-Za-z0-9+/]{22}$/)
  expect(first.headers['content-security-policy']).toBe(
    `script-src 'nonce-${first.body}' 'strict-dynamic'; style-src 'nonce-${first.body}'`,
  )
  expect(second.body).not.toBe(first.body)
})

it('gives the router’s refusals the same headers', async () => {
  app = Fastify({ frameworkErrors: handleFrameworkError as never })
  await app.register(plugin, ALL)
  const response = await app.inject('/%E0%A4%A')
  expect(response.statusCode).toBe(400)
  expect(response.headers).toMatchObject(EXPECTED)
})

it('gives the parser’s refusals the same headers', async () => {
  app = Fastify({ clientErrorHandler: handleClientError as never })
  await app.register(plugin, { ...ALL, content_security_policy: 'script-src $NONCE' })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const answer = (await exchange(app, 'NONSENSE\r\n\r\n')).toLowerCase()
  expect(answer).toMatch(/^http\/1\.1 400/)
  expect(answer).toContain('x-frame-options: deny\r\n')
  expect(answer).toContain('content-security-policy: script-src \r\n')
  expect(answer).not.toContain('strict-transport-security')
})

describe('an endpoint’s block', () => {
  it('states what differs, the rest is the service’s', async () => {
    app = Fastify()
    await app.register(plugin, { frame_deny: true, content_type_nosniff: true, allowed_hosts: ['a.test'] })
    const block = (own: unknown) => ({ config: { extra_config: { 'security/http': own } } })
    app.get('/embed', block({ frame_deny: false, content_security_policy: "frame-ancestors 'self'" }), () => 'ok')
    app.get('/hosts', block({ allowed_hosts: ['b.test'] }), () => 'ok')
    app.get('/off', block(false), () => 'ok')
    const ask = (url: string, host = 'a.test') => app.inject({ url, headers: { host } })
    const embed = (await ask('/embed')).headers
    expect(embed['x-frame-options']).toBeUndefined()
    expect(embed['content-security-policy']).toBe("frame-ancestors 'self'")
    expect(embed['x-content-type-options']).toBe('nosniff')
    expect((await ask('/embed', 'evil.test')).statusCode).toBe(421)
    expect((await ask('/hosts')).statusCode).toBe(421)
    expect((await ask('/hosts', 'b.test')).headers['x-frame-options']).toBe('DENY')
    const off = await ask('/off', 'evil.test')
    expect([off.statusCode, off.headers['x-frame-options']]).toEqual([200, undefined])
  })
})

describe('mistakes at start', () => {
  it.each([
    [{ allowed_hosts: 'example.com' }, /allowed_hosts: expected a list/],
    [{ allowed_hosts: ['https://example.com'] }, /allowed_hosts\[0\]: expected a host such as/],
    [{ allowed_hosts: ['a.test', '(a)\\1'], allowed_hosts_are_regex: true }, /allowed_hosts\[1\]: not a pattern/],
    [{ ssl_host: 'https://a.test/' }, /ssl_host: expected a host/],
    [{ ssl_port: '70000' }, /ssl_port: expected a port up to 65535/],
    [{ ssl_port: 'https' }, /ssl_port: expected a port/],
    [{ ssl_proxy_headers: { 'X Y': 'https' } }, /ssl_proxy_headers/],
    [{ referrer_policy: 'nope' }, /referrer_policy: .*unexpected policy token "nope"/],
    [{ content_security_policy: 'default-src self' }, /content_security_policy: .*quoted/],
    [{ content_security_policy: "a 'self'; a b" }, /content_security_policy: .*twice/],
    [{ content_security_policy: "default-src 'self'\r\nX: y" }, /content_security_policy: expected a text of plain/],
    [{ cross_origin_opener_policy: 'same-orign' }, /did you mean "same-origin"\?/],
    [{ frame_denny: true }, /frame_denny: unknown field; did you mean "frame_deny"\?/],
    [{ ssl_certificate: '/nowhere/cert.pem' }, /ssl_private_key: is missing/],
    [
      { ssl_certificate: '/nowhere/cert.pem', ssl_private_key: '/nowhere/key.pem' },
      /ssl_certificate: cannot read "\/nowhere\/cert\.pem" \(ENOENT\)[\s\S]*ssl_private_key: cannot read/,
    ],
  ])('%j', async (config, message) => {
    app = Fastify()
    await expect(app.register(plugin, config as HttpSecureConfig).then(() => undefined)).rejects.toThrow(message)
    app = Fastify()
  })

  it.skipIf(pair === undefined)('files that are no pair', () => {
    const other = selfSigned('localhost')
    const issues = (config: HttpSecureConfig) =>
      httpSecure.check!(config, { level: 'service', baseDir: pair!.folder }).map(
        ({ place, message }) => `${place} ${message}`,
      )
    expect(issues({ ssl_certificate: 'cert.pem', ssl_private_key: 'key.pem' })).toEqual([])
    expect(issues({ ssl_certificate: 'cert.pem', ssl_private_key: other.key })).toEqual([
      expect.stringMatching(/^\.ssl_private_key is not the key of the certificate/),
    ])
    writeFileSync(`${other.folder}/empty.pem`, 'nothing')
    expect(
      issues({ ssl_certificate: `${other.folder}/empty.pem`, ssl_private_key: `${other.folder}/empty.pem` }),
    ).toEqual([
      expect.stringMatching(/ssl_certificate .* holds no certificate/),
      expect.stringMatching(/ssl_private_key .* holds no private key/),
    ])
    rmSync(other.folder, { recursive: true })
  })

  it('a key pair at an endpoint', () => {
    const issues = httpSecure.check!(
      { ssl_certificate: 'a', ssl_private_key: 'b' },
      { level: 'endpoint', baseDir: '.' },
    )
    expect(issues.map(({ message }) => message)).toEqual(['belongs to the service', 'belongs to the service'])
  })
})

it('warns at start of what is hardly meant', async () => {
  const lines: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)).msg)
      done()
    },
  })
  app = Fastify({ logger: { level: 'warn', stream } })
  await app.register(plugin, {
    hpkp_public_key: 'pin-sha256="x"; max-age=1',
    custom_frame_options_value: 'ALLOW-FROM https://a.test',
    sts_preload: true,
    allowed_hosts: ['a.test:443', '*.a.test', 'b.test:443', 'b.test'],
  })
  app.get(
    '/r',
    { config: { extra_config: { 'security/http': { ssl_redirect: true, allowed_hosts: [] } } } },
    () => 'ok',
  )
  expect(lines.map((line) => line.slice(0, 40))).toEqual([
    'hpkp_public_key: browsers no longer read',
    'custom_frame_options_value: browsers ign',
    'sts_preload: preload lists want sts_incl',
    'allowed_hosts: browsers leave the port 4',
    'allowed_hosts: "*.a.test" matches no hos',
    'ssl_redirect: without ssl_host or allowe',
  ])
})
