import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http2 from 'node:http2'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { Pki } from '../../packages/tls/test/pki.ts'
import { startGateway } from './helpers.ts'

let pki: Pki
let other: Pki
let app: FastifyInstance | undefined
const closing: (() => void)[] = []

beforeAll(() => {
  pki = new Pki()
  other = new Pki()
  pki.issue('backend', { names: ['backend.test', '127.0.0.1'] })
  pki.issue('named', { names: ['named.test'] })
  pki.issue('expired', { names: ['127.0.0.1'], days: -1 })
  pki.issue('gateway', { client: true })
  other.issue('backend', { names: ['127.0.0.1'] })
})
afterEach(async () => {
  await app?.close()
  for (const close of closing.splice(0)) close()
})
afterAll(() => {
  pki.remove()
  other.remove()
})

async function backend(certificate: { pki: Pki; name: string }, options: https.ServerOptions = {}): Promise<string> {
  const read = (ending: string): Buffer => readFileSync(certificate.pki.path(`${certificate.name}.${ending}`))
  const server = https.createServer({ cert: read('pem'), key: read('key'), ...options }, (_request, response) =>
    response.end('ok'),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function ask(host: string, clientTls?: Record<string, unknown>): Promise<{ status: number; body: string }> {
  const extra_config = clientTls === undefined ? {} : { client_tls: clientTls }
  const started = await startGateway({ endpoints: [{ endpoint: '/x', backend: [{ host: [host], extra_config }] }] })
  app = started.app
  const response = await fetch(`http://127.0.0.1:${started.port}/x`)
  return { status: response.status, body: await response.text() }
}

it.each<[string, () => Promise<string>, () => Record<string, unknown> | undefined, number]>([
  ['the right CA', () => backend({ pki, name: 'backend' }), () => ({ ca_certs: [pki.ca] }), 200],
  [
    'the right CA alone',
    () => backend({ pki, name: 'backend' }),
    () => ({ ca_certs: [pki.ca], disable_system_ca_pool: true }),
    200,
  ],
  ['an unknown CA', () => backend({ pki, name: 'backend' }), () => undefined, 502],
  ['the CA of another', () => backend({ pki, name: 'backend' }), () => ({ ca_certs: [other.ca] }), 502],
  ['a wrong name', () => backend({ pki, name: 'named' }), () => ({ ca_certs: [pki.ca] }), 502],
  [
    'a name that was asked for',
    () => backend({ pki, name: 'named' }),
    () => ({ ca_certs: [pki.ca], server_name: 'named.test' }),
    200,
  ],
  ['an expired certificate', () => backend({ pki, name: 'expired' }), () => ({ ca_certs: [pki.ca] }), 502],
  [
    'verification switched off in so many words',
    () => backend({ pki, name: 'expired' }),
    () => ({ allow_insecure_connections: true }),
    200,
  ],
  [
    'too old a protocol',
    () => backend({ pki, name: 'backend' }, { maxVersion: 'TLSv1.2' }),
    () => ({ ca_certs: [pki.ca], min_version: 'TLS13' }),
    502,
  ],
])('re-encryption: %s', async (_name, start, clientTls, status) => {
  const result = await ask(await start(), clientTls())
  expect(result.status).toBe(status)
  if (status === 502) {
    expect(JSON.parse(result.body).code).toBe('PORTCULLIS_BACKEND_TLS')
    expect(result.body).not.toMatch(/127\.0\.0\.1|self.signed|certificate|CERT/i)
  }
})

it('shows its own certificate where the backend wants one', async () => {
  const host = await backend(
    { pki, name: 'backend' },
    { requestCert: true, rejectUnauthorized: true, ca: readFileSync(pki.ca) },
  )
  expect((await ask(host, { ca_certs: [pki.ca] })).status).toBe(502)
  await app!.close()
  const client_certs = [{ certificate: pki.path('gateway.pem'), private_key: pki.path('gateway.key') }]
  expect((await ask(host, { ca_certs: [pki.ca], client_certs })).status).toBe(200)
})

it('keeps two backends on one host with different CAs apart', async () => {
  const host = await backend({ pki, name: 'backend' })
  const endpoint = (path: string, ca: string) => ({
    endpoint: path,
    backend: [{ host: [host], url_pattern: '/', extra_config: { client_tls: { ca_certs: [ca] } } }],
  })
  const started = await startGateway({ endpoints: [endpoint('/right', pki.ca), endpoint('/wrong', other.ca)] })
  app = started.app
  const status = async (path: string): Promise<number> =>
    (await fetch(`http://127.0.0.1:${started.port}${path}`)).status
  for (let i = 0; i < 3; i++) expect([await status('/right'), await status('/wrong')]).toEqual([200, 502])
})

it('speaks HTTP/2 to a backend where it is asked to', async () => {
  const versions: string[] = []
  const server = http2.createSecureServer(
    { cert: readFileSync(pki.path('backend.pem')), key: readFileSync(pki.path('backend.key')), allowHTTP1: true },
    (request, response) => {
      versions.push(request.httpVersion)
      response.setHeader('content-length', '2')
      response.end('ok')
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  const host = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const tls = { client_tls: { ca_certs: [pki.ca] } }
  const started = await startGateway({
    endpoints: [
      { endpoint: '/one', backend: [{ host: [host], extra_config: tls }] },
      { endpoint: '/two', backend: [{ host: [host], extra_config: { ...tls, 'backend/http': { http2: true } } }] },
    ],
  })
  app = started.app
  for (const path of ['/one', '/two']) expect((await fetch(`http://127.0.0.1:${started.port}${path}`)).status).toBe(200)
  expect(versions).toEqual(['1.1', '2.0'])
  await app.close()
  app = undefined
})
