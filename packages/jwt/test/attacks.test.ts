import { createPublicKey, createSign, type KeyObject } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bearer, forge, guarded, now, pair, pem, SECRET, verdict } from './support.ts'

/** An app that takes RS256 tokens of one issuer for one audience, and tells of every fetch that it should not make. */
let app: FastifyInstance
let ec: FastifyInstance
beforeAll(async () => {
  app = await guarded({
    public_key: pem('rsa'),
    issuer: 'https://id.test',
    audience: ['api'],
    propagate_claims: [['sub', 'x-user-id']],
  })
  ec = await guarded({ alg: 'ES256', public_key: pem('ec256') })
})
afterAll(() => Promise.all([app.close(), ec.close()]))

const key = (): KeyObject => pair('rsa').privateKey
const claims = (more: object = {}): object => ({
  sub: 'alice',
  iss: 'https://id.test',
  aud: 'api',
  exp: now() + 300,
  ...more,
})
const header = (more: object = {}): object => ({ alg: 'RS256', kid: 'k', ...more })
const signed = (payload: unknown, more: object = {}): string => forge(header(more), payload, key(), 'RS256')
const without = (name: string): object => {
  const copy = claims() as Record<string, unknown>
  delete copy[name]
  return copy
}
const nested = (depth: number): string => `{"sub":"alice","a":${'['.repeat(depth)}${']'.repeat(depth)}}`

function replaceSignature(token: string, replace: (signature: Buffer) => Buffer): string {
  const [head, payload, signature] = token.split('.') as [string, string, string]
  return `${head}.${payload}.${replace(Buffer.from(signature, 'base64url')).toString('base64url')}`
}

/** The same bytes in another spelling: the unused bits of the last digit are set. */
function respell(token: string): string {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return token.slice(0, -1) + digits[digits.indexOf(token.at(-1)!) + 1]
}

