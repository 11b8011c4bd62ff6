import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Component, Engine, enginesOf, stateOf } from '@portcullis/core'
import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { exchange } from '../../core/test/exchange.ts'
import apiKeys, { type ApiKeysConfig, apiKeys as apiKeysComponent } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'portcullis-keys-'))
afterAll(() => rmSync(folder, { recursive: true }))
let app: FastifyInstance
afterEach(() => app?.close())

const KEYS = [
  { key: 'admin-key-0123456789', id: 'ann', roles: ['admin', 'user'] },
  { key: 'user-key-0123456789', roles: ['user'], client_max_rate: 5 },
]

async function guarded(config: ApiKeysConfig, endpoint?: object | false): Promise<FastifyInstance> {
  const made = Fastify()
  await made.register(apiKeys, config)
  const extra = endpoint === undefined ? {} : { config: { extra_config: { 'auth/api-keys': endpoint } } }
  made.route({
    method: ['GET', 'OPTIONS'],
    url: '/',
    ...extra,
    handler: (request) => ({
      headers: request.headers,
      query: request.query,
      hidden: [...(stateOf(request).hiddenQuery ?? [])],
      identity: stateOf(request).identity ?? null,
    }),
  })
  return made
}

function verdict(response: LightMyRequestResponse): string {
  const { code } = response.statusCode >= 400 ? (response.json() as { code: string }) : {}
  return code === undefined ? String(response.statusCode) : `${response.statusCode} ${code.replace('PORTCULLIS_', '')}`
}
const ask = async (request: object): Promise<string> => verdict(await app.inject({ url: '/', ...request }))
const inHeader: ApiKeysConfig = { keys: KEYS, identifier: 'apikey' }
const inQuery: ApiKeysConfig = { keys: KEYS, strategy: 'query_string', identifier: 'apikey' }
const admin = 'admin-key-0123456789'
const user = 'user-key-0123456789'

