/** The first seed document: the block of KrakenD's krakend-httpsecure, as one gateway's configuration. */
import { readFileSync } from 'node:fs'
import type { GatewayDocument } from '@portcullis/gateway'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Pki } from '../../packages/tls/test/pki.ts'
import { startEcho, startGateway } from './helpers.ts'
import { type Answer, type Question, seedText, send, verdict } from './seed-support.ts'

/** The document's block; what is damaged in it (a bracket, two braces) is closed. */
const SEED = {
  allowed_hosts: [] as string[],
  ssl_proxy_headers: { 'X-Forwarded-Proto': 'https' },
  ssl_redirect: true,
  ssl_host: '',
  ssl_port: '443',
  ssl_certificate: '/path/to/cert',
  ssl_private_key: '/path/to/key',
  sts_seconds: 300,
  sts_include_subdomains: true,
  frame_deny: true,
  custom_frame_options_value: 'ALLOW-FROM',
  hpkp_public_key: 'pin-sha256="base64=="; max-age=expireTime [; includeSubDomains][; report-uri="reportURI"]',
  content_type_nosniff: true,
  browser_xss_filter: true,
  content_security_policy: "default-src 'self';",
}

/** What stands in for the document's placeholders. */
const FILLED = {
  allowed_hosts: ['api.test', 'api.test:443'],
  hpkp_public_key: 'pin-sha256="d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM="; max-age=300',
}

let pki: Pki
let backend: Awaited<ReturnType<typeof startEcho>>
let app: FastifyInstance | undefined
beforeAll(async () => {
  pki = new Pki()
  pki.issue('api')
  backend = await startEcho()
})
afterEach(async () => {
  await app?.close()
  app = undefined
})
afterAll(() => {
  backend.close()
  pki.remove()
})

/** The whole document, version 2, with the block as the seed has it but for what a test states. */
function documentOf(block: Record<string, unknown>): GatewayDocument {
  return {
    version: 2,
    endpoints: [{ endpoint: '/users/{id}', backend: [{ host: [backend.url], url_pattern: '/u/{id}' }] }],
    extra_config: { 'github_com/devopsfaith/krakend-httpsecure': block },
  }
}

const pair = () => ({ ssl_certificate: pki.path('api.pem'), ssl_private_key: pki.path('api.key') })
const { ssl_certificate: _certificate, ssl_private_key: _key, ...withoutPair } = SEED

async function start(document: GatewayDocument): Promise<(question?: Question) => Promise<Answer>> {
  const started = await startGateway(document)
  app = started.app
  return (question = {}) => send(started.port, { path: '/users/7', ...question })
}

/** The headers that stand on every response, whatever the scheme. */
const ALWAYS = {
  'x-frame-options': 'ALLOW-FROM',
  'x-content-type-options': 'nosniff',
  'x-xss-protection': '1; mode=block',
  'content-security-policy': "default-src 'self';",
}
const HTTPS_ONLY = { 'strict-transport-security': 'max-age=300; includeSubDomains' }

it('is the block of the document, line by line', () => {
  const text = seedText('krakend-1.4-security.txt')
  if (text === undefined) return
  const block = text.slice(text.indexOf('"allowed_hosts"'), text.indexOf('See below'))
  const stated = [...block.matchAll(/^\s*"([\w-]+)": (".*"|true|false|\d+),?$/gm)].map(([, name, value]) => [
    name,
    JSON.parse(value!),
  ])
  expect(stated.length).toBe(Object.keys(SEED).length - 1)
  const { allowed_hosts: _hosts, ssl_proxy_headers: proxyHeaders, ...rest } = SEED
  expect(Object.fromEntries(stated)).toEqual({ ...rest, ...proxyHeaders })
})

describe('with its key pair the gateway serves TLS', () => {
  const secure = (): Pick<Question, 'ca' | 'servername'> => ({
    ca: readFileSync(pki.ca, 'utf8'),
    servername: 'api.test',
  })

  it('as written: any host, every header, one value each', async () => {
    const ask = await start(documentOf({ ...SEED, ...pair() }))
    for (const host of ['api.test', 'other.test']) {
      const answer = await ask({ ...secure(), headers: { host } })
      expect(answer.status).toBe(200)
      expect(JSON.parse(answer.body).url).toBe('/u/7')
      expect(answer.headers).toMatchObject({ ...ALWAYS, ...HTTPS_ONLY, 'public-key-pins': SEED.hpkp_public_key })
    }
  })

  it('filled in: other hosts are refused, and what is refused has the headers too', async () => {
    const ask = await start(documentOf({ ...SEED, ...FILLED, ...pair() }))
    const headers = { ...ALWAYS, ...HTTPS_ONLY, 'public-key-pins': FILLED.hpkp_public_key }
    expect(await ask({ ...secure(), headers: { host: 'api.test' } })).toMatchObject({ status: 200, headers })
    const refused = await ask({ ...secure(), headers: { host: 'evil.test' } })
    expect(verdict(refused)).toEqual([421, 'PORTCULLIS_HOST_NOT_ALLOWED'])
    expect(refused.headers).toMatchObject(headers)
    const unknown = await ask({ ...secure(), path: '/nowhere', headers: { host: 'api.test:443' } })
    expect(unknown).toMatchObject({ status: 404, headers })
  })

  it('plain HTTP on its port is told so', async () => {
    const ask = await start(documentOf({ ...SEED, ...pair() }))
    expect((await ask()).status).toBe(400)
  })
})

describe('behind a proxy that speaks TLS', () => {
  const proxied = (block: Record<string, unknown>): GatewayDocument => ({
    ...documentOf({ ...withoutPair, ...block }),
    trusted_proxies: ['127.0.0.1'],
  })
  const https = { 'x-forwarded-proto': 'https' }

  it('ssl_proxy_headers say that the client uses HTTPS', async () => {
    const ask = await start(proxied(FILLED))
    const answer = await ask({ headers: { host: 'api.test', ...https } })
    expect(answer).toMatchObject({ status: 200, headers: { ...ALWAYS, ...HTTPS_ONLY } })
  })

  it.each([
    ['443', 'https://api.test/users/7?a=1'],
    ['8443', 'https://api.test:8443/users/7?a=1'],
  ])('plain HTTP is redirected, to port %s', async (ssl_port, location) => {
    const ask = await start(proxied({ ...FILLED, ssl_port }))
    const answer = await ask({ path: '/users/7?a=1', headers: { host: 'api.test' } })
    expect(answer).toMatchObject({ status: 301, headers: { ...ALWAYS, location } })
    expect(answer.headers).not.toHaveProperty('strict-transport-security')
    expect(answer.headers).not.toHaveProperty('public-key-pins')
  })

  it('to ssl_host where it is stated', async () => {
    const ask = await start(proxied({ ssl_host: 'www.test' }))
    expect((await ask({ headers: { host: 'any.test' } })).headers.location).toBe('https://www.test/users/7')
  })

  it('as written no host is safe to redirect to', async () => {
    const ask = await start(proxied({}))
    expect(verdict(await ask({ headers: { host: 'evil.test' } }))).toEqual([421, 'PORTCULLIS_HOST_NOT_ALLOWED'])
  })

  it('nobody else is believed', async () => {
    const ask = await start({ ...proxied(FILLED), trusted_proxies: ['10.9.9.9'] })
    expect((await ask({ headers: { host: 'api.test', ...https } })).status).toBe(301)
  })
})
