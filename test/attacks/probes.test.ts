/**
 * The recorded probe battery: raw bytes on real sockets against one gateway. Whatever a probe expects in numbers is
 * asserted; beyond that no answer is a 5xx, nothing leaves its route or arrives under a name of the gateway's, and the
 * gateway answers the next request.
 */
import { existsSync, readFileSync } from 'node:fs'
import net from 'node:net'
import type { FastifyInstance } from 'fastify'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Echo, startEcho, startGateway } from '../e2e/helpers.ts'

interface Probe {
  id: string
  area: string
  setup: string
  request: string
  expect: string
}

const file = new URL('../../../shared/vectors/probes.json', import.meta.url)
const probes: Probe[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
if (probes.length === 0) console.log('probes.json is not beside the repository: its probes are skipped')

/** Answered otherwise than the probe's first number says, on purpose. */
const DELIBERATE: Record<string, { statuses: number[]; reason: string }> = {
  'SM-51': {
    statuses: [200, 400, 417],
    reason: 'Node answers an unknown Expect with 417 by itself, or the body is taken',
  },
  'HO-02': { statuses: [200], reason: 'the host is allowed in any case' },
  'SM-46': { statuses: [400, 404, 405], reason: 'a CONNECT is a request that no route takes: nothing is tunnelled' },
  'SM-22': { statuses: [200, 400], reason: 'a chunk extension is dropped' },
  'SM-30': { statuses: [200, 400], reason: 'a forbidden trailer is dropped' },
}

/** Setups of a gateway by what the probe needs. */
const HTTP = (extra: Record<string, unknown>): Record<string, unknown> => ({ 'security/http': extra })

const SECRET = 'a secret of at least thirty-two bytes, for tests'
const SCHEMA = {
  type: 'object',
  required: ['email'],
  properties: { email: { type: 'string', format: 'email', maxLength: 255 }, password: { type: 'string' } },
}

let backend: Awaited<ReturnType<typeof startEcho>>
const gateways = new Map<string, { app: FastifyInstance; port: number }>()
let token = ''

beforeAll(async () => {
  backend = await startEcho()
  token = await new SignJWT({ sub: 'alice', roles: ['user'] })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(SECRET))
})
afterAll(async () => {
  for (const { app } of gateways.values()) await app.close()
  backend.close()
})

async function gatewayFor(probe: Probe): Promise<number> {
  const extra =
    probe.area === 'host'
      ? HTTP({ allowed_hosts: ['gw.example.com:8443'] })
      : probe.area === 'ssl'
        ? HTTP({ ssl_redirect: true, allowed_hosts: ['gw.test'] })
        : {}
  const key = JSON.stringify(extra)
  let found = gateways.get(key)
  if (found === undefined) {
    found = await startGateway({
      extra_config: { 'security/request-limits': { max_body: '1M' }, ...extra },
      endpoints: endpoints(backend.url),
    })
    gateways.set(key, found)
  }
  return found.port
}

function endpoints(url: string) {
  const to = (url_pattern: string) => [{ host: [url], url_pattern }]
  const all = { input_headers: ['*'], input_query_strings: ['*'] }
  const validator = {
    alg: 'HS256',
    secret: SECRET,
    propagate_claims: [
      ['sub', 'x-user-id'],
      ['roles', 'x-user-roles'],
    ],
    inject_authenticated_header: 'x-authenticated',
  }
  const query = {
    parameter_schema: [{ in: 'query', name: 'page', schema: { type: 'integer', minimum: 1 } }],
    reject_unknown_parameters: true,
  }
  return [
    { endpoint: '/public/*', method: '*', ...all, backend: to('/public/*') },
    { endpoint: '/api/*', method: '*', ...all, backend: to('/api/*'), extra_config: { 'auth/validator': validator } },
    { endpoint: '/u/{id}', ...all, backend: to('/users/{id}') },
    {
      endpoint: '/small/*',
      method: 'POST',
      ...all,
      backend: to('/small/*'),
      extra_config: { 'security/request-limits': { max_body: 1024 } },
    },
    {
      endpoint: '/jsmall',
      method: 'POST',
      ...all,
      backend: to('/jsmall'),
      extra_config: { 'security/request-limits': { max_body: 1024 } },
    },
    {
      endpoint: '/j',
      method: 'POST',
      ...all,
      backend: to('/j'),
      extra_config: { 'validation/request': { body_schema: {}, allowed_content_types: ['application/json'] } },
    },
    {
      endpoint: '/v',
      method: 'POST',
      ...all,
      backend: to('/v'),
      extra_config: { 'validation/request': { body_schema: SCHEMA, allowed_content_types: ['application/json'] } },
    },
    {
      endpoint: '/vc',
      method: 'POST',
      ...all,
      backend: to('/vc'),
      extra_config: { 'validation/request': { body_schema: SCHEMA, allowed_content_types: ['application/json'] } },
    },
    { endpoint: '/q', ...all, backend: to('/q'), extra_config: { 'validation/request': query } },
  ] as never
}

