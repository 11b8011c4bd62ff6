import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import jwt, { type JwtConfig } from '../src/index.ts'
import { bearer, forge, guarded, hs256, now, pair, pem, rs256, SECRET, verdict } from './support.ts'

/** The rows of Kong's suite for its jwt plugin. */
let app: FastifyInstance
afterEach(() => app.close())

const base: JwtConfig = { secret: SECRET }

async function ask(
  config: JwtConfig,
  request: { headers?: Record<string, string | string[]>; url?: string; method?: 'GET' | 'OPTIONS' } = {},
) {
  app = await guarded(config)
  return app.inject({ url: '/', ...request } as never) as unknown as Promise<
    Awaited<ReturnType<FastifyInstance['inject']>>
  >
}

describe('challenges', () => {
  it('J01, J02: no token', async () => {
    const first = await ask(base)
    expect(verdict(first)).toBe('401 TOKEN_MISSING')
    expect(first.headers['www-authenticate']).toBe('Bearer realm="service"')
    await app.close()
    expect((await ask({ ...base, realm: 'test-jwt' })).headers['www-authenticate']).toBe('Bearer realm="test-jwt"')
  })

  it.each([
    ['J03 no iss', {}],
    ['J04 iss empty', { iss: '' }],
    ['J05 unknown iss', { iss: 'stranger' }],
  ])('%s', async (_name, claims) => {
    const config: JwtConfig = { issuers: [{ issuer: 'me', secret: SECRET }] }
    const response = await ask(config, { headers: bearer(hs256(claims)) })
    expect(verdict(response)).toBe('401 TOKEN_INVALID')
    expect(response.headers['www-authenticate']).toBe('Bearer realm="service", error="invalid_token"')
  })

  it('J06, J07: another secret, another algorithm in the header', async () => {
    const payload = { sub: 'alice', exp: now() + 300 }
    for (const token of [
      forge({ alg: 'HS256' }, payload, `${SECRET}x`, 'HS256'),
      forge({ alg: 'RS256' }, payload, SECRET, 'HS256'),
    ]) {
      expect(verdict(await ask(base, { headers: bearer(token) }))).toBe('401 TOKEN_INVALID')
      await app.close()
    }
  })
})

describe('J08, J09: OPTIONS', () => {
  const preflight = { origin: 'https://a.test', 'access-control-request-method': 'PUT' }
  it.each([
    [undefined, '401 TOKEN_MISSING', '200'],
    [false, '200', '200'],
    [true, '401 TOKEN_MISSING', '401 TOKEN_MISSING'],
  ] as const)('run_on_preflight %s', async (run, plain, real) => {
    const config = run === undefined ? base : { ...base, run_on_preflight: run }
    expect(verdict(await ask(config, { method: 'OPTIONS' }))).toBe(plain)
    expect(verdict(await app.inject({ method: 'OPTIONS', url: '/', headers: preflight }))).toBe(real)
    expect(verdict(await app.inject({ method: 'GET', url: '/', headers: preflight }))).toBe('401 TOKEN_MISSING')
  })
})

describe('times', () => {
  // The clock stands still, or a test at the end of a second would find another one.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
  afterEach(() => void vi.useRealTimers())
  const strict: JwtConfig = { ...base, claims_to_verify: ['exp', 'nbf'] }
  it.each([
    ['J10 lives too long', { maximum_expiration: 300 }, () => ({ exp: now() + 3600, nbf: 0 }), '401 TOKEN_INVALID'],
    ['J11 lives long enough', { maximum_expiration: 300 }, () => ({ exp: now() + 270, nbf: 0 }), '200'],
    ['J22 neither exp nor nbf', {}, () => ({ exp: undefined }), '401 TOKEN_INVALID'],
    ['J23 expired', {}, () => ({ exp: now() - 10, nbf: 0 }), '401 TOKEN_EXPIRED'],
    ['J24 not yet', {}, () => ({ nbf: now() + 5 }), '401 TOKEN_INVALID'],
    ['J32 expired, claims_to_verify empty', { claims_to_verify: [] }, () => ({ exp: now() - 10 }), '401 TOKEN_EXPIRED'],
    ['no exp, claims_to_verify empty', { claims_to_verify: [] }, () => ({ exp: undefined }), '200'],
    ['leeway', { leeway: '20s' }, () => ({ exp: now() - 10, nbf: now() + 15, iat: now() + 15 }), '200'],
    ['just expired, default leeway', {}, () => ({ exp: now(), nbf: 0 }), '200'],
  ] as const)('%s', async (_name, config, claims, expected) => {
    expect(verdict(await ask({ ...strict, ...config } as JwtConfig, { headers: bearer(hs256(claims())) }))).toBe(
      expected,
    )
  })

  it('J30: maximum_expiration without exp, or negative', async () => {
    app = Fastify()
    const start = (config: object) => app.register(jwt, { ...base, ...config }).then(() => undefined)
    await expect(start({ claims_to_verify: ['nbf'], maximum_expiration: 300 })).rejects.toThrow(/needs "exp"/)
    app = Fastify()
    await expect(start({ maximum_expiration: -1 })).rejects.toThrow(/maximum_expiration: expected a duration/)
    app = Fastify()
  })
})