const ATTACKS: Record<string, () => string> = {
  'TK-01 alg none without signature': () => forge(header({ alg: 'none' }), claims(), undefined, 'none'),
  'TK-02 alg nOnE': () => forge(header({ alg: 'nOnE' }), claims(), undefined, 'none'),
  'alg none with the signature of another token': () =>
    `${forge(header({ alg: 'none' }), claims(), undefined, '')}${signed(claims()).split('.')[2]}`,
  'TK-03 HS256 signed with the public key’s PEM': () => forge(header({ alg: 'HS256' }), claims(), pem('rsa'), 'HS256'),
  'RS256 header over an HS256 signature': () => forge(header(), claims(), pem('rsa'), 'HS256'),
  'TK-05 PS256 with the same key': () => forge(header({ alg: 'PS256' }), claims(), key(), 'PS256'),
  'RS512 with the same key': () => forge(header({ alg: 'RS512' }), claims(), key(), 'RS512'),
  'TK-06 kid that is a path': () => forge({ alg: 'HS256', kid: '../../../../dev/null' }, claims(), '', 'HS256'),
  'kid that is SQL': () =>
    forge(header({ kid: "x' UNION SELECT 'k" }), claims(), pair('rsa:other').privateKey, 'RS256'),
  'TK-07 own key in jwk': () =>
    forge(
      header({ jwk: pair('rsa:other').publicKey.export({ format: 'jwk' }) }),
      claims(),
      pair('rsa:other').privateKey,
      'RS256',
    ),
  'TK-08 own key behind jku': () =>
    forge(header({ jku: 'http://127.0.0.1:1/jwks' }), claims(), pair('rsa:other').privateKey, 'RS256'),
  'TK-09 own key in x5c and behind x5u': () =>
    forge(header({ x5u: 'http://127.0.0.1:1/x', x5c: ['AAAA'] }), claims(), pair('rsa:other').privateKey, 'RS256'),
  'TK-10 signature with one bit turned': () =>
    replaceSignature(signed(claims()), (bytes) => Buffer.from([bytes[0]! ^ 1, ...bytes.subarray(1)])),
  'empty signature': () => signed(claims()).replace(/[^.]*$/, ''),
  'truncated signature': () => replaceSignature(signed(claims()), (bytes) => bytes.subarray(0, 100)),
  'TK-11 expired by ten seconds': () => signed(claims({ exp: now() - 10 })),
  'expired by a second': () => signed(claims({ exp: now() - 1 })),
  'TK-13 no exp': () => signed(without('exp')),
  'TK-14 nbf in ten minutes': () => signed(claims({ nbf: now() + 600 })),
  'TK-15 iat in an hour': () => signed(claims({ iat: now() + 3600 })),
  'TK-16 exp as text': () => signed(claims({ exp: String(now() + 300) })),
  'TK-17 exp 1e308': () => signed(claims({ exp: 1e308 })),
  'exp beyond a double': () => signed(JSON.stringify(claims()).replace(/"exp":\d+/, '"exp":1e999')),
  'TK-18 exp null': () => signed(claims({ exp: null })),
  'exp as a list': () => signed(claims({ exp: [now() + 300] })),
  'nbf as text': () => signed(claims({ nbf: '0' })),
  'iat as an object': () => signed(claims({ iat: {} })),
  'TK-19 token of 15 KiB': () => signed(claims({ pad: 'x'.repeat(11_000) })),
  'TK-20 five parts (JWE)': () => 'e30.e30.e30.e30.e30',
  'TK-23 two tokens with a comma': () => `${signed(claims())}, Bearer ${signed(claims())}`,
  'TK-26 no iss': () => signed(without('iss')),
  'wrong iss': () => signed(claims({ iss: 'https://id.test/' })),
  'iss as a list': () => signed(claims({ iss: ['https://id.test'] })),
  'TK-27 no aud': () => signed(without('aud')),
  'TK-29 aud []': () => signed(claims({ aud: [] })),
  'TK-29 aud "api "': () => signed(claims({ aud: 'api ' })),
  'TK-29 aud "API"': () => signed(claims({ aud: 'API' })),
  'aud as an object': () => signed(claims({ aud: { api: true } })),
  'aud with a number': () => signed(claims({ aud: ['api', 1] })),
  'aud "other api"': () => signed(claims({ aud: 'other api' })),
  'TK-30 unknown crit': () => signed(claims(), { crit: ['exp2'], exp2: 1 }),
  'empty crit': () => signed(claims(), { crit: [] }),
  'TK-31 b64 false without crit': () => signed(claims(), { b64: false }),
  'b64 false with crit': () => signed(claims(), { b64: false, crit: ['b64'] }),
  'TK-32 __proto__ among the claims': () =>
    signed(JSON.stringify(claims()).replace('{', '{"__proto__":{"isAdmin":true},')),
  '__proto__ in its escaped spelling, nested': () =>
    signed(JSON.stringify(claims()).replace('{', '{"a":[{"\\u005f_proto__":{}}],')),
  'constructor.prototype': () => signed(claims({ constructor: { prototype: { p: 1 } } })),
  '__proto__ in the header': () => forge('{"alg":"RS256","__proto__":{"alg":"none"}}', claims(), key(), 'RS256'),
  'TK-33 payload a list': () => signed('[]'),
  'TK-34 payload null': () => signed('null'),
  'TK-34 payload a text': () => signed('"alice"'),
  'TK-34 payload a number': () => signed('7'),
  'payload no JSON': () => signed('{"sub":'),
  'payload with something after it': () => signed(`${JSON.stringify(claims())}{}`),
  'payload a token (nested JWT)': () => signed(signed(claims()), { cty: 'JWT' }),
  'payload not UTF-8': () => {
    const input = `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.${Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString('base64url')}`
    return `${input}.${createSign('sha256').update(input).sign(key()).toString('base64url')}`
  },
  'TK-35 last digit in another spelling': () => respell(signed(claims())),
  'TK-36 padding': () => `${signed(claims())}==`,
  'TK-38 alg a list': () => forge(header({ alg: ['RS256'] }), claims(), key(), 'RS256'),
  'alg missing': () => forge({ typ: 'JWT' }, claims(), key(), 'RS256'),
  'header a list': () => forge('["RS256"]', claims(), key(), 'RS256'),
  'TK-39 a claim twice': () => signed(JSON.stringify(claims()).replace('{', '{"sub":"admin",')),
  'a claim twice, once escaped': () => signed(JSON.stringify(claims()).replace('{', '{"\\u0073ub":"admin",')),
  'a claim twice, nested': () => signed(JSON.stringify(claims()).replace('{', '{"a":{"b":1,"b":2},')),
  'alg twice in the header': () => forge('{"alg":"none","alg":"RS256"}', claims(), key(), 'RS256'),
  'TK-41 nested 2000 deep': () => signed(nested(2000)),
  'TK-42 one part': () => 'abc',
  'TK-42 two parts': () => 'e30.e30',
  'TK-42 only dots': () => '..',
  'TK-42 four dots': () => '....',
  'not base64url': () => 'a+b.c/d.e=f',
  'standard base64': () =>
    signed(claims({ pad: '???>>>' }))
      .replaceAll('_', '/')
      .replaceAll('-', '+'),
  'sub a number': () => signed(claims({ sub: 7 })),
  'ID-19 sub empty': () => signed(claims({ sub: '' })),
  'ID-17 sub an object': () => signed(claims({ sub: { toString: 1 } })),
  'jti an object': () => signed(claims({ jti: {} })),
}

