import { readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import {
  type Component,
  ComponentIndex,
  Engine,
  Refusal,
  readBlocks,
  runUpstreamRequest,
  runUpstreamResponse,
  stateOf,
  type UpstreamRequest,
} from '@portcullis/core'
import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { opensslInstalled, selfSigned } from '../../core/test/self-signed.ts'
import { type ClientCredentialsConfig, oauth2Client } from '../src/index.ts'
import { json, TokenServer } from './token-server.ts'

const SECRET = 'hunter2-very-secret'
let server: TokenServer
let app: FastifyInstance
/** What went upstream, and what the upstream answers. */
let upstreams: Record<string, unknown>[]
let upstreamStatus: (token: string) => number
const lines: string[] = []

beforeEach(async () => {
  server = await new TokenServer().start()
  upstreams = []
  upstreamStatus = () => 200
  lines.splice(0)
  app = Fastify({ logger: { level: 'trace', stream: { write: (line: string) => void lines.push(line) } } })
})
afterEach(async () => {
  await app.close()
  await server.stop()
})

const erased = oauth2Client as unknown as Component

/** An endpoint whose handler does what the proxy does: steps, a try, and one more when a step asks for it. */
function build(configs: Record<string, Partial<ClientCredentialsConfig>>): void {
  new Engine(app, { components: [erased], blocks: new Map() })
  for (const [path, config] of Object.entries(configs)) {
    const block = { client_id: 'gateway', client_secret: SECRET, token_url: server.url, ...config }
    const backend = { place: `backend of ${path}`, extra_config: { 'auth/client-credentials': block } }
    app.all(path, { config: { portcullisEndpoint: { place: path, backend } } }, async (request, reply) => {
      for (let attempt = 1; ; attempt++) {
        const headers = { ...request.headers } as Record<string, string>
        const upstream: UpstreamRequest = { method: request.method, origin: 'http://up', path: '/', headers, attempt }
        const refusal = await runUpstreamRequest(request, stateOf(request), upstream)
        if (refusal instanceof Refusal) throw refusal.toError()
        upstreams.push(upstream.headers)
        const status = upstreamStatus(String(upstream.headers.authorization))
        const verdict = runUpstreamResponse(request, stateOf(request), upstream, { status, duration: 1 })
        if (verdict !== 'retry') return reply.code(status).send('')
      }
    })
  }
}

async function expectUnavailable(response: LightMyRequestResponse): Promise<void> {
  expect(response.json()).toEqual({
    statusCode: 502,
    code: 'PORTCULLIS_TOKEN_UNAVAILABLE',
    error: 'Bad Gateway',
    message: 'The gateway has no token for the upstream',
  })
  expect(upstreams).toEqual([])
  expect(lines.join('')).not.toContain(SECRET)
}

describe('what goes out', () => {
  it('is the gateway’s token in place of the client’s (OA-09)', async () => {
    build({ '/': {} })
    await app.inject({ url: '/', headers: { authorization: 'Bearer user' } })
    expect(upstreams[0]!.authorization).toBe('Bearer token-1')
    expect(JSON.stringify(server.requests)).not.toContain('user')
  })

  it('is in a header of one’s own, whatever the client sends under its spellings', async () => {
    build({ '/': { header_name: 'X-Service-Token' } })
    await app.inject({
      url: '/',
      headers: {
        x_service_token: 'forged',
        'x-service_token': 'forged',
        'x-service-token': 'forged',
        authorization: 'mine',
      },
    })
    expect(upstreams[0]).toMatchObject({ 'x-service-token': 'Bearer token-1', authorization: 'mine' })
    expect(JSON.stringify(upstreams)).not.toContain('forged')
  })

  it('asks with Basic, form-encoded as RFC 6749 says (OA-16)', async () => {
    build({
      '/': {
        client_id: 'a b:c',
        client_secret: 'p%/+ ü',
        scopes: 'read, write',
        endpoint_params: { audience: ['x', 'y'] },
      },
    })
    await app.inject('/')
    const { authorization, fields } = server.requests[0]!
    expect(Buffer.from(authorization!.slice(6), 'base64').toString()).toBe('a+b%3Ac:p%25%2F%2B+%C3%BC')
    expect([...fields].sort()).toEqual([
      ['audience', 'x'],
      ['audience', 'y'],
      ['grant_type', 'client_credentials'],
      ['scope', 'read write'],
    ])
  })

  it('asks with form fields when told', async () => {
    build({ '/': { auth_style: 'post', scopes: '' } })
    await app.inject('/')
    const { authorization, fields } = server.requests[0]!
    expect(authorization).toBeUndefined()
    expect(Object.fromEntries(fields)).toEqual({
      grant_type: 'client_credentials',
      client_id: 'gateway',
      client_secret: SECRET,
    })
  })

  it('is nothing when disabled', async () => {
    build({ '/': { is_disabled: true } })
    await app.inject({ url: '/', headers: { authorization: 'mine' } })
    expect([upstreams[0]!.authorization, server.requests.length]).toEqual(['mine', 0])
  })

  it('is one token for the same credentials, another one for other scopes (OA-15)', async () => {
    build({ '/a': {}, '/b': {}, '/c': { scopes: 'other' } })
    for (const url of ['/a', '/b', '/c', '/a']) await app.inject(url)
    expect(upstreams.map(({ authorization }) => authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-1',
      'Bearer token-2',
      'Bearer token-1',
    ])
  })

  it('costs one token request for a thousand requests at once', async () => {
    build({ '/': {} })
    const responses = await Promise.all(Array.from({ length: 1000 }, () => app.inject('/')))
    expect(new Set(responses.map(({ statusCode }) => statusCode))).toEqual(new Set([200]))
    expect(server.requests).toHaveLength(1)
  })
})

describe('an upstream that answers 401', () => {
  it('gets another token, once (OA-08)', async () => {
    build({ '/': {} })
    await app.inject('/')
    upstreamStatus = (token) => (token === 'Bearer token-1' ? 401 : 200)
    expect((await app.inject('/')).statusCode).toBe(200)
    expect(upstreams.map(({ authorization }) => authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-1',
      'Bearer token-2',
    ])
  })

  it('is not asked twice with a POST, whose successor has the new token', async () => {
    build({ '/': {} })
    upstreamStatus = (token) => (token === 'Bearer token-1' ? 401 : 200)
    expect((await app.inject({ method: 'POST', url: '/' })).statusCode).toBe(401)
    expect((await app.inject({ method: 'POST', url: '/' })).statusCode).toBe(200)
  })

  it('makes no loop when it refuses every token', async () => {
    build({ '/': {} })
    upstreamStatus = () => 401
    for (let i = 0; i < 20; i++) expect((await app.inject('/')).statusCode).toBe(401)
    expect(server.requests).toHaveLength(2)
    expect(upstreams).toHaveLength(21)
  })

  it('keeps its answer when retries are off', async () => {
    build({ '/': { retry_on_401: false } })
    upstreamStatus = () => 401
    for (let i = 0; i < 3; i++) await app.inject('/')
    expect([server.requests.length, upstreams.length]).toEqual([1, 3])
  })
})

describe('no token means 502, in time, and nothing goes upstream', () => {
  it('when nobody listens (OA-01)', async () => {
    build({ '/': { token_url: 'http://127.0.0.1:1/token' } })
    await expectUnavailable(await app.inject('/'))
    expect(lines.join('')).toContain('cannot be reached (ECONNREFUSED)')
  })

  it.each(['does not answer', 'drips'])('when it %s (OA-02)', async (how) => {
    server.answer = (response) => {
      if (how === 'drips') response.writeHead(200, { 'content-type': 'application/json' }).write('{')
    }
    build({ '/': { timeout: '150ms' } })
    const begun = performance.now()
    await expectUnavailable(await app.inject('/'))
    expect(performance.now() - begun).toBeLessThan(1000)
    expect(lines.join('')).toContain('does not answer in time')
  })

  it('when it fails, without asking again at once (OA-03)', async () => {
    server.answer = (response) => json(response, { error: 'invalid_client', error_description: SECRET }, 401)
    build({ '/': {} })
    for (let i = 0; i < 100; i++) await expectUnavailable(await app.inject('/'))
    expect(server.requests).toHaveLength(1)
    expect(lines.filter((line) => line.includes('the token endpoint answers 401 invalid_client'))).toHaveLength(1)
  })

  const nonsense: Record<string, unknown> = {
    'an empty object': {},
    'a token that is a number': { access_token: 123, token_type: 'Bearer' },
    'an empty token': { access_token: '', token_type: 'Bearer' },
    'no token type': { access_token: 'x' },
    'another token type': { access_token: 'x', token_type: 'mac' },
    'a line break in the token (OA-10)': { access_token: 'x\r\nx-admin: 1', token_type: 'Bearer' },
    'a token with a space': { access_token: 'x y', token_type: 'Bearer' },
    'a token of 20,000 characters': { access_token: 'x'.repeat(20_000), token_type: 'Bearer' },
    'a life of 0 seconds (OA-05)': { access_token: 'x', token_type: 'Bearer', expires_in: 0 },
    'a negative life': { access_token: 'x', token_type: 'Bearer', expires_in: -1 },
    'a life that is no number': { access_token: 'x', token_type: 'Bearer', expires_in: 'soon' },
  }
  it.each(Object.keys(nonsense))('when it answers %s (OA-04)', async (name) => {
    server.answer = (response) => json(response, nonsense[name])
    build({ '/': {} })
    await expectUnavailable(await app.inject('/'))
  })

  it.each([
    [
      'an HTML page',
      (response: import('node:http').ServerResponse) =>
        void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    ],
    ['nothing', (response: import('node:http').ServerResponse) => void response.writeHead(200).end()],
    ['204', (response: import('node:http').ServerResponse) => void response.writeHead(204).end()],
    [
      'a cut answer',
      (response: import('node:http').ServerResponse) =>
        void response.writeHead(200, { 'content-length': '100' }).write('{', () => response.destroy()),
    ],
    [
      'two megabytes (OA-13)',
      (response: import('node:http').ServerResponse) =>
        void response.writeHead(200, { 'content-type': 'application/json' }).end(' '.repeat(2 ** 21)),
    ],
    ['status 599', (response: import('node:http').ServerResponse) => void response.writeHead(599).end('x')],
  ])('when it answers %s', async (_name, answer) => {
    server.answer = answer
    build({ '/': {} })
    await expectUnavailable(await app.inject('/'))
  })

  it('when it redirects: the secret goes nowhere else (OA-11)', async () => {
    const other = await new TokenServer().start()
    server.answer = (response) => void response.writeHead(307, { location: other.url }).end()
    build({ '/': {} })
    await expectUnavailable(await app.inject('/'))
    expect(other.requests).toEqual([])
    await other.stop()
  })

  it.each(['3600', 3600, undefined, 1e12])('but takes a life of %s', async (expires_in) => {
    server.answer = (response) => json(response, { access_token: 'x', token_type: 'bearer', expires_in })
    build({ '/': {} })
    expect((await app.inject('/')).statusCode).toBe(200)
  })

  it('and in monitor mode neither a token nor the client’s own goes upstream', async () => {
    build({ '/': { token_url: 'http://127.0.0.1:1/token', mode: 'monitor' } })
    expect((await app.inject({ url: '/', headers: { authorization: 'Bearer user' } })).statusCode).toBe(200)
    expect(upstreams[0]).not.toHaveProperty('authorization')
  })
})

it.runIf(opensslInstalled)('checks the certificate of the token endpoint (OA-12)', async () => {
  const { folder, certificate, key } = selfSigned('localhost')
  const https = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (_request, response) =>
    json(response, { access_token: 'tls', token_type: 'Bearer' }),
  )
  await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve))
  const { port } = https.address() as { port: number }
  const url = (host: string) => `https://${host}:${port}/token`
  build({
    '/bad': { token_url: url('localhost') },
    '/name': { token_url: url('127.0.0.1'), ca_certs: [certificate] },
    '/good': { token_url: url('localhost'), ca_certs: [certificate] },
  })
  await expectUnavailable(await app.inject('/bad'))
  await expectUnavailable(await app.inject('/name'))
  expect((await app.inject('/good')).statusCode).toBe(200)
  https.closeAllConnections()
  await new Promise((resolve) => https.close(resolve))
  rmSync(folder, { recursive: true })
})

