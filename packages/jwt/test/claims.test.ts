import { Writable } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { exchange } from '../../core/test/exchange.ts'
import { encodeItem, UnfitClaim } from '../src/claim-headers.ts'
import jwt, { type JwtConfig } from '../src/index.ts'
import { bearer, forge, guarded, hs256, now, SECRET, verdict } from './support.ts'

let app: FastifyInstance
afterEach(() => app.close())

const config: JwtConfig = {
  secret: SECRET,
  inject_authenticated_header: true,
  propagate_claims: [
    ['sub', 'X-User-Id'],
    ['roles', 'x-user-roles'],
    ['realm_access.roles', 'x-realm-roles'],
    ['n', 'x-n'],
  ],
}

/** What the upstream would get for claims, or why there was no way. */
async function sent(
  claims: object,
  more: object = {},
  headers: object = {},
): Promise<Record<string, unknown> | string> {
  app = await guarded({ ...config, ...more })
  const response = await app.inject({ url: '/', headers: { ...bearer(hs256(claims)), ...headers } })
  return response.statusCode === 200 ? (response.json().headers as Record<string, unknown>) : verdict(response)
}

describe('claims that become headers', () => {
  it.each([
    ['a text', { sub: 'alice' }, { 'x-user-id': 'alice' }],
    ['ID-11 a letter beyond ASCII', { sub: 'zoë' }, { 'x-user-id': 'zo%C3%AB' }],
    ['ID-12 an emoji', { sub: '😀' }, { 'x-user-id': '%F0%9F%98%80' }],
    ['a percent sign', { sub: '100%C3' }, { 'x-user-id': '100%25C3' }],
    ['a comma in a single text', { sub: 'x,admin' }, { 'x-user-id': 'x%2Cadmin' }],
    ['spaces at the ends', { sub: ' admin ' }, { 'x-user-id': '%20admin%20' }],
    ['spaces inside', { roles: 'a b' }, { 'x-user-roles': 'a b' }],
    ['an array', { roles: ['user', 'editor'] }, { 'x-user-roles': 'user,editor' }],
    ['ID-13 a comma in an element', { roles: ['user', 'x,admin'] }, { 'x-user-roles': 'user,x%2Cadmin' }],
    ['ID-14 one role as text', { roles: 'admin' }, { 'x-user-roles': 'admin' }],
    ['ID-16 a number', { roles: 7 }, { 'x-user-roles': '7' }],
    [
      'ID-40 an array of objects',
      { realm_access: { roles: [{ a: 'b,c' }, 2] } },
      { 'x-realm-roles': '{"a":"b%2Cc"},2' },
    ],
    ['a nested path', { realm_access: { roles: ['x'] } }, { 'x-realm-roles': 'x' }],
    ['booleans, null and fractions in an array', { n: [true, null, 0.1] }, { 'x-n': 'true,null,0.1' }],
    ['ID-18 no sub', { sub: undefined }, { 'x-user-id': undefined, 'x-authenticated': 'true' }],
    ['ID-08 no roles', {}, { 'x-user-roles': undefined }],
    ['an empty array', { roles: [] }, { 'x-user-roles': undefined }],
    ['null', { roles: null }, { 'x-user-roles': undefined }],
  ])('%s', async (_name, claims, expected) => {
    const forged = { 'x-user-id': 'root', 'X-User-Roles': 'root', x_realm_roles: 'root', 'X-N': 'root' }
    const headers = await sent(claims, {}, forged)
    expect(headers).toMatchObject(
      Object.fromEntries(Object.entries(expected).filter(([, value]) => value !== undefined)),
    )
    for (const name of Object.keys(expected))
      expect([name, (headers as Record<string, unknown>)[name]]).toEqual([
        name,
        (expected as Record<string, unknown>)[name],
      ])
    expect(JSON.stringify(headers)).not.toContain('root')
  })

  it.each([
    ['ID-10 CR LF', { sub: 'alice\r\nx-user-roles: admin' }],
    ['ID-20 NUL', { sub: 'a\0b' }],
    ['TAB', { roles: ['a\tb'] }],
    ['DEL', { n: '\x7f' }],
    ['half a surrogate pair', { sub: '\ud800' }],
    ['CR LF in an object’s text', { n: { a: '\r\n' } }, true],
    ['ID-15 roles an object', { roles: { 0: 'admin' } }],
    ['ID-17 sub an object', { sub: { toString: 1 } }],
    ['ID-21 longer than 4 KiB', { n: 'x'.repeat(4097) }],
    ['longer than 4 KiB once encoded', { n: 'ë'.repeat(700) }],
  ])('%s', async (_name, claims, escaped = false) => {
    const result = await sent(claims)
    if (escaped) expect((result as Record<string, string>)['x-n']).toBe('{"a":"\\r\\n"}')
    else expect(result).toBe('401 TOKEN_INVALID')
  })

  it('keeps numbers as they were written where a double would not', async () => {
    app = await guarded({
      ...config,
      propagate_claims: [
        ['big', 'x-big'],
        ['d.list', 'x-list'],
        ['f', 'x-f'],
      ],
    })
    const payload = `{"exp":${now() + 60},"big":12345678901234567890,"d":{"list":[1,9007199254740993]},"f":1.50}`
    const token = forge({ alg: 'HS256' }, payload, SECRET, 'HS256')
    const { headers } = (await app.inject({ url: '/', headers: bearer(token) })).json()
    expect(headers).toMatchObject({ 'x-big': '12345678901234567890', 'x-list': '1,9007199254740993', 'x-f': '1.5' })
  })

  it('can keep arrays apart', async () => {
    app = await guarded({ ...config, propagate_claims_preserve_array: true })
    const { headers } = (await app.inject({ url: '/', headers: bearer(hs256({ roles: ['a', 'b,c'] })) })).json()
    expect(headers['x-user-roles']).toEqual(['a', 'b%2Cc'])
  })

  it('encodes so that an item decodes to the letter', () => {
    for (const text of ['', ' ', 'a b', '%', '%25', ',', 'ü,%', '  x  ', '名前', 'a=b;c']) {
      expect(decodeURIComponent(encodeItem(text))).toBe(text)
      expect(encodeItem(text)).toMatch(/^[\x21-\x7e]?([\x20-\x7e]*[\x21-\x7e])?$/)
    }
    expect(() => encodeItem('\n')).toThrow(UnfitClaim)
  })
})

