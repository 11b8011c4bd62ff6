/** Every setting of the second seed document does what the document says, over real sockets. */
import { generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import http2 from 'node:http2'
import tls from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { APP, type Perimeter, securityHeaders, startPerimeter } from './seed-perimeter.ts'
import { seedText, send, verdict } from './seed-support.ts'

let gw: Perimeter
beforeAll(async () => {
  gw = await startPerimeter()
})
afterAll(() => gw.close())

const bearer = async (claims?: Record<string, unknown>) => ({ authorization: `Bearer ${await gw.token(claims)}` })
const saw = (body: string) => JSON.parse(body) as { url: string; headers: Record<string, string>; body: string }
const json = { 'content-type': 'application/json' }

it('has the values of the document', () => {
  const text = seedText('gateway-as-security-perimeter.txt')
  if (text === undefined) return
  for (const value of [
    ...Object.entries(securityHeaders).map(([, value]) => value),
    ...['minute: 1000', 'hour: 50000', '10.0.0.0/8', '172.16.0.0/12', '10.0.0.42', 'maxLength: 255', 'minLength: 8'],
    ...['max_queries_per_minute: 100', 'max_depth: 5', 'max_complexity: 1000', 'client_max_body_size 100M'],
    ...['ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256', 'key_claim_name: iss', 'max_age: 3600'],
  ]) {
    expect(text).toContain(value)
  }
})

describe('authentication', () => {
  it('injects the claims and strips the token', async () => {
    const forged = { 'x-user-id': 'root', 'X-User-Roles': 'owner', x_user_id: 'root', 'x-authenticated': 'true' }
    const answer = await gw.ask({ path: '/api/users/7', headers: { ...forged, ...(await bearer()) } })
    expect(answer.status).toBe(200)
    const { url, headers } = saw(answer.body)
    expect(url).toBe('/users/7')
    expect(headers).toMatchObject({ 'x-user-id': 'u-1', 'x-user-roles': 'user,admin', 'x-authenticated': 'true' })
    expect(headers).not.toHaveProperty('authorization')
    expect(headers).not.toHaveProperty('x_user_id')
    expect(JSON.stringify(headers)).not.toMatch(/root|owner/)
  })

  it('a public endpoint injects nothing, and lets nothing of the kind through', async () => {
    const answer = await gw.ask({ method: 'POST', path: '/api/any', headers: { 'x-user-id': 'root' }, body: 'x' })
    expect(answer.status).toBe(200)
    expect(saw(answer.body).headers).not.toHaveProperty('x-user-id')
  })

  it.each([
    ['no token', () => ({}), 'TOKEN_MISSING'],
    ['no exp', () => bearer({ exp: null }), 'TOKEN_INVALID'],
    ['no nbf', () => bearer({ nbf: null }), 'TOKEN_INVALID'],
    ['nbf to come', () => bearer({ nbf: Date.now() / 1000 + 60 }), 'TOKEN_INVALID'],
    ['expired', () => bearer({ exp: Math.floor(Date.now() / 1000) - 60 }), 'TOKEN_EXPIRED'],
    ['another issuer', () => bearer({ iss: 'https://evil.example' }), 'TOKEN_INVALID'],
    [
      'another key',
      async () => ({
        authorization: `Bearer ${await gw.token({}, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)}`,
      }),
      'TOKEN_INVALID',
    ],
  ])('%s is 401', async (_name, headers, code) => {
    const answer = await gw.ask({ path: '/api/users/7', headers: await headers() })
    expect(verdict(answer)).toEqual([401, `PORTCULLIS_${code}`])
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer /)
  })

  it('run_on_preflight: what CORS does not answer needs a token, OPTIONS too', async () => {
    const answer = await gw.ask({ method: 'OPTIONS', path: '/api/users/7' })
    expect(verdict(answer)).toEqual([401, 'PORTCULLIS_TOKEN_MISSING'])
    const withToken = await gw.ask({ method: 'OPTIONS', path: '/api/users/7', headers: await bearer() })
    expect(withToken.status).toBe(404)
  })
})

