import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import apiKeys from '../../api-keys/src/index.ts'
import basicAuth from '../../basic-auth/src/index.ts'
import jwt from '../src/index.ts'
import { bearer, hs256, SECRET, verdict } from './support.ts'

/** bcrypt of `wonder`. */
const WONDER = '$2b$04$.zXkucgQGC1bAxSjVpTwrOL0cfd9NacdVRzqd2i0VY9QjOSkLGbfe'

/** J28: what holds when several of them stand on one route. */
let app: FastifyInstance
beforeEach(async () => {
  app = Fastify()
  await app.register(apiKeys, {
    keys: [{ key: 'the-key', id: 'shop' }],
    identifier: 'x-api-key',
    propagate_role: 'x-role',
  })
  await app.register(basicAuth, { users: { alice: WONDER } })
  await app.register(jwt, { secret: SECRET, auth_header_name: 'x-token', propagate_claims: [['sub', 'x-user-id']] })
  app.get('/', (request) => ({
    identities: request.portcullis?.identities?.map(({ kind }) => kind),
    headers: request.headers,
  }))
  app.get('/jwt', { config: { extra_config: { 'auth/api-keys': false, 'auth/basic': false } } }, () => 'ok')
})
afterEach(() => app.close())

const key = { 'x-api-key': 'the-key' }
const password = { authorization: `Basic ${btoa('alice:wonder')}` }
const token = () => ({ 'x-token': hs256() })

describe('several on one route', () => {
  it('all must pass', async () => {
    const response = await app.inject({
      url: '/',
      headers: { ...key, ...password, ...token(), 'x-role': 'x', 'X-User-ID': 'x' },
    })
    expect(response.json().identities).toEqual(['api-key', 'basic', 'jwt'])
    const { headers } = response.json()
    expect(headers['x-user-id']).toBe('alice')
    for (const name of ['x-api-key', 'authorization', 'x-token', 'x-role']) expect(headers[name]).toBe(undefined)
  })

  it.each<[string, () => Record<string, string>, string, string]>([
    ['no key', () => ({ ...password, ...token() }), '401 KEY_MISSING', 'Key '],
    ['no password', () => ({ ...key, ...token() }), '401 CREDENTIALS_INVALID', 'Basic '],
    ['no token', () => ({ ...key, ...password }), '401 TOKEN_MISSING', 'Bearer '],
    ['a wrong token', () => ({ ...key, ...password, 'x-token': 'x' }), '401 TOKEN_INVALID', 'Bearer '],
    [
      'a token in the place of the password',
      () => ({ ...key, ...bearer(hs256()) }),
      '401 CREDENTIALS_INVALID',
      'Basic ',
    ],
  ])('%s: the challenge is that of the one that fails', async (_name, headers, expected, scheme) => {
    const response = await app.inject({ url: '/', headers: headers() })
    expect(verdict(response)).toBe(expected)
    expect(response.headers['www-authenticate']?.slice(0, scheme.length)).toBe(scheme)
  })

  it('a route may switch some of them off', async () => {
    expect(verdict(await app.inject({ url: '/jwt', headers: token() }))).toBe('200')
    expect(verdict(await app.inject('/jwt'))).toBe('401 TOKEN_MISSING')
  })
})