function send(port: number, bytes: Buffer): Promise<{ text: string; ms: number }> {
  return new Promise((resolve) => {
    const started = performance.now()
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes))
    let text = ''
    let idle: NodeJS.Timeout | undefined
    const done = (): void => {
      clearTimeout(idle)
      socket.destroy()
      resolve({ text, ms: performance.now() - started })
    }
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      clearTimeout(idle)
      idle = setTimeout(done, 150)
    })
    socket.on('error', () => undefined)
    socket.on('close', done)
    setTimeout(done, 1500)
  })
}

/** The numbers that an expectation begins with: `400/501`, `400 or 415: …`. */
function statusesOf(probe: Probe): number[] | undefined {
  if (DELIBERATE[probe.id] !== undefined) return DELIBERATE[probe.id]!.statuses
  const match = /^(?:[0-9]{3})(?:(?:\/| or |, )(?:[0-9]{3}))*/.exec(probe.expect)
  return match === null ? undefined : match[0].match(/[0-9]{3}/g)!.map(Number)
}

const RESERVED = /^x[-_](user|authenticated)|^x-forwarded-(for|host|proto)$/i

function checkSeen(probe: Probe, seen: readonly Echo[]): void {
  for (const { url, headers } of seen) {
    expect(url, 'the path stays under its route').toMatch(/^\/(public|api|users|small|jsmall|j|v|vc|q)(\/|\?|$)/)
    const path = decodeURIComponent(url.split('?', 1)[0]!)
    expect(path.split('/'), 'no dot segments').not.toContain('..')
    expect(headers['x-forwarded-for']).toBe('127.0.0.1')
    for (const name of ['proxy-authorization', 'te', 'upgrade', 'proxy', 'x-http-method-override'])
      expect(headers[name], name).toBeUndefined()
    if (!url.startsWith('/api/'))
      for (const name in headers) expect(RESERVED.test(name) && !name.startsWith('x-forwarded-'), name).toBe(false)
    else expect(headers['x-user-id']).toBe('alice')
  }
  if (probe.id.startsWith('SM')) expect(seen.length, 'one request at most').toBeLessThanOrEqual(1)
}

const raw = probes.filter(
  ({ area, request }) =>
    area !== 'waf' &&
    /^[A-Z]+ [^\n]* HTTP\/[0-9.]+\r?\n/.test(request) &&
    !/<other port>|\.\.\.\([0-9]+ (chars|bytes)\)/.test(request),
)

describe.skipIf(raw.length === 0)('probes', () => {
  it.each(raw.map((probe) => [probe.id, probe.setup, probe] as const))('%s %s', async (_id, _setup, probe) => {
    const port = await gatewayFor(probe)
    backend.seen.length = 0
    const bytes = Buffer.from(probe.request.replace('<valid token>', token), 'latin1')
    const { text, ms } = await send(port, bytes)
    const answers = [...text.matchAll(/HTTP\/1\.1 ([0-9]{3})/g)].map((match) => Number(match[1]))
    for (const status of answers) expect(status, text.slice(0, 300)).toBeLessThan(500)
    const wanted = statusesOf(probe)
    const final = answers.filter((status) => status !== 100)
    if (wanted !== undefined && final.length > 0)
      expect(wanted, `${probe.expect}\n${text.slice(0, 400)}`).toContain(final[0])
    if (wanted?.every((status) => status >= 400) === true) expect(backend.seen).toHaveLength(0)
    expect(ms).toBeLessThan(1450)
    checkSeen(probe, backend.seen)
    if (/byte-exact|forwarded as/.test(probe.expect) && backend.seen.length > 0) {
      expect(backend.seen[0]!.body).toBe(probe.request.slice(probe.request.indexOf('\r\n\r\n') + 4))
    }
    const alive = await send(
      port,
      Buffer.from('GET /public/alive HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n'),
    )
    expect(alive.text).toMatch(/^HTTP\/1\.1 (200|301|421)/)
  })
})

/** Those that the file holds only in part, whole. */
describe('large probes', () => {
  const post = (path: string, body: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: gw.test\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
  const chunk = 'a'.repeat(5000)

  it.each<[string, string, number]>([
    [
      '2,000 headers',
      `GET /public/x HTTP/1.1\r\nHost: gw.test\r\n${Array.from({ length: 2000 }, (_, i) => `a${i}: 1\r\n`).join('')}\r\n`,
      431,
    ],
    ['a header of 40,000 bytes', `GET /public/x HTTP/1.1\r\nHost: gw.test\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`, 431],
    ['a URL of 12,000 bytes', `GET /public/${'a'.repeat(12_000)} HTTP/1.1\r\nHost: gw.test\r\n\r\n`, 414],
    [
      'a chunked body beyond the limit',
      `POST /jsmall HTTP/1.1\r\nHost: gw.test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.length.toString(16)}\r\n${chunk}\r\n0\r\n\r\n`,
      413,
    ],
    ['JSON 200,000 levels deep', post('/j', '['.repeat(200_000) + ']'.repeat(200_000)), 400],
    ['an address of 50,000 characters', post('/v', JSON.stringify({ email: `${'a'.repeat(50_000)}@` })), 400],
  ])('%s', async (_name, request, status) => {
    const port = await gatewayFor({ id: '', area: '', setup: '', request, expect: '' })
    const { text, ms } = await send(port, Buffer.from(request, 'latin1'))
    expect(Number(text.slice(9, 12)), text.slice(0, 200)).toBe(status)
    expect(ms).toBeLessThan(1450)
  })
})