describe('places', () => {
  it('J12: two different tokens; copies count once', async () => {
    const token = hs256()
    const other = hs256({ sub: 'bob' })
    const config: JwtConfig = { ...base, uri_param_names: ['jwt'], cookie_key: 'session' }
    expect(verdict(await ask(config, { url: `/?jwt=${token}`, headers: bearer(other) }))).toBe('401 TOKEN_INVALID')
    const ways: [string, Record<string, string>, string][] = [
      [`/?jwt=${token}`, bearer(token), '200'],
      [`/?jwt=${token}&jwt=${other}`, {}, '401 TOKEN_INVALID'],
      [`/?jwt=${token}&j%77t=${other}`, {}, '401 TOKEN_INVALID'],
      ['/', { cookie: `session=${token}; session=${other}` }, '401 TOKEN_INVALID'],
      ['/', { ...bearer(token), cookie: `session=${other}` }, '401 TOKEN_INVALID'],
      ['/', { ...bearer(token), cookie: `a=1; session="${token}"` }, '200'],
      ['/?jwt=', { cookie: 'session=' }, '401 TOKEN_MISSING'],
    ]
    for (const [url, headers, expected] of ways) {
      expect([url, headers, verdict(await app.inject({ url, headers }))]).toEqual([url, headers, expected])
    }
  })

  it('J14, J15: the key is named by kid in the header, or by another claim', async () => {
    const named = (key_claim_name: string): JwtConfig => ({
      key_claim_name,
      issuers: [
        { key: 'one', secret: SECRET },
        { key: 'two', public_key: pem('rsa') },
      ],
    })
    expect(verdict(await ask(named('kid'), { headers: bearer(hs256({}, { kid: 'one' })) }))).toBe('200')
    expect(verdict(await app.inject({ url: '/', headers: bearer(rs256('rsa', {}, { kid: 'two' })) }))).toBe('200')
    expect(verdict(await app.inject({ url: '/', headers: bearer(hs256({}, { kid: 'two' })) }))).toBe(
      '401 TOKEN_INVALID',
    )
    // The payload goes first: what the header says besides does not matter.
    const both = hs256({ kid: 'two' }, { kid: 'one' })
    expect(verdict(await app.inject({ url: '/', headers: bearer(both) }))).toBe('401 TOKEN_INVALID')
    await app.close()
    expect(verdict(await ask(named('aud'), { headers: bearer(hs256({ aud: 'one' })) }))).toBe('200')
  })

  it('J16: a secret in base64, beside another issuer with RS256', async () => {
    const secret = Buffer.from(SECRET).toString('base64')
    const config: JwtConfig = {
      issuers: [
        { issuer: 'hs', secret, secret_is_base64: true },
        { issuer: 'rs', public_key: pem('rsa') },
      ],
    }
    expect(verdict(await ask(config, { headers: bearer(hs256({ iss: 'hs' })) }))).toBe('200')
    expect(verdict(await app.inject({ url: '/', headers: bearer(rs256('rsa', { iss: 'rs' })) }))).toBe('200')
    expect(verdict(await app.inject({ url: '/', headers: bearer(rs256('rsa', { iss: 'hs' })) }))).toBe(
      '401 TOKEN_INVALID',
    )
  })

  it('J17, J18: cookies', async () => {
    const config: JwtConfig = { ...base, cookie_names: ['silly', 'crumble'], realm: 'r' }
    expect(verdict(await ask(config, { headers: { cookie: `silly=${hs256()}` } }))).toBe('200')
    expect(verdict(await app.inject({ url: '/', headers: { cookie: `a=b; crumble=${hs256()}` } }))).toBe('200')
    const garbage = await app.inject({ url: '/', headers: { cookie: `silly=no${hs256()}` } })
    expect(verdict(garbage)).toBe('401 TOKEN_INVALID')
    expect(garbage.headers['www-authenticate']).toBe('Bearer realm="r", error="invalid_token"')
  })

  it('J19, J20: other headers, query parameters', async () => {
    const config: JwtConfig = {
      ...base,
      header_names: ['CustomAuthorization', 'X-Token'],
      uri_param_names: ['token', 'jwt'],
    }
    const token = hs256()
    expect(verdict(await ask(config, { headers: { customauthorization: `Bearer ${token}` } }))).toBe('200')
    const ways: [string, Record<string, string | string[]>, string][] = [
      ['/', { 'x-token': token }, '200'],
      [`/?token=${token}`, {}, '200'],
      [`/?jwt=${token}`, {}, '200'],
      ['/', bearer(token), '401 TOKEN_MISSING'],
      ['/', { customauthorization: [`Bearer ${token}`, 'Bearer other'] }, '401 TOKEN_INVALID'],
    ]
    for (const [url, headers, expected] of ways) {
      expect(verdict(await app.inject({ url, headers: headers as Record<string, string> }))).toBe(expected)
    }
  })

  it('leaves other schemes to others, and takes a bare token and any case of Bearer', async () => {
    const token = hs256()
    expect(
      verdict(
        await ask({ ...base, cookie_key: 't' }, { headers: { authorization: 'Basic YTpi', cookie: `t=${token}` } }),
      ),
    ).toBe('200')
    for (const [value, expected] of [
      [token, '200'],
      [`BEARER   ${token}`, '200'],
      [`Bearer\t${token}`, '401 TOKEN_INVALID'],
      ['Basic YTpi', '401 TOKEN_MISSING'],
      ['Bearer', '401 TOKEN_MISSING'],
      ['Bearer ', '401 TOKEN_MISSING'],
      ['', '401 TOKEN_MISSING'],
    ] as const) {
      expect([value, verdict(await app.inject({ url: '/', headers: { authorization: value } }))]).toEqual([
        value,
        expected,
      ])
    }
  })
})

