import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { JwtConfig } from '../src/index.ts'
import { forge, guarded, jwk, now, pair, SECRET, serve } from './support.ts'

interface Case {
  name: string
  config: Record<string, unknown>
  claims: Record<string, unknown>
  alg: string
  kid: string
  extra_headers?: Record<string, string>
  status: number
  propagated?: Record<string, string[] | null>
  jwks_fetches: number
}

/** When the cases were recorded; their times are relative to it. */
const RECORDED = 1795293456
const vectors = fileURLToPath(new URL('../../../../shared/vectors/krakend/jose.json', import.meta.url))
const present = existsSync(vectors)
if (!present) console.warn('skipped: the recorded KrakenD cases are not here')
const cases: Case[] = present ? (JSON.parse(readFileSync(vectors, 'utf8')) as Case[]) : []

/** What we answer differently on purpose; the README has the reasons. `start` = refused at start. */
const DIFFERENT: Record<string, number | 'start'> = {
  'leeway-invalid->1s': 'start',
  'scopes-unknown-matcher-is-any': 'start',
  'key-use-enc-still-verifies': 401,
  'no-exp-accepted': 401,
  'roles-nonstring-element': 200,
  'scopes-url-key-with-dots': 200,
  'scopes-without-key-ignored': 403,
  'cookie-default-access_token': 401,
}

/** What goes upstream differently on purpose: undefined = no header. */
const OTHER_HEADERS: Record<string, string | string[] | undefined> = {
  'x-big': '12345678901234567',
  'x-f': '1.5',
  'x-missing': undefined,
  'x-nested-missing': undefined,
  'x-null': undefined,
  'x-earr': undefined,
}

const folder = mkdtempSync(join(tmpdir(), 'portcullis-jwt-'))
let fetches = 0
let provider: Awaited<ReturnType<typeof serve>>
const set = (): string =>
  JSON.stringify({
    keys: [
      jwk('rsa'),
      jwk('ec256', { kid: 'ec' }),
      { kty: 'oct', kid: 'hs', k: Buffer.from(SECRET).toString('base64url') },
      jwk('rsa:enc', { kid: 'enc', use: 'enc' }),
    ],
  })
beforeAll(async () => {
  // The clock stands still: some cases are about the very second.
  vi.useFakeTimers({ toFake: ['Date'] })
  writeFileSync(join(folder, 'jwks.json'), set())
  provider = await serve((_request, response) => {
    fetches++
    response.setHeader('content-type', 'application/json').end(set())
  })
})
afterAll(() => {
  vi.useRealTimers()
  provider.close()
  rmSync(folder, { recursive: true })
})

function configOf({ config }: Case): JwtConfig {
  const { jwk_local_path: path, jwk_url: _url, ...rest } = config
  const keys =
    path === undefined
      ? { jwk_url: provider.url, disable_jwk_security: true }
      : { jwk_local_path: join(folder, 'jwks.json') }
  return { alg: 'RS256', ...keys, ...rest } as JwtConfig
}

function tokenOf({ name, claims, alg, kid }: Case): string {
  const shift = now() - RECORDED
  const payload = JSON.stringify(claims, (key, value) =>
    ['exp', 'nbf', 'iat'].includes(key) && typeof value === 'number' ? value + shift : value,
  ).replace('12345678901234568', '12345678901234567')
  const keys: Record<string, string> = { rsa: 'rsa', ec: 'ec256', enc: 'rsa:enc' }
  const signer = name === 'wrong-signature' ? 'rsa:stranger' : (keys[kid] ?? 'rsa')
  return forge({ alg, ...(kid === '' ? {} : { kid }) }, payload, pair(signer).privateKey, alg)
}

function headersOf(one: Case, token: string): Record<string, string> {
  if (one.extra_headers === undefined) return { authorization: `Bearer ${token}` }
  const stated = Object.entries(one.extra_headers).filter(([name]) => name !== '_where')
  return Object.fromEntries(stated.map(([name, value]) => [name.toLowerCase(), value.replace('$TOKEN', token)]))
}

describe.skipIf(!present)('recorded cases of KrakenD’s validator', () => {
  it('covers every recorded case', () => {
    expect(cases.length).toBeGreaterThan(40)
    const names = cases.map(({ name }) => name)
    for (const name of Object.keys(DIFFERENT)) expect(names).toContain(name)
  })

  it.each(cases.map((one) => [one.name, one] as const))('%s', async (name, one) => {
    const wanted = DIFFERENT[name] ?? (one.status === -1 ? 'start' : one.status)
    fetches = 0
    let app: FastifyInstance | undefined
    try {
      if (wanted === 'start') {
        await expect(guarded(configOf(one)).then(() => undefined)).rejects.toThrow(/mistake/)
        return
      }
      app = await guarded(configOf(one))
      const rounds = name.startsWith('fetches') ? 5 : 1
      for (let round = 0; round < rounds; round++) {
        const response = await app.inject({ url: '/', headers: headersOf(one, tokenOf(one)) })
        expect(response.statusCode).toBe(wanted)
        const { headers } = response.json() as { headers?: Record<string, string | string[]> }
        for (const [header, value] of Object.entries(one.propagated ?? {})) {
          const expected = header in OTHER_HEADERS ? OTHER_HEADERS[header] : value?.length === 1 ? value[0] : value
          expect([header, headers?.[header]]).toEqual([header, expected ?? undefined])
        }
      }
      // One fetch at start, and one because of an unknown key id: never one per request.
      expect(fetches).toBeLessThanOrEqual(/^zz|enc/.test(one.kid) ? 2 : 1)
    } finally {
      await app?.close()
    }
  })
})