describe('roles and scopes', () => {
  it.each([
    [
      'a role in a nested array',
      { roles: ['b'], roles_key: 'realm_access.roles', roles_key_is_nested: true },
      { realm_access: { roles: ['a', 'b'] } },
      '200',
    ],
    [
      'dots that do not nest',
      { roles: ['b'], roles_key: 'realm_access.roles' },
      { realm_access: { roles: ['b'] } },
      '403 FORBIDDEN_ROLE',
    ],
    ['a key with dots as it stands', { roles: ['b'], roles_key: 'a.b' }, { 'a.b': ['b'] }, '200'],
    [
      'a URL as key',
      { roles: ['b'], roles_key: 'https://x.test/roles', roles_key_is_nested: true },
      { 'https://x.test/roles': 'a b' },
      '200',
    ],
    ['words between spaces', { roles: ['b'] }, { roles: ' a  b ' }, '200'],
    ['a part of a word', { roles: ['admin'] }, { roles: 'administrator' }, '403 FORBIDDEN_ROLE'],
    ['other case', { roles: ['admin'] }, { roles: ['Admin'] }, '403 FORBIDDEN_ROLE'],
    ['any scope', { scopes: ['r', 'w'] }, { scope: 'w x' }, '200'],
    ['all scopes, one missing', { scopes: ['r', 'w'], scopes_matcher: 'all' }, { scope: 'w x' }, '403 FORBIDDEN_SCOPE'],
    [
      'all scopes in a nested array',
      { scopes: ['r', 'w'], scopes_matcher: 'all', scopes_key: 'a.scp' },
      { a: { scp: ['w', 'r'] } },
      '200',
    ],
    ['A02 role and scope missing', { roles: ['x'], scopes: ['y'] }, {}, '403 FORBIDDEN_ROLE'],
    ['audience all', { audience: ['a', 'b'] }, { aud: ['b', 'a'] }, '200'],
    ['audience all, one missing', { audience: ['a', 'b'] }, { aud: ['b'] }, '401 TOKEN_INVALID'],
    ['audience any', { audience: ['a', 'b'], audience_matcher: 'any' }, { aud: 'b' }, '200'],
    ['a required claim', { claims_to_verify: ['exp', 'email'] }, { email: '' }, '401 TOKEN_INVALID'],
    ['expired and without the role', { roles: ['x'] }, { exp: now() - 60 }, '401 TOKEN_EXPIRED'],
  ])('%s', async (_name, more, claims, expected) => {
    app = await guarded({ secret: SECRET, ...more } as JwtConfig)
    const response = await app.inject({ url: '/', headers: bearer(hs256(claims)) })
    expect(verdict(response)).toBe(expected)
    if (expected === '403 FORBIDDEN_SCOPE') {
      expect(response.headers['www-authenticate']).toBe(
        'Bearer realm="service", error="insufficient_scope", scope="r w"',
      )
    }
    if (expected === '403 FORBIDDEN_ROLE')
      expect(response.headers['www-authenticate']).toBe('Bearer realm="service", error="insufficient_scope"')
  })
})

