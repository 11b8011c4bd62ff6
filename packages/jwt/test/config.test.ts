import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import jwt, { type JwtConfig } from '../src/index.ts'
import { bearer, guarded, jwk, pair, pem, rs256, SECRET, verdict } from './support.ts'

const folder = mkdtempSync(join(tmpdir(), 'portcullis-jwt-'))
const file = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
beforeAll(() => void file('jwks.json', JSON.stringify({ keys: [jwk('rsa')] })))
afterAll(() => rmSync(folder, { recursive: true }))

/** What the start says of a configuration. */
async function mistakes(config: object): Promise<string> {
  const app = Fastify()
  try {
    await app.register(jwt, config as JwtConfig)
    return ''
  } catch (error) {
    return (error as Error).message
  } finally {
    await app.close()
  }
}

const secret = { secret: SECRET }
const url = { jwk_url: 'https://id.test/jwks' }

describe('mistakes are found at start', () => {
  it.each<[name: string, config: () => object, message: RegExp]>([
    ['no key', () => ({ alg: 'RS256' }), /one source of keys is needed/],
    ['two keys', () => ({ ...secret, ...url }), /stated are "jwk_url" and "secret"/],
    ['alg none', () => ({ alg: 'none', ...secret }), /\.alg: expected one of/],
    ['a misspelt field', () => ({ ...secret, issuerr: 'x' }), /did you mean "issuer/],
    ['TK-45 an empty secret', () => ({ secret: '' }), /not empty/],
    ['TK-45 a blank secret', () => ({ secret: '  '.repeat(40) }), /\.secret: is empty/],
    ['TK-46 a short secret', () => ({ secret: 'changeme' }), /\.secret: has 8 bytes, but HS256 needs at least 32/],
    ['a secret too short for HS512', () => ({ alg: 'HS512', secret: 'x'.repeat(63) }), /needs at least 64/],
    ['a secret that is no base64', () => ({ secret: '!'.repeat(60), secret_is_base64: true }), /is not base64/],
    ['a secret with RS256', () => ({ alg: 'RS256', ...secret }), /a secret needs an HS algorithm/],
    ['a public key with HS256', () => ({ alg: 'HS256', public_key: pem('rsa') }), /whoever knows it could sign/],
    ['TK-47 RSA with 1024 bits', () => ({ public_key: pem('rsa1024') }), /has 1024 bits/],
    ['a key on another curve', () => ({ alg: 'ES256', public_key: pem('ec384') }), /on the curve secp384r1/],
    ['an RSA key with EdDSA', () => ({ alg: 'EdDSA', public_key: pem('rsa') }), /of the type rsa/],
    [
      'a private key',
      () => ({ public_key: pair('rsa').privateKey.export({ type: 'pkcs8', format: 'pem' }) }),
      /is a private key/,
    ],
    [
      'no PEM',
      () => ({ public_key: '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----' }),
      /is no public key/,
    ],
    ['a file that is not there', () => ({ public_key: 'none.pem' }), /ENOENT/],
    ['a key set that is not there', () => ({ jwk_local_path: join(folder, 'none') }), /ENOENT/],
    ['a key set that is none', () => ({ jwk_local_path: file('broken', '<html>') }), /not a JWK set/],
    [
      'a key set without a fitting key',
      () => ({ alg: 'ES256', jwk_local_path: join(folder, 'jwks.json') }),
      /has no key for ES256/,
    ],
    [
      'JW-15 a key set of private keys',
      () => ({
        jwk_local_path: file('private', JSON.stringify({ keys: [pair('rsa').privateKey.export({ format: 'jwk' })] })),
      }),
      /is a private key: whoever publishes it/,
    ],
    ['JW-16 http', () => ({ jwk_url: 'http://id.test/jwks' }), /must be https/],
    ['JW-16 file', () => ({ jwk_url: 'file:///etc/passwd', disable_jwk_security: true }), /expected an https URL/],
    ['JW-16 unix', () => ({ jwk_url: 'unix:/run/x' }), /expected an https URL/],
    ['JW-16 a link-local address', () => ({ jwk_url: 'https://169.254.169.254/' }), /link-local/],
    ['JW-16 a link-local address, v6', () => ({ jwk_url: 'https://[fe80::1]/' }), /link-local/],
    ['no URL', () => ({ jwk_url: 'jwks' }), /expected a URL/],
    ['a password in the URL', () => ({ jwk_url: 'https://a:b@id.test/' }), /no user name or password/],
    [
      'a CA with http',
      () => ({ jwk_url: 'http://id.test', disable_jwk_security: true, jwk_local_ca: 'x' }),
      /protects nothing/,
    ],
    ['a CA that is not there', () => ({ ...url, jwk_local_ca: join(folder, 'none') }), /does not exist/],
    ['a CA that is none', () => ({ ...url, jwk_local_ca: file('ca', 'x') }), /holds no certificate/],
    [
      'a fingerprint of 3 bytes',
      () => ({ ...url, jwk_fingerprints: ['AAAA'] }),
      /jwk_fingerprints\[0\]: expected base64url of 32/,
    ],
    [
      'fingerprints without jwk_url',
      () => ({ ...secret, jwk_fingerprints: ['AAAA'] }),
      /has a meaning with "jwk_url" only/,
    ],
    ['issuers and a key', () => ({ ...secret, issuers: [{ issuer: 'a', ...secret }] }), /belongs into the entries/],
    [
      'two entries for one issuer',
      () => ({
        issuers: [
          { issuer: 'a', ...secret },
          { issuer: 'a', ...secret },
        ],
      }),
      /same tokens as issuers\[0\]/,
    ],
    ['an entry for nobody', () => ({ issuers: [secret] }), /issuers\[0\]: field "issuer" is missing/],
    [
      'an entry without its key',
      () => ({ key_claim_name: 'kid', issuers: [{ issuer: 'a', ...secret }] }),
      /field "key" is missing/,
    ],
    [
      'a weak key in an entry',
      () => ({ issuers: [{ issuer: 'a', secret: 'x' }] }),
      /issuers\[0\]\.secret: has 1 bytes/,
    ],
    ['ID-41 a reserved header', () => ({ ...secret, propagate_claims: [['sub', 'Host']] }), /"Host" is reserved/],
    [
      'ID-41 a folded reserved header',
      () => ({ ...secret, propagate_claims: [['sub', 'content_length']] }),
      /is reserved/,
    ],
    ['ID-41 a pseudo-header', () => ({ ...secret, propagate_claims: [['sub', ':path']] }), /is no header name/],
    ['a header with a line break', () => ({ ...secret, propagate_claims: [['sub', 'x\r\ny']] }), /is no header name/],
    [
      'the header of the token',
      () => ({ ...secret, auth_header_name: 'x-token', propagate_claims: [['sub', 'X_Token']] }),
      /holds the token/,
    ],
    [
      'ID-42 two claims, one header',
      () => ({
        ...secret,
        propagate_claims: [
          ['sub', 'x-user-id'],
          ['a', 'X_User_ID'],
        ],
      }),
      /are one header/,
    ],
    [
      'a claim and x-authenticated',
      () => ({ ...secret, inject_authenticated_header: true, propagate_claims: [['a', 'X_Authenticated']] }),
      /are one header/,
    ],
    ['a pair of three', () => ({ ...secret, propagate_claims: [['a', 'b', 'c']] }), /expected a pair/],
    ['TK-51 endless leeway', () => ({ ...secret, leeway: Number.POSITIVE_INFINITY }), /leeway: must be finite/],
    ['leeway of an hour', () => ({ ...secret, leeway: '1h' }), /longer than 10m/],
    ['leeway without a unit', () => ({ ...secret, leeway: '60' }), /expected a duration/],
    ['a lifetime of two years', () => ({ ...secret, maximum_expiration: 63_072_000 }), /longer than a year/],
    ['keys for no time', () => ({ ...url, cache_duration: 0 }), /must be more than 0/],
    ['no roles', () => ({ ...secret, roles: [] }), /at least one entry/],
    ['an unknown matcher', () => ({ ...secret, scopes: ['a'], scopes_matcher: 'ALL' }), /did you mean "all"/],
    ['a scope with a quote', () => ({ ...secret, scopes: ['a"'] }), /scope without/],
    ['a realm with a quote', () => ({ ...secret, realm: 'a"b' }), /printable ASCII/],
    [
      'both ways to name the header',
      () => ({ ...secret, auth_header_name: 'a', header_names: ['b'] }),
      /state one of the two/,
    ],
  ])('%s', async (_name, config, message) => {
    const found = await mistakes(config())
    expect(found).toMatch(message)
    expect(found).not.toContain(SECRET)
  })

  it('finds all of them at once', async () => {
    expect(await mistakes({ secret: 'short', leeway: '1h', propagate_claims: [['a', 'host']] })).toMatch(/3 mistakes/)
  })
})

describe('what is taken', () => {
  it('old field names and the old namespace', async () => {
    const app = Fastify()
    await app.register(jwt, { public_key: pem('rsa') })
    const block = {
      alg: 'RS256',
      jwk_local_path: join(folder, 'jwks.json'),
      'propagate-claims': [['sub', 'x-user']],
      cache: true,
    }
    app.get(
      '/',
      { config: { extra_config: { 'github.com/devopsfaith/krakend-jose/validator': block } } },
      (request) => request.headers,
    )
    expect((await app.inject({ url: '/', headers: bearer(rs256('rsa')) })).json()['x-user']).toBe('alice')
    await app.close()
  })

  it('a public key from a file, a certificate, and PEM with escaped line breaks', async () => {
    const key = file('key.pem', pair('rsa').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string)
    const arguments_ = ['req', '-x509', '-key', key, '-subj', '/CN=id.test', '-days', '2']
    const certificate = execFileSync('openssl', arguments_, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    for (const public_key of [file('public.pem', pem('rsa')), certificate, pem('rsa').replaceAll('\n', '\\n')]) {
      const app = await guarded({ public_key })
      expect(verdict(await app.inject({ url: '/', headers: bearer(rs256('rsa')) }))).toBe('200')
      await app.close()
    }
  })

  it('goes together with @fastify/jwt registered before it', async () => {
    const { default: fastifyJwt } = await import('@fastify/jwt')
    const app = Fastify()
    await app.register(fastifyJwt, { secret: SECRET })
    await app.register(jwt, { secret: SECRET, strip_token: false })
    app.get('/', async (request) => ({ verified: await request.jwtVerify(), user: request.user }))
    const token = app.jwt.sign({ sub: 'alice', exp: Math.floor(Date.now() / 1000) + 60 })
    const response = await app.inject({ url: '/', headers: bearer(token) })
    expect(response.json()).toMatchObject({ verified: { sub: 'alice' }, user: { sub: 'alice' } })
    await app.close()
  })

  it('goes together with @fastify/jwt registered after it', async () => {
    const { default: fastifyJwt } = await import('@fastify/jwt')
    const app = Fastify()
    await app.register(jwt, { secret: SECRET })
    await app.register(fastifyJwt, { secret: SECRET })
    app.get('/', (request) => request.user)
    await app.ready()
    const token = app.jwt.sign({ sub: 'alice', exp: Math.floor(Date.now() / 1000) + 60 })
    expect((await app.inject({ url: '/', headers: bearer(token) })).json()).toMatchObject({ sub: 'alice' })
    await app.close()
  })
})