describe('tokens that must never pass', () => {
  it('takes a good token', async () => {
    const response = await app.inject({ url: '/', headers: bearer(signed(claims())) })
    expect(verdict(response)).toBe('200')
    expect(response.json().headers['x-user-id']).toBe('alice')
  })

  it.each(Object.entries(ATTACKS))('%s', async (name, token) => {
    for (let round = 0; round < 2; round++) {
      const response = await app.inject({ url: '/', headers: bearer(token()) })
      const expired = name.includes('expired')
      expect(verdict(response)).toBe(expired ? '401 TOKEN_EXPIRED' : '401 TOKEN_INVALID')
      expect(response.headers['www-authenticate']).toMatch(/^Bearer realm="service", error="invalid_token"/)
      expect(response.body).not.toMatch(/alice|stack|FAST_JWT|key/)
    }
  })

  it('TK-50: elliptic curve signatures that are no signatures', async () => {
    const token = forge({ alg: 'ES256' }, { sub: 'alice', exp: now() + 300 }, pair('ec256').privateKey, 'ES256')
    expect(verdict(await ec.inject({ url: '/', headers: bearer(token) }))).toBe('200')
    const der = createSign('sha256')
      .update(token.slice(0, token.lastIndexOf('.')))
      .sign(pair('ec256').privateKey)
    const shapes: ((signature: Buffer) => Buffer)[] = [
      () => Buffer.alloc(64),
      () => Buffer.alloc(64, 0xff),
      () => der,
      (bytes) => bytes.subarray(0, 63),
      (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]),
      (bytes) => Buffer.concat([bytes.subarray(32), bytes.subarray(0, 32)]),
    ]
    for (const shape of shapes) {
      const response = await ec.inject({ url: '/', headers: bearer(replaceSignature(token, shape)) })
      expect(verdict(response)).toBe('401 TOKEN_INVALID')
    }
  })

  it('does not pollute prototypes and reads no inherited claims', async () => {
    await app.inject({ url: '/', headers: bearer(ATTACKS['TK-32 __proto__ among the claims']!()) })
    expect(({} as Record<string, unknown>).isAdmin).toBe(undefined)
    const strict = await guarded({ secret: SECRET, claims_to_verify: ['exp', 'toString'] })
    const response = await strict.inject({
      url: '/',
      headers: bearer(forge({ alg: 'HS256' }, claims(), SECRET, 'HS256')),
    })
    expect(verdict(response)).toBe('401 TOKEN_INVALID')
    await strict.close()
  })

  it('takes what only looks odd: TK-28 one of several audiences, TK-40 an escaped name, an unknown typ', async () => {
    const tokens = [
      signed(claims({ aud: ['other', 'api'] })),
      signed(JSON.stringify(claims()).replace('"sub"', '"\\u0073ub"')),
      signed(claims(), { typ: 'at+jwt' }),
    ]
    for (const token of tokens) expect(verdict(await app.inject({ url: '/', headers: bearer(token) }))).toBe('200')
  })
})

describe('the public key in any form is no secret', () => {
  it.each(['spki', 'pkcs1'] as const)('HS256 with the %s PEM', async (type) => {
    const text = createPublicKey(pem('rsa')).export({ type, format: 'pem' }) as string
    for (const secret of [text, text.trim(), text.replaceAll('\n', '')]) {
      const token = forge({ alg: 'HS256' }, claims(), secret, 'HS256')
      expect(verdict(await app.inject({ url: '/', headers: bearer(token) }))).toBe('401 TOKEN_INVALID')
    }
  })
})