describe('what reaches the handler and the upstream', () => {
  it('takes the token out of header, cookie and query, and nothing else', async () => {
    app = await guarded({
      secret: SECRET,
      header_names: ['authorization', 'x-token'],
      cookie_key: 'session',
      uri_param_names: ['jwt'],
    })
    const token = hs256()
    const response = await app.inject({
      url: `/?a=1&jwt=${token}&b=2`,
      headers: { ...bearer(token), X_Token: 'twin', cookie: `theme=dark; session=${token}; lang=en` },
    })
    const { headers, query } = response.json()
    expect(headers.authorization).toBe(undefined)
    expect(headers.cookie).toBe('theme=dark; lang=en')
    expect(query).toEqual({ a: '1', b: '2' })
    const basic = await app.inject({ url: '/', headers: { authorization: 'Basic YTpi', cookie: `session=${token}` } })
    expect(basic.json().headers).toMatchObject({ authorization: 'Basic YTpi' })
    expect(basic.json().headers.cookie).toBe(undefined)
  })

  it('leaves it where it is with strip_token: false', async () => {
    app = await guarded({ secret: SECRET, strip_token: false })
    const token = hs256()
    expect((await app.inject({ url: '/', headers: bearer(token) })).json().headers.authorization).toBe(
      `Bearer ${token}`,
    )
  })

  it('tells other functions who it is, by the subject and not by the key of the issuer', async () => {
    app = await guarded({ secret: SECRET })
    app.get('/who', (request) => request.portcullis?.identity)
    const headers = bearer(hs256({ roles: 'a b' }, { kid: 'k1' }))
    const { claims, ...identity } = (await app.inject({ url: '/who', headers })).json()
    expect(identity).toEqual({ kind: 'jwt', subject: 'alice', roles: ['a', 'b'] })
    expect(claims.sub).toBe('alice')
  })

  it('gives every request a user of its own', async () => {
    app = await guarded({ secret: SECRET })
    app.get('/write', (request) => {
      const user = request.user as Record<string, unknown>
      const before = { ...user }
      user.sub = 'mallory'
      return before
    })
    const headers = bearer(hs256({ nested: { a: 1 } }))
    for (let round = 0; round < 3; round++) {
      expect((await app.inject({ url: '/write', headers })).json()).toMatchObject({ sub: 'alice', nested: { a: 1 } })
    }
  })

  it('keeps the client’s headers from routes that need no token, too', async () => {
    app = Fastify()
    await app.register(jwt, config)
    app.get('/open', { config: { extra_config: { 'auth/validator': false } } }, (request) => request.headers)
    const forged = {
      'X-USER-ID': 'admin',
      X_User_Id: 'admin',
      'x.user.id': 'admin',
      'X-Authenticated': 'true',
      x_AUTHENTICATED: 'true',
    }
    const response = await app.inject({ url: '/open', headers: { ...forged, connection: 'x-user-id' } })
    expect(response.statusCode).toBe(200)
    expect(Object.keys(response.json()).filter((name) => /user.id|authenticated/i.test(name))).toEqual([])
  })

  it('stands before 404s, and an endpoint’s block replaces the service’s', async () => {
    app = Fastify()
    await app.register(jwt, config)
    const own = { 'auth/validator': { secret: `${SECRET}!`, roles: ['ops'] } }
    app.get('/own', { config: { extra_config: own } }, () => 'ok')
    expect(verdict(await app.inject('/nowhere'))).toBe('401 TOKEN_MISSING')
    const token = forge({ alg: 'HS256' }, { exp: now() + 60, roles: ['ops'] }, `${SECRET}!`, 'HS256')
    expect(verdict(await app.inject({ url: '/own', headers: bearer(token) }))).toBe('200')
    expect(verdict(await app.inject({ url: '/own', headers: bearer(hs256({ roles: ['ops'] })) }))).toBe(
      '401 TOKEN_INVALID',
    )
    expect(verdict(await app.inject({ url: '/nowhere', headers: bearer(token) }))).toBe('401 TOKEN_INVALID')
  })
})