describe('traffic', () => {
  it('counts per minute and hour, not per second, and tells the client', async () => {
    const { headers } = await gw.ask({ path: '/api/users/7', headers: await bearer() }, '10.7.7.7')
    expect(headers).toMatchObject({
      'x-ratelimit-limit-minute': '1000',
      'x-ratelimit-remaining-minute': '999',
      'x-ratelimit-limit-hour': '50000',
      'x-ratelimit-remaining-hour': '49999',
      'x-ratelimit-remaining': '999',
    })
    expect(headers).not.toHaveProperty('x-ratelimit-limit-second')
  })

  it.each([
    ['10.0.0.41', 200],
    ['10.0.0.42', 403],
    ['::ffff:10.0.0.42', 403],
    ['172.31.255.254', 200],
    ['172.32.0.1', 403],
    ['192.0.2.1', 403],
  ])('%s gets %d', async (client, status) => {
    const answer = await gw.ask({ method: 'POST', path: '/api/any', body: 'x' }, client)
    expect(answer.status).toBe(status)
    if (status === 403) expect(verdict(answer)[1]).toBe('PORTCULLIS_IP_DENIED')
  })

  it('the address is what the proxy next to us says, not what the client wrote', async () => {
    const answer = await gw.ask({ path: '/api/any', method: 'POST', body: 'x' }, '10.0.0.7, 10.0.0.42')
    expect(answer.status).toBe(403)
  })
})

describe('request validation', () => {
  const register = (body: unknown, path = '/api/register') =>
    gw.ask({ method: 'POST', path, headers: json, body: typeof body === 'string' ? body : JSON.stringify(body) })
  const good = { email: 'ann@example.com', password: 'correct horse' }

  it('lets through what fits, byte for byte', async () => {
    const text = `{ "email":"ann@example.com",\n "password":"correct horse", "big": 12345678901234567890 }`
    const answer = await register(text)
    expect([answer.status, saw(answer.body).body]).toEqual([200, text])
    expect((await register(good, '/api/register?page=1')).status).toBe(200)
  })

  it.each([
    ['a missing field', { email: 'ann@example.com' }],
    ['no e-mail address', { ...good, email: 'ann' }],
    ['too long an address', { ...good, email: `${'a'.repeat(250)}@example.com` }],
    ['too short a password', { ...good, password: '1234567' }],
    ['too long a password', { ...good, password: 'x'.repeat(129) }],
    ['no object', [good]],
    ['a field that stands twice', '{"email":"ann@example.com","password":"correct horse","password":"x"}'],
  ])('refuses %s', async (_name, body) => {
    expect(verdict(await register(body))).toEqual([400, 'PORTCULLIS_BODY_INVALID'])
  })

  it('what is no JSON, the WAF refuses before', async () => {
    expect(verdict(await register('{'))).toEqual([400, 'PORTCULLIS_WAF_BLOCKED'])
  })

  it.each(['0', '-1', '1.5', 'x', '0x10', ''])('refuses page=%s', async (page) => {
    expect(verdict(await register(good, `/api/register?page=${page}`))).toEqual([400, 'PORTCULLIS_PARAMETER_INVALID'])
  })
})

describe('sizes', () => {
  const MiB = 1024 * 1024
  it.each([
    ['/api/query', 1024, 200],
    ['/api/query', 1025, 413],
    ['/api/any', 10 * MiB, 200],
    ['/api/any', 10 * MiB + 1, 413],
    ['/api/upload', 10 * MiB + 1, 200],
  ])('%s with %d bytes is %d', async (path, length, status) => {
    const body = Buffer.alloc(length, 'x')
    const answer = await gw.ask({ method: 'POST', path, body, headers: { 'content-type': 'text/plain' } })
    expect(answer.status).toBe(status)
    if (status === 413) expect(verdict(answer)[1]).toBe('PORTCULLIS_BODY_TOO_LARGE')
  })

  it('100M is the most that can be announced to /api/upload', async () => {
    const ask = (length: number) =>
      gw.ask({ method: 'POST', path: '/api/upload', headers: { 'content-length': length, expect: '100-continue' } })
    expect(verdict(await ask(100 * MiB + 1))).toEqual([413, 'PORTCULLIS_BODY_TOO_LARGE'])
  })
})