const valid = { client_id: 'a', client_secret: SECRET, token_url: 'https://login.example.com/token' }
it.each([
  [{}, /"client_id" is missing[\s\S]*"client_secret" is missing[\s\S]*"token_url" is missing/],
  [{ ...valid, token_url: 'nowhere' }, /^\.token_url expected a URL such as/],
  [{ ...valid, token_url: 'http://login.example.com/token' }, /^\.token_url would send the client secret unencrypted/],
  [{ ...valid, token_url: 'http://login.example.com/token', allow_insecure_token_url: true }, /^$/],
  [{ ...valid, token_url: 'http://[::1]/token' }, /^$/],
  [{ ...valid, token_url: 'https://u:p@login.example.com/' }, /^\.token_url must not hold credentials$/],
  [{ ...valid, auth_style: 'header' }, /^\.auth_style expected one of "basic", "post"/],
  [{ ...valid, endpoint_params: { scope: 'x' } }, /^\.endpoint_params\.scope belongs into "scopes"/],
  [{ ...valid, endpoint_params: { grant_type: 'password' } }, /^\.endpoint_params\.grant_type is set by/],
  [{ ...valid, header_name: 'a b' }, /^\.header_name expected the name of a header/],
  [{ ...valid, header_name: 'Host' }, /^\.header_name cannot carry a token/],
  [{ ...valid, ca_certs: ['/no/such/file'] }, /^\.ca_certs\[0\] there is no file/],
  [{ ...valid, timeout: 0 }, /^\.timeout must be longer/],
  [{ ...valid, client_secrets: 'x' }, /did you mean "client_secret"/],
])('checks %j at start', (config, expected) => {
  const block = { 'github.com/devopsfaith/krakend-oauth2-clientcredentials': config }
  const { issues } = readBlocks(block, new ComponentIndex([erased]), { level: 'backend', place: '', baseDir: '.' })
  const said = issues
    .map(({ place, message }) => `${place.replace(/^\[.*?\](?=\.|$)/, '')} ${message}`.trim())
    .join('\n')
  expect(said).toMatch(expected)
  expect(said).not.toContain(SECRET)
})
