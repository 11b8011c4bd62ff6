import { execFileSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import type { RequestListener, ServerResponse } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import jwt, { type JwtConfig } from '../src/index.ts'
import { bearer, forge, guarded, hs256, jwk, now, pair, rs256, SECRET, serve, verdict } from './support.ts'

const folder = mkdtempSync(join(tmpdir(), 'portcullis-jwks-'))
afterAll(() => rmSync(folder, { recursive: true }))

let keys: object[]
let fetches: number
let answer: (response: ServerResponse) => void
let provider: Awaited<ReturnType<typeof serve>>
let app: FastifyInstance
const listener: RequestListener = (_request, response) => {
  fetches++
  answer(response)
}
beforeAll(async () => {
  provider = await serve(listener)
})
afterAll(() => provider.close())
beforeEach(() => {
  keys = [jwk('rsa')]
  fetches = 0
  answer = (response) => response.end(JSON.stringify({ keys }))
})
afterEach(() => app?.close())

const remote = (more: object = {}): JwtConfig => ({ jwk_url: provider.url, disable_jwk_security: true, ...more })
const ask = async (token: string, url = '/'): Promise<string> =>
  verdict(await app.inject({ url, headers: bearer(token) }))

/** Waits until something is so; fails after two seconds. */
async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  for (const start = Date.now(); Date.now() - start < 2000; ) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('it did not come')
}