describe('keys in a header', () => {
  it('K01, K02: none, or an empty one', async () => {
    app = await guarded({ ...inHeader, realm: 'test-realm' })
    for (const headers of [{}, { apikey: '' }]) {
      const response = await app.inject({ url: '/', headers })
      expect(verdict(response)).toBe('401 KEY_MISSING')
      expect(response.headers['www-authenticate']).toBe('Key realm="test-realm"')
    }
    expect(await ask({ url: `/?apikey=${admin}` })).toBe('401 KEY_MISSING')
  })

  it('K03: an unknown one, a near one, a very long one', async () => {
    app = await guarded(inHeader)
    for (const apikey of [
      'x',
      `${admin} x`,
      admin.slice(1),
      admin.toUpperCase(),
      'x'.repeat(5000),
      `${admin},${user}`,
    ]) {
      expect(await ask({ headers: { apikey } })).toBe('401 KEY_INVALID')
    }
    expect((await app.inject({ url: '/', headers: { apikey: 'x' } })).headers['www-authenticate']).toBe(
      'Key realm="service"',
    )
  })

  it('the right one: identity, roles, rate, and no key upstream', async () => {
    app = await guarded({ ...inHeader, propagate_role: 'X-Role', client_max_rate: 100 })
    const first = (await app.inject({ url: '/', headers: { apikey: admin, x_role: 'root', ApiKey_: 'stays' } })).json()
    expect(first.identity).toEqual({
      kind: 'api-key',
      keyId: 'ann',
      subject: 'ann',
      roles: ['admin', 'user'],
      maxRate: 100,
    })
    expect(first.headers).toMatchObject({ 'x-role': 'admin,user' })
    expect(JSON.stringify(first)).not.toMatch(/admin-key|root/)
    const second = (await app.inject({ url: '/', headers: { apikey: user } })).json()
    expect(second.identity).toMatchObject({ kind: 'api-key', roles: ['user'], maxRate: 5 })
    expect(second.identity.keyId).toMatch(/^[0-9a-f]{12}$/)
  })

  it('stays with hide_credentials: false', async () => {
    app = await guarded({ ...inHeader, hide_credentials: false })
    expect((await app.inject({ url: '/', headers: { apikey: admin } })).json().headers.apikey).toBe(admin)
  })

  it('K16: the name is the name; a twin with _ is no key, and does not reach the upstream', async () => {
    app = await guarded({ keys: KEYS, identifier: 'api-key' })
    expect(await ask({ headers: { api_key: admin } })).toBe('401 KEY_MISSING')
    const { headers } = (await app.inject({ url: '/', headers: { 'api-key': admin, api_key: 'twin' } })).json()
    expect(JSON.stringify(headers)).not.toMatch(/twin|admin-key/)
  })

  it('in Authorization: Bearer, ApiKey or alone; other schemes are left alone', async () => {
    app = await guarded({ keys: KEYS })
    for (const [authorization, expected] of [
      [`Bearer ${admin}`, '200'],
      [`ApiKey ${admin}`, '200'],
      [admin, '200'],
      ['Bearer wrong', '401 KEY_INVALID'],
      ['Bearer', '401 KEY_MISSING'],
      ['Bearer ', '401 KEY_MISSING'],
      ['Basic YTpi', '401 KEY_MISSING'],
    ]) {
      expect([authorization, await ask({ headers: { authorization } })]).toEqual([authorization, expected])
    }
    expect((await app.inject({ url: '/', headers: { authorization: admin } })).json().headers.authorization).toBe(
      undefined,
    )
  })

  it('twice on the wire is no key', async () => {
    app = await guarded({ keys: KEYS })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const answer = await exchange(
      app,
      `GET / HTTP/1.1\r\nHost: a\r\nAuthorization: ${admin}\r\nauthorization: ${user}\r\nConnection: close\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 401[\s\S]*KEY_INVALID/)
  })
})

describe('keys in the query', () => {
  it('K04, K06, K08, K09, K12, K13', async () => {
    app = await guarded(inQuery)
    for (const [url, expected] of [
      [`/?apikey=${admin}`, '200'],
      [`/?api%6B%65%79=${admin}`, '200'],
      ['/?apikey=', '401 KEY_MISSING'],
      ['/?apikey', '401 KEY_MISSING'],
      ['/?apikey=wrong', '401 KEY_INVALID'],
      [`/?apikey=${admin}&apikey=${admin}`, '401 KEY_INVALID'],
      [`/?apikey=${admin}&api%6Bey=${user}`, '401 KEY_INVALID'],
      [`/?apikey[]=${admin}`, '401 KEY_MISSING'],
      [`/?apikey[1]=${admin}`, '401 KEY_MISSING'],
      ['/?apikey=%zz', '401 KEY_INVALID'],
    ]) {
      expect([url, await ask({ url, headers: { apikey: 'wrong' } })]).toEqual([url, expected])
    }
    const response = (await app.inject(`/?c=1&b=2&apikey=${admin}&a=3`)).json()
    expect(response.query).toEqual({ c: '1', b: '2', a: '3' })
    expect(response.hidden).toEqual(['apikey'])
  })
})

describe('roles and endpoints', () => {
  it('A01, A02, A03, A06, A09: an endpoint asks for roles, with the service’s keys', async () => {
    app = await guarded({ ...inHeader, propagate_role: 'x-role' }, { roles: ['admin', 'ops'], client_max_rate: 2 })
    expect(await ask({})).toBe('401 KEY_MISSING')
    expect(await ask({ headers: { apikey: user, 'x-role': 'admin' } })).toBe('403 FORBIDDEN_ROLE')
    const { headers, identity } = (await app.inject({ url: '/', headers: { apikey: admin, 'X-ROLE': 'root' } })).json()
    expect(headers['x-role']).toBe('admin')
    expect(identity.maxRate).toBe(2)
  })

  it('an endpoint may look elsewhere for the key', async () => {
    app = await guarded(inHeader, { strategy: 'query_string', identifier: 'k', roles: ['user'] })
    expect(await ask({ url: `/?k=${user}` })).toBe('200')
    expect(await ask({ headers: { apikey: user } })).toBe('401 KEY_MISSING')
    expect((await app.inject({ url: '/nowhere', headers: { apikey: user } })).statusCode).toBe(404)
  })

  it('an endpoint may be public, and still no client can forge the role header', async () => {
    app = await guarded({ ...inHeader, propagate_role: 'x-role' }, false)
    const response = await app.inject({ url: '/', headers: { X_Role: 'admin' } })
    expect(response.statusCode).toBe(200)
    expect(response.body).not.toContain('admin')
    expect(verdict(await app.inject('/nowhere'))).toBe('401 KEY_MISSING')
  })

  it('K17: OPTIONS', async () => {
    const preflight = { origin: 'https://a.test', 'access-control-request-method': 'PUT' }
    for (const [run, plain, real] of [
      [undefined, '401 KEY_MISSING', '200'],
      [false, '200', '200'],
      [true, '401 KEY_MISSING', '401 KEY_MISSING'],
    ] as const) {
      app = await guarded(run === undefined ? inHeader : { ...inHeader, run_on_preflight: run })
      expect([run, await ask({ method: 'OPTIONS' })]).toEqual([run, plain])
      expect([run, await ask({ method: 'OPTIONS', headers: preflight })]).toEqual([run, real])
      await app.close()
    }
  })

  it('monitor: records, and names nobody', async () => {
    app = await guarded({ ...inHeader, mode: 'monitor' })
    expect((await app.inject({ url: '/', headers: { apikey: 'wrong' } })).json()).toMatchObject({ identity: null })
  })
})

describe('hashed at rest', () => {
  it.each(['sha256', 'sha512', 'sha1'] as const)('%s with salt', async (hash) => {
    const key = createHash(hash).update(`pepper${admin}`).digest('hex')
    app = await guarded({ keys: [{ key: key.toUpperCase() }], hash, salt: 'pepper', identifier: 'apikey' })
    expect(await ask({ headers: { apikey: admin } })).toBe('200')
    expect(await ask({ headers: { apikey: key } })).toBe('401 KEY_INVALID')
    expect(await ask({ headers: { apikey: `pepper${admin}` } })).toBe('401 KEY_INVALID')
  })

  it('keys of a file come and go with it; a broken file changes nothing', async () => {
    const path = join(folder, 'keys.json')
    const write = async (content: unknown): Promise<void> => {
      writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
      await enginesOf(app)[0]?.reload()
    }
    writeFileSync(path, JSON.stringify([{ key: 'from-file' }]))
    app = await guarded({ ...inHeader, keys_file: path })
    expect(await ask({ headers: { apikey: 'from-file' } })).toBe('200')
    expect(await ask({ headers: { apikey: admin } })).toBe('200')
    await write('{ broken')
    expect(await ask({ headers: { apikey: 'from-file' } })).toBe('200')
    await write({ keys: [{ key: 'another', '@description': 'a comment' }] })
    expect(await ask({ headers: { apikey: 'from-file' } })).toBe('401 KEY_INVALID')
    expect(await ask({ headers: { apikey: 'another' } })).toBe('200')
  })
})

describe('mistakes are found at start', () => {
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  it.each<[string, () => object, RegExp]>([
    ['no keys', () => ({}), /no key is stated/],
    ['an empty list', () => ({ keys: [] }), /no key is stated/],
    [
      'a key twice',
      () => ({ keys: [{ key: 'abc' }, { key: 'abc' }] }),
      /\.keys\[1\]\.key: is the key of \.keys\[0\] again/,
    ],
    [
      'a hash that is none',
      () => ({ hash: 'sha256', keys: [{ key: 'super-secret' }] }),
      /expected 64 hexadecimal digits/,
    ],
    ['the weak hash of KrakenD', () => ({ hash: 'fnv128', keys: KEYS }), /\.hash: expected one of/],
    ['salt without hash', () => ({ ...inHeader, salt: 'x' }), /\.salt: has no meaning/],
    ['a misspelt field', () => ({ ...inHeader, identifer: 'x' }), /did you mean "identifier"/],
    ['a key with a line break', () => ({ keys: [{ key: 'super-secret\n' }] }), /\.keys\[0\]\.key: expected a key/],
    ['a role with a comma', () => ({ keys: [{ key: 'abc', roles: ['a,b'] }] }), /a role of printable ASCII/],
    ['a rate of 0', () => ({ ...inHeader, client_max_rate: 0 }), /client_max_rate/],
    ['a reserved header', () => ({ ...inHeader, propagate_role: 'Content_Length' }), /is reserved/],
    ['the header of the key', () => ({ ...inHeader, propagate_role: 'ApiKey' }), /is the header with the key/],
    ['a header that is none', () => ({ keys: KEYS, identifier: 'a[]' }), /is no header name/],
    ['a file that is not there', () => ({ keys_file: join(folder, 'none') }), /keys_file: does not exist/],
    ['a file that is no JSON', () => ({ keys_file: file('a', 'super-secret') }), /keys_file: is no JSON/],
    ['a file without a list', () => ({ keys_file: file('b', '{}') }), /holds no list of keys/],
    [
      'a file with a misspelt field',
      () => ({ keys_file: file('c', '[{"key":"super-secret","rolls":[]}]') }),
      /keys\[0\]\.rolls: unknown field/,
    ],
    [
      'a file with a key that is none',
      () => ({ keys_file: file('d', '[{"key":"super-secret\\n"}]') }),
      /keys\[0\]\.key: expected a key/,
    ],
  ])('%s', async (_name, config, message) => {
    app = Fastify()
    const found = await app.register(apiKeys, config() as ApiKeysConfig).then(
      () => '',
      (error: Error) => error.message,
    )
    expect(found).toMatch(message)
    expect(found).not.toContain('super-secret')
    app = Fastify()
  })

  it('an endpoint without the service’s keys', async () => {
    app = Fastify()
    new Engine(app, { components: [apiKeysComponent as Component], blocks: new Map() })
    app.get('/', { config: { extra_config: { 'auth/api-keys': { roles: ['admin'] } } } }, () => 'ok')
    await expect(app.ready()).rejects.toThrow(/route GET \/: .*needs the service’s block "auth\/api-keys"/)
    app = Fastify()
  })

  it('keys at an endpoint', async () => {
    app = await guarded(inHeader, { keys: KEYS })
    await expect(app.ready()).rejects.toThrow(/\.keys: unknown field/)
    app = Fastify()
  })
})