describe('TLS', () => {
  const handshake = (options: tls.ConnectionOptions): Promise<string> =>
    new Promise((settle) => {
      const socket = tls.connect(
        { host: '127.0.0.1', port: gw.port, ca: gw.ca, servername: 'api.example.com', ...options },
        () => {
          settle(`${socket.getProtocol()} ${socket.getCipher().name} ${socket.alpnProtocol || 'none'}`)
          socket.destroy()
        },
      )
      socket.once('error', () => settle('refused'))
    })

  it.each<[string, tls.ConnectionOptions, string | RegExp]>([
    ['TLS 1.3', { minVersion: 'TLSv1.3' }, /^TLSv1\.3 TLS_/],
    ['TLS 1.2', { maxVersion: 'TLSv1.2' }, 'TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256 none'],
    ['TLS 1.1', { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }, 'refused'],
    ['another suite', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' }, 'refused'],
    ['HTTP/2', { ALPNProtocols: ['h2', 'http/1.1'] }, /h2$/],
    ['HTTP/1.1', { ALPNProtocols: ['http/1.1'] }, /http\/1\.1$/],
  ])('%s', async (_name, options, expected) => {
    expect(await handshake(options)).toMatch(expected)
  })

  it('re-encrypts towards a backend that it verifies', async () => {
    const { status, body } = await gw.ask({ path: '/api/internal/status' })
    expect([status, body]).toEqual([200, 'internal /status'])
  })

  it('gives the same answers over HTTP/2', async () => {
    const session = http2.connect(`https://127.0.0.1:${gw.port}`, { ca: gw.ca, servername: 'api.example.com' })
    const stream = session.request({
      ':path': '/api/users/7',
      ':authority': 'api.example.com',
      'x-forwarded-for': '10.0.0.7',
      ...(await bearer()),
    })
    const headers = await new Promise<http2.IncomingHttpHeaders>((settle) => stream.once('response', settle))
    session.destroy()
    expect(headers[':status']).toBe(200)
    expect(headers).toMatchObject(securityHeaders)
  })

  it('does not talk plain HTTP', async () => {
    expect((await send(gw.port, { headers: { host: 'api.example.com' } })).status).toBe(400)
  })
})

describe('CORS', () => {
  const preflight = (origin: string, method = 'PATCH', headers = 'authorization,content-type') =>
    gw.ask({
      method: 'OPTIONS',
      path: '/api/users/7',
      headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': headers },
    })

  it.each([APP, 'https://admin.example.com'])('%s may', async (origin) => {
    const answer = await preflight(origin)
    expect(answer.status).toBe(204)
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-max-age': '3600',
    })
    expect(answer.headers['access-control-allow-methods']).toContain('PATCH')
    expect(answer.headers['access-control-allow-headers']?.toLowerCase()).toContain('authorization')
    const actual = await gw.ask({ path: '/api/users/7', headers: { origin, ...(await bearer()) } })
    expect(actual.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
    })
    expect(actual.headers['access-control-expose-headers']?.toLowerCase()).toBe('x-ratelimit-remaining')
  })

  it.each([
    ['https://evil.example', 'GET', 'authorization'],
    ['https://app.example.com.evil.example', 'GET', 'authorization'],
    ['http://app.example.com', 'GET', 'authorization'],
    ['null', 'GET', 'authorization'],
    [APP, 'HEAD', 'authorization'],
    [APP, 'GET', 'x-other'],
  ])('%s with %s and %s may not', async (origin, method, headers) => {
    expect((await preflight(origin, method, headers)).headers).not.toHaveProperty('access-control-allow-origin')
  })
})