describe('a provider that works', () => {
  it('JW-10: fetched once, whoever asks', async () => {
    app = await guarded(remote())
    app.get('/own', { config: { extra_config: { 'auth/validator': remote({ roles: ['x'] }) } } }, () => 'ok')
    const asked = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(rs256('rsa', { jti: `${i}` }))))
    expect(new Set(asked)).toEqual(new Set(['200']))
    expect(await ask(rs256('rsa'), '/own')).toBe('403 FORBIDDEN_ROLE')
    expect(fetches).toBe(1)
  })

  it('JW-02: unknown key ids cost one fetch per cooldown', async () => {
    app = await guarded(remote())
    const asked = await Promise.all(
      Array.from({ length: 100 }, (_, i) => ask(rs256('rsa', {}, { kid: `random-${i}` }))),
    )
    expect(new Set(asked)).toEqual(new Set(['401 TOKEN_INVALID']))
    expect(fetches).toBe(2)
    expect(await ask(rs256('rsa'))).toBe('200')
  })

  it('picks up a new key with the first token that names it', async () => {
    app = await guarded(remote())
    expect(await ask(rs256('rsa'))).toBe('200')
    keys = [jwk('rsa'), jwk('rsa:two')]
    expect(await ask(rs256('rsa:two'))).toBe('200')
    expect(await ask(rs256('rsa'))).toBe('200')
  })

  it('looks again when a fetch was under way before the key was published', async () => {
    app = await guarded(remote({ failed_jwk_key_cooldown: 0 }))
    const held: ServerResponse[] = []
    const before = JSON.stringify({ keys })
    answer = (response) => void held.push(response)
    const stranger = ask(rs256('rsa', {}, { kid: 'stranger' }))
    await until(() => held.length === 1)
    keys = [jwk('rsa'), jwk('rsa:two')]
    const newcomer = ask(rs256('rsa:two'))
    answer = (response) => response.end(JSON.stringify({ keys }))
    held[0]?.end(before)
    expect(await newcomer).toBe('200')
    expect(await stranger).toBe('401 TOKEN_INVALID')
  })

  it('JW-09: a key that is gone takes its tokens with it, cached or not', async () => {
    app = await guarded(remote({ cache_duration: '200ms' }))
    keys = [jwk('rsa'), jwk('rsa:two')]
    const token = rs256('rsa')
    const other = rs256('rsa:two')
    await until(async () => (await ask(other)) === '200')
    expect(await ask(token)).toBe('200')
    keys = [jwk('rsa:two')]
    await until(async () => (await ask(token)) === '401 TOKEN_INVALID')
    expect(await ask(other)).toBe('200')
  })

  it('JW-12: a token without kid fits keys without kid only', async () => {
    app = await guarded(remote())
    const token = rs256('rsa', {}, { kid: undefined })
    expect(await ask(token)).toBe('401 TOKEN_INVALID')
    await app.close()
    keys = [jwk('rsa:two', { kid: undefined }), jwk('rsa', { kid: undefined })]
    app = await guarded(remote())
    expect(await ask(token)).toBe('200')
  })

  it('JW-13: two keys with one kid are told apart by type', async () => {
    keys = [jwk('ec256', { kid: 'same' }), jwk('rsa', { kid: 'same' })]
    app = await guarded(remote())
    app.get('/ec', { config: { extra_config: { 'auth/validator': remote({ alg: 'ES256' }) } } }, () => 'ok')
    const es256 = forge({ alg: 'ES256', kid: 'same' }, { exp: now() + 60 }, pair('ec256').privateKey, 'ES256')
    expect(await ask(rs256('rsa', {}, { kid: 'same' }))).toBe('200')
    expect(await ask(es256, '/ec')).toBe('200')
    expect(await ask(es256)).toBe('401 TOKEN_INVALID')
    expect(fetches).toBe(1)
  })

  it.each<[string, () => object, string]>([
    ['JW-11 an oct key', () => ({ kty: 'oct', kid: 'k', k: Buffer.from(SECRET).toString('base64url') }), 'HS256'],
    ['JW-11 use enc', () => jwk('rsa', { kid: 'k', use: 'enc' }), 'RS256'],
    ['key_ops without verify', () => jwk('rsa', { kid: 'k', key_ops: ['encrypt'] }), 'RS256'],
    ['another alg', () => jwk('rsa', { kid: 'k', alg: 'RS512' }), 'RS256'],
    ['JW-14 1024 bits', () => jwk('rsa1024', { kid: 'k' }), 'RS256'],
    ['JW-14 e = 1', () => jwk('rsa', { kid: 'k', e: 'AQ' }), 'RS256'],
    ['JW-14 e even', () => jwk('rsa', { kid: 'k', e: 'AQAA' }), 'RS256'],
    ['JW-15 a private key', () => ({ ...pair('rsa').privateKey.export({ format: 'jwk' }), kid: 'k' }), 'RS256'],
    ['no key at all', () => ({ kid: 'k', kty: 'RSA' }), 'RS256'],
    ['a kid that is no text', () => jwk('rsa', { kid: 7 }), 'RS256'],
  ])('%s is not used', async (_name, key, alg) => {
    keys = [key(), jwk('rsa:good')]
    app = await guarded(remote())
    const signer = alg === 'HS256' ? SECRET : pair('rsa').privateKey
    expect(await ask(forge({ alg, kid: 'k' }, { exp: now() + 60 }, signer, alg))).toBe('401 TOKEN_INVALID')
    expect(await ask(rs256('rsa:good'))).toBe('200')
  })

  it('takes symmetric keys of a set for an HS algorithm, if they are long enough', async () => {
    const oct = (kid: string, secret: string): object => ({
      kty: 'oct',
      kid,
      k: Buffer.from(secret).toString('base64url'),
    })
    keys = [oct('long', SECRET), oct('short', 'changeme')]
    app = await guarded(remote({ alg: 'HS256' }))
    expect(await ask(hs256({}, { kid: 'long' }))).toBe('200')
    expect(await ask(forge({ alg: 'HS256', kid: 'short' }, { exp: now() + 60 }, 'changeme', 'HS256'))).toBe(
      '401 TOKEN_INVALID',
    )
  })

  it('JW-17: two issuers with the same kid do not vouch for each other', async () => {
    const second = await serve((_request, response) =>
      response.end(JSON.stringify({ keys: [jwk('rsa:two', { kid: 'same' })] })),
    )
    keys = [jwk('rsa', { kid: 'same' })]
    const at = (issuer: string, url: string): object => ({ issuer, jwk_url: url, disable_jwk_security: true })
    app = await guarded({ issuers: [at('a', provider.url), at('b', second.url)] } as JwtConfig)
    const token = (name: string, iss: string): string => rs256(name, { iss }, { kid: 'same' })
    expect(await ask(token('rsa', 'a'))).toBe('200')
    expect(await ask(token('rsa:two', 'b'))).toBe('200')
    expect(await ask(token('rsa', 'b'))).toBe('401 TOKEN_INVALID')
    expect(await ask(token('rsa:two', 'a'))).toBe('401 TOKEN_INVALID')
    second.close()
  })

  it('JW-01: what a token says of its issuer is never fetched', async () => {
    let asked = 0
    const attacker = await serve((_request, response) => {
      asked++
      response.end(JSON.stringify({ keys: [jwk('rsa:evil')] }))
    })
    app = await guarded({ issuers: [{ issuer: 'a', ...remote() }] } as JwtConfig)
    const token = rs256('rsa:evil', { iss: attacker.url }, { jku: attacker.url, x5u: attacker.url })
    expect(await ask(token)).toBe('401 TOKEN_INVALID')
    expect(asked).toBe(0)
    attacker.close()
  })

  it('finds keys by thumbprint', async () => {
    keys = [jwk('rsa', { x5t: 'thumb', kid: 'k' }), jwk('rsa:two', { 'x5t#S256': 'long', kid: 'k' })]
    app = await guarded(remote({ key_identify_strategy: 'x5t' }))
    for (const [strategy, url] of [
      ['x5t#S256', '/256'],
      ['kid_x5t', '/both'],
    ] as const) {
      app.get(
        url,
        { config: { extra_config: { 'auth/validator': remote({ key_identify_strategy: strategy }) } } },
        () => 'ok',
      )
    }
    expect(await ask(rs256('rsa', {}, { kid: 'any', x5t: 'thumb' }))).toBe('200')
    expect(await ask(rs256('rsa', {}, { kid: 'any', x5t: 'other' }))).toBe('401 TOKEN_INVALID')
    expect(await ask(rs256('rsa:two', {}, { 'x5t#S256': 'long' }), '/256')).toBe('200')
    expect(await ask(rs256('rsa', {}, { kid: 'k', x5t: 'thumb' }), '/both')).toBe('200')
  })
})