describe('ID-43 optional, monitor, debug', () => {
  it('optional: no token passes, a wrong one does not', async () => {
    app = await guarded({ ...config, optional: true })
    const anonymous = await app.inject({ url: '/', headers: { 'x-user-id': 'admin' } })
    expect(anonymous.json().user).toBe(null)
    expect(anonymous.json().headers['x-user-id']).toBe(undefined)
    expect(verdict(await app.inject({ url: '/', headers: bearer(`${hs256()}x`) }))).toBe('401 TOKEN_INVALID')
  })

  it('monitor: records, and gives no identity', async () => {
    app = Fastify()
    await app.register(jwt, { ...config, mode: 'monitor' })
    app.get('/', (request) => ({
      decisions: request.portcullis?.decisions,
      user: request.user ?? null,
      headers: request.headers,
    }))
    const response = (await app.inject({ url: '/', headers: bearer(hs256({ exp: now() - 60 })) })).json()
    expect(response.decisions).toMatchObject([
      { code: 'TOKEN_EXPIRED', mode: 'monitor', detail: { reason: 'expired' } },
    ])
    expect(response.user).toBe(null)
    expect(response.headers.authorization).toBe(undefined)
    expect(response.headers['x-authenticated']).toBe(undefined)
  })

  it('says why in the log, and not a letter of the token', async () => {
    const lines: string[] = []
    const stream = new Writable({ write: (chunk, _encoding, done) => done(void lines.push(String(chunk))) })
    app = await guarded(
      { ...config, operation_debug: true, roles: ['secret-role'] },
      { logger: { level: 'trace', stream } },
    )
    const tokens = [
      hs256({ sub: 'secret-subject' }),
      hs256({ sub: 'secret-subject', exp: 1 }),
      `${hs256({ sub: 'secret-subject' })}=`,
    ]
    for (const token of tokens) await app.inject({ url: '/', headers: bearer(token) })
    const log = lines.join('')
    for (const reason of ['role', 'expired', 'form']) expect(log).toContain(`"reason":"${reason}"`)
    for (const part of ['secret-subject', 'eyJ', SECRET, ...tokens]) expect(log).not.toContain(part)
  })
})

describe('a token in the cache', () => {
  afterEach(() => void vi.useRealTimers())

  it('is looked at for its times with every request', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    app = await guarded({ secret: SECRET, maximum_expiration: '60s' })
    const ask = async (token: string) => verdict(await app.inject({ url: '/', headers: bearer(token) }))
    const at = (seconds: number): number => now() + seconds
    const early = hs256({ nbf: at(20), exp: at(50) })
    const long = hs256({ exp: at(80) })
    expect([await ask(early), await ask(long)]).toEqual(['401 TOKEN_INVALID', '401 TOKEN_INVALID'])
    vi.advanceTimersByTime(25_000)
    expect([await ask(early), await ask(long)]).toEqual(['200', '200'])
    vi.advanceTimersByTime(24_000)
    expect([await ask(early), await ask(long)]).toEqual(['200', '200'])
    vi.advanceTimersByTime(2000)
    expect([await ask(early), await ask(long)]).toEqual(['401 TOKEN_EXPIRED', '200'])
    vi.advanceTimersByTime(30_000)
    expect([await ask(early), await ask(long)]).toEqual(['401 TOKEN_EXPIRED', '401 TOKEN_EXPIRED'])
  })
})

it('TK-21, TK-22: two Authorization headers on the wire', async () => {
  app = await guarded({ secret: SECRET })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const ask = async (lines: string[]): Promise<string> => {
    const head = `GET / HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join('')}Connection: close\r\n\r\n`
    return (await exchange(app, head)).slice(9, 12)
  }
  const good = `Authorization: Bearer ${hs256()}`
  expect(await ask([good])).toBe('200')
  expect(await ask([good, 'AUTHORIZATION: Bearer attacker'])).toBe('401')
  expect(await ask(['authorization: Bearer attacker', good])).toBe('401')
  expect(await ask([good, good])).toBe('401')
})