describe('J21: every algorithm', () => {
  const KEYS = { RS: 'rsa', PS: 'rsa', ES: 'ec', Ed: 'ed25519' } as const
  it.each([
    'HS256',
    'HS384',
    'HS512',
    'RS256',
    'RS384',
    'RS512',
    'PS256',
    'PS384',
    'PS512',
    'ES256',
    'ES384',
    'ES512',
    'EdDSA',
    'EdDSA ed448',
  ])('%s', async (name) => {
    const [alg, curve] = name.split(' ') as [string, string | undefined]
    const kind = KEYS[alg.slice(0, 2) as keyof typeof KEYS]
    const key = curve ?? (kind === 'ec' ? `ec${alg.slice(2)}` : kind)
    const payload = { sub: 'alice', exp: now() + 300 }
    const config = key === undefined ? { alg, secret: SECRET } : { alg, public_key: pem(key) }
    const token = forge({ alg }, payload, key === undefined ? SECRET : pair(key).privateKey, alg)
    expect(verdict(await ask(config as JwtConfig, { headers: bearer(token) }))).toBe('200')
  })
})

it('J13: the identity of a good token, and no token upstream', async () => {
  const response = await ask(
    { ...base, propagate_claims: [['sub', 'x-user-id']], inject_authenticated_header: true },
    { headers: { ...bearer(hs256()), 'x-user-id': 'admin', 'x-authenticated': 'maybe' } },
  )
  const { headers, user } = response.json()
  expect(headers).toMatchObject({ 'x-user-id': 'alice', 'x-authenticated': 'true' })
  expect(headers.authorization).toBe(undefined)
  expect(user.sub).toBe('alice')
})