describe('a provider in trouble', () => {
  let sent = 0
  const TROUBLE: Record<string, (response: ServerResponse) => void> = {
    'JW-03 never answers': () => undefined,
    'never ends its answer': (response) => void response.write('{"keys":['),
    'JW-05 sends too much': (response) => {
      const chunk = Buffer.alloc(65_536, 32)
      const more = (): void => {
        do sent += chunk.length
        while (!response.destroyed && response.write(chunk))
      }
      response.on('drain', more).on('error', () => undefined)
      more()
    },
    'JW-06 sends a page': (response) => response.end('<html>'),
    'sends other JSON': (response) => response.end('[]'),
    'sends a set without keys': (response) => response.end('{"keys":[]}'),
    'sends a thousand keys': (response) => response.end(JSON.stringify({ keys: Array(1000).fill(jwk('rsa')) })),
    'answers 500': (response) => response.writeHead(500).end('{}'),
    'JW-07 redirects': (response) => response.writeHead(302, { location: `${provider.url}/other` }).end(),
    'sends compressed bytes': (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
    'JW-04 closes the connection': (response) => response.destroy(),
  }
  it.each(Object.entries(TROUBLE))('%s', async (_name, trouble) => {
    answer = trouble
    sent = 0
    const start = Date.now()
    app = await guarded(remote({ jwk_timeout: '150ms' }))
    const response = await app.inject({ url: '/', headers: bearer(rs256('rsa')) })
    expect(verdict(response)).toBe('503 KEYS_UNAVAILABLE')
    expect(response.body).not.toMatch(/127\.0\.0\.1|JSON|ECONN|timeout/)
    expect(Date.now() - start).toBeLessThan(2000)
    // One MiB is read; the rest are buffers of the two sockets.
    expect(sent).toBeLessThan(16 * 1024 * 1024)
    expect(fetches).toBe(1)
    // Without a token the request is refused as such, and a token that is none needs no keys to be called wrong.
    expect(verdict(await app.inject('/'))).toBe('401 TOKEN_MISSING')
    expect(await ask('nonsense')).toBe('401 TOKEN_INVALID')
  })

  it('is asked again later, and then all is well', async () => {
    answer = (response) => response.destroy()
    app = await guarded(remote())
    expect(await ask(rs256('rsa'))).toBe('503 KEYS_UNAVAILABLE')
    answer = (response) => response.end(JSON.stringify({ keys }))
    await until(async () => (await ask(rs256('rsa'))) === '200')
  })

  it('JW-08: stale keys go on working, and nobody waits for a provider that is known to be down', async () => {
    app = await guarded(remote({ cache_duration: '100ms', jwk_timeout: '150ms' }))
    expect(await ask(rs256('rsa'))).toBe('200')
    answer = () => undefined
    await until(() => fetches > 1 || ask(rs256('rsa')).then(() => false))
    await until(async () => {
      const start = Date.now()
      const answered = await ask(rs256('rsa', { jti: String(start) }))
      expect(answered).toBe('200')
      return fetches > 1 && Date.now() - start < 50
    })
  })

  it('drops keys that are too old', async () => {
    app = await guarded(remote({ cache_duration: '50ms', jwk_max_stale: '50ms' }))
    const token = rs256('rsa')
    expect(await ask(token)).toBe('200')
    answer = (response) => response.destroy()
    await until(async () => (await ask(token)) === '503 KEYS_UNAVAILABLE')
  })
})

describe('a key set in a file', () => {
  it('is read again when it changes, and kept when it breaks', async () => {
    const path = join(folder, 'jwks.json')
    const write = (text: string): void => {
      writeFileSync(`${path}.new`, text)
      renameSync(`${path}.new`, path)
    }
    write(JSON.stringify({ keys: [jwk('rsa')] }))
    app = await guarded({ jwk_local_path: path })
    const token = rs256('rsa')
    expect(await ask(token)).toBe('200')
    expect(await ask(rs256('rsa:two'))).toBe('401 TOKEN_INVALID')
    write('{ broken')
    const engine = (await import('@portcullis/core')).enginesOf(app)[0]!
    await engine.reload()
    expect(await ask(token)).toBe('200')
    write(JSON.stringify({ keys: [jwk('rsa:two')] }))
    await until(async () => (await ask(token)) === '401 TOKEN_INVALID')
    expect(await ask(rs256('rsa:two'))).toBe('200')
    expect(await engine.healthy()).toBe(true)
  })
})

describe('TLS', () => {
  let server: TlsServer
  let url: string
  let pin: string
  const ca = join(folder, 'ca.pem')
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  beforeAll(async () => {
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-subj',
      '/CN=test CA',
      '-days',
      '2',
    )
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'tls.key', '-out', 'tls.csr', '-subj', '/CN=localhost')
    writeFileSync(join(folder, 'ext'), 'subjectAltName=DNS:localhost')
    openssl(
      'x509',
      '-req',
      '-in',
      'tls.csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      'ext',
      '-out',
      'tls.pem',
    )
    const read = (name: string): string => execFileSync('cat', [join(folder, name)], { encoding: 'utf8' })
    server = createTlsServer({ key: read('tls.key'), cert: read('tls.pem') + read('ca.pem') }, listener)
    await new Promise<void>((resolve) => server.listen(0, resolve))
    url = `https://localhost:${(server.address() as AddressInfo).port}/`
    const spki = new X509Certificate(read('ca.pem')).publicKey.export({ type: 'spki', format: 'der' })
    pin = createHash('sha256').update(spki).digest('base64url')
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  it.each<[string, () => object, string]>([
    ['the own CA', () => ({ jwk_local_ca: ca }), '200'],
    [
      'the own CA and the fingerprint of any certificate in the chain',
      () => ({ jwk_local_ca: ca, jwk_fingerprints: [pin] }),
      '200',
    ],
    [
      'another fingerprint',
      () => ({ jwk_local_ca: ca, jwk_fingerprints: [createHash('sha256').digest('base64')] }),
      '503 KEYS_UNAVAILABLE',
    ],
    ['the right fingerprint without the CA', () => ({ jwk_fingerprints: [pin] }), '503 KEYS_UNAVAILABLE'],
    ['an unknown CA', () => ({}), '503 KEYS_UNAVAILABLE'],
    ['an unknown CA with disable_jwk_security', () => ({ disable_jwk_security: true }), '503 KEYS_UNAVAILABLE'],
    [
      'another host name',
      () => ({ jwk_local_ca: ca, jwk_url: url.replace('localhost', '127.0.0.1') }),
      '503 KEYS_UNAVAILABLE',
    ],
  ])('%s', async (_name, config, expected) => {
    app = await guarded({ jwk_url: url, ...config() })
    expect(await ask(rs256('rsa'))).toBe(expected)
  })
})

it('does not let the start wait for a provider for longer than its timeout, nor fail', async () => {
  answer = () => undefined
  app = Fastify()
  const start = Date.now()
  await app.register(jwt, remote({ jwk_timeout: '200ms' }))
  await app.ready()
  expect(Date.now() - start).toBeLessThan(1000)
})
