import { existsSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import Fastify from 'fastify'
import { afterAll, describe, expect, it } from 'vitest'
import { opensslInstalled, selfSigned } from '../../core/test/self-signed.ts'
import plugin, { type HttpSecureConfig } from '../src/index.ts'

interface Case {
  name: string
  config: Record<string, unknown>
  method: 'GET'
  path: string
  host: string
  tls: boolean
  headers: Record<string, string>
  status: number
  response_headers: Record<string, string[]> | null
  body: string
}

interface Difference {
  why: string
  refused?: RegExp
  status?: number
  headers?: Record<string, string>
}

const PIN = { 'public-key-pins': 'pin-sha256="base64=="; max-age=1' }

/**
 * Where we differ from the recorded behaviour, on purpose; the README has the same table. Two differences are of
 * every case: a refused host is 421 instead of 500, and refusals and redirects carry the security headers.
 */
const DIFFERENCES: Record<string, Difference> = {
  'seed-ok-via-proxy-header': { why: 'hpkp_public_key is sent', headers: PIN },
  'seed-tls': { why: 'hpkp_public_key is sent', headers: PIN },
  'seed-plain-http': { why: 'the port 443 is left out', headers: { location: 'https://host.known.com/foo?a=1' } },
  'host-nonstring-items-dropped': { why: 'wrong types are mistakes', refused: /allowed_hosts\[0\]: expected a text/ },
  'host-only-nonstring-items': { why: 'wrong types are mistakes', refused: /allowed_hosts\[0\]: expected a text/ },
  'host-regex-alternation-unanchored': { why: 'a pattern matches the whole host', status: 421 },
  'host-regex-invalid': {
    why: 'found at start, with its place',
    refused: /allowed_hosts\[0\]: not a pattern that can be run: missing \] for class/,
  },
  'host-regex-leading-star': {
    why: 'there is nothing to repeat',
    refused: /allowed_hosts\[0\]: .*quantifier follows nothing/,
  },
  'hosts_proxy_headers-misspelt-ignored': {
    why: 'no field is ignored',
    refused: /hosts_proxy_headers: unknown field; did you mean "host_proxy_headers"\?/,
  },
  'redirect-keeps-port': { why: 'no list of hosts, no redirect', status: 421 },
  'redirect-ssl-port-ignored': { why: 'no list of hosts, no redirect', status: 421 },
  'redirect-temporary-ignored': { why: 'no list of hosts, no redirect', status: 421 },
  'redirect-host-proxy-header': { why: 'no list of hosts, no redirect', status: 421 },
  'proxyhdr-case-sensitive-value': { why: 'no list of hosts, no redirect', status: 421 },
  'proxyhdr-list-value': { why: 'no list of hosts, no redirect', status: 421 },
  'proxyhdr-empty-value-matches-absent': {
    why: 'an absent header must not mean HTTPS',
    refused: /ssl_proxy_headers\["X-Foo"\]: expected a text that is not empty/,
  },
  'sts-negative': { why: 'a negative age is a mistake', refused: /sts_seconds: expected a number >= 0/ },
  'xss-custom-ignored': { why: 'no field is ignored', refused: /custom_browser_xss_value: unknown field/ },
  'feature-policy-ignored': { why: 'no field is ignored', refused: /feature_policy: unknown field/ },
  'csp-report-only-ignored': {
    why: 'the field works',
    headers: { 'content-security-policy-report-only': "default-src 'self'" },
  },
  'coop-ignored': { why: 'the field works', headers: { 'cross-origin-opener-policy': 'same-origin' } },
  'hpkp-ignored': { why: 'the field works', headers: { 'public-key-pins': 'pin-sha256="b=="; max-age=5' } },
  'hpkp-public_key-ignored': {
    why: 'the old name works',
    headers: { 'public-key-pins': 'pin-sha256="b=="; max-age=5' },
  },
  'bool-as-string-ignored': {
    why: 'wrong types are mistakes',
    refused: /frame_deny: expected true or false, got "true"/,
  },
}

const file = fileURLToPath(new URL('../../../../shared/vectors/krakend/httpsecure.json', import.meta.url))
const present = existsSync(file)
if (!present) console.warn('the recorded cases of KrakenD’s httpsecure are not here: skipped')
const cases: Case[] = present ? JSON.parse(readFileSync(file, 'utf8')) : []
const pair = opensslInstalled ? selfSigned('localhost') : undefined
afterAll(() => {
  if (pair !== undefined) rmSync(pair.folder, { recursive: true })
})

async function start(recorded: Case) {
  const app = Fastify({ trustProxy: true })
  app.addHook('onRequest', async (request) => {
    if (recorded.tls) Object.assign(request.raw.socket, { encrypted: true })
  })
  const { ssl_certificate, ssl_private_key, ...config } = recorded.config as HttpSecureConfig
  const files = pair === undefined ? {} : { ssl_certificate: pair.certificate, ssl_private_key: pair.key }
  const named = ssl_certificate === undefined && ssl_private_key === undefined ? {} : files
  await app.register(plugin, { ...config, ...named })
  app.get('/foo', () => ({ ok: true }))
  return app
}

const NOT_OURS = new Set(['content-type', 'content-length', 'date', 'connection'])

function ours(headers: Record<string, unknown>): Record<string, unknown> {
  const names = Object.keys(headers).filter((name) => !NOT_OURS.has(name.toLowerCase()))
  return Object.fromEntries(names.map((name) => [name.toLowerCase(), String(headers[name])]))
}

describe.skipIf(!present)('recorded cases of KrakenD', () => {
  it('are all here', () => expect(cases.length).toBeGreaterThanOrEqual(49))

  it.each(cases.map((recorded) => [recorded.name, recorded] as const))('%s', async (name, recorded) => {
    const differs = DIFFERENCES[name]
    if (differs?.refused !== undefined) {
      await expect(start(recorded)).rejects.toThrow(differs.refused)
      return
    }
    const app = await start(recorded)
    const response = await app.inject({
      method: recorded.method,
      url: recorded.path,
      headers: { ...recorded.headers, host: recorded.host },
    })
    const status = differs?.status ?? (recorded.status === 500 ? 421 : recorded.status)
    expect(response.statusCode).toBe(status)
    if (status === 421) expect(response.json().code).toBe('PORTCULLIS_HOST_NOT_ALLOWED')
    else if (name === 'csp-nonce') {
      expect(response.headers['content-security-policy']).toMatch(/^script-src 'nonce-[A-Za-z0-9+/]{22}'$/)
    } else if (status === 200) {
      expect(ours(response.headers)).toEqual({ ...ours(recorded.response_headers ?? {}), ...differs?.headers })
      expect(response.body).toBe(recorded.body)
    } else {
      const location = differs?.headers?.location ?? recorded.response_headers?.Location?.[0]
      expect(response.headers.location).toBe(location)
    }
    await app.close()
  })
})