describe('security headers', () => {
  it.each<[string, number, () => Promise<{ status: number; headers: object }>]>([
    ['a proxied response', 200, async () => gw.ask({ path: '/api/users/7', headers: await bearer() })],
    ['a preflight', 204, async () => gw.ask({ method: 'OPTIONS', path: '/api/any', headers: preflightOf(APP) })],
    ['a refusal', 401, () => gw.ask({ path: '/api/users/7' })],
    ['a denied address', 403, () => gw.ask({ path: '/api/users/7' }, '10.0.0.42')],
    ['an unknown path', 404, async () => gw.ask({ path: '/nowhere', headers: await bearer() })],
    ['a malformed path', 400, () => gw.ask({ path: '/api/users/%' })],
    ['too large a body', 413, () => gw.ask({ method: 'POST', path: '/api/query', body: 'x'.repeat(2000) })],
    ['another host', 421, () => gw.ask({ path: '/api/users/7', headers: { host: 'evil.example' } })],
    ['an attack', 403, () => gw.ask({ method: 'POST', path: '/api/any?q=%3Cscript%3E', body: 'x' })],
    [
      'a body that is not valid',
      400,
      () => gw.ask({ method: 'POST', path: '/api/register', headers: json, body: '{}' }),
    ],
    ['a backend that is down', 502, () => gw.ask({ path: '/api/down' })],
  ])('stand on %s', async (_name, status, ask) => {
    const answer = await ask()
    expect(answer.status).toBe(status)
    expect(answer.headers).toMatchObject(securityHeaders)
  })
})

const preflightOf = (origin: string) => ({ origin, 'access-control-request-method': 'POST' })

describe('GraphQL', () => {
  const query = (text: string, client = '10.3.3.3') =>
    gw.ask({ method: 'POST', path: '/api/graphql', headers: json, body: JSON.stringify({ query: text }) }, client)

  it.each([
    ['five levels', '{ a { b { c { d { e } } } } }', 200],
    ['six levels', '{ a { b { c { d { e { f } } } } } }', 400],
    ['complexity 1000', '{ users(first: 1000) { id } }', 200],
    ['complexity 1001', '{ users(first: 1001) { id } }', 400],
  ])('%s', async (_name, text, status) => {
    const answer = await query(text)
    expect(answer.status).toBe(status)
    if (status === 400) expect(answer.body).toContain('PORTCULLIS_GRAPHQL_LIMIT')
  })

  it('a hundred queries in a minute', async () => {
    const statuses: number[] = []
    for (let i = 0; i < 102; i++) statuses.push((await query('{ a }', '10.3.3.4')).status)
    expect(statuses).toEqual([...Array.from({ length: 100 }, () => 200), 429, 429])
  })
})

describe('WAF rules', () => {
  it.each([
    ['/api/users/7?q=selection', 200],
    ['/api/users/7?q=1%20UNION%20%20SELECT%20x', 403],
    ['/api/users/7?q=select+from', 403],
    ['/api/users/7?q=selected+from', 200],
    ['/api/users/7?q=%3Cscript%20src=x%3E', 403],
  ])('%s is %d', async (path, status) => {
    const answer = await gw.ask({ path, headers: await bearer() })
    expect(answer.status).toBe(status)
    if (status === 403) expect(verdict(answer)[1]).toBe('PORTCULLIS_WAF_BLOCKED')
  })

  it('the sixth login attempt of an address is 429', async () => {
    const attempt = async (client: string) =>
      verdict(await gw.ask({ method: 'POST', path: '/api/login', body: 'user=ann' }, client))
    for (let i = 0; i < 5; i++) expect(await attempt('10.5.5.5')).toEqual([200, undefined])
    expect(await attempt('10.5.5.5')).toEqual([429, 'PORTCULLIS_WAF_BLOCKED'])
    expect(await attempt('10.5.5.6')).toEqual([200, undefined])
  })
})

describe('audit log', () => {
  it('has the custom fields', async () => {
    await gw.ask({ path: '/api/users/logged', headers: await bearer() }, '10.4.4.4')
    const file = gw.pki.path('access.log')
    const find = () =>
      (existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [])
        .filter((line) => line.includes('/api/users/logged'))
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    await expect.poll(() => find().length, { timeout: 3000 }).toBe(1)
    expect(find()[0]).toMatchObject({
      client_ip: '10.4.4.4',
      method: 'GET',
      path: '/api/users/logged',
      status: 200,
      user_id: 'u-1',
      latency: expect.any(Number),
    })
  })
})
