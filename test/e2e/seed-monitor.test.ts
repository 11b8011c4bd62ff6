/** `mode: "monitor"` of each block that can refuse: the request passes, the record says what would have happened. */
import type { AddressInfo } from 'node:net'
import { type GatewayDocument, gateway, serverOptions } from '@portcullis/gateway'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startEcho } from './helpers.ts'
import { ipRestriction, requestValidator } from './seed-perimeter.ts'

let backend: Awaited<ReturnType<typeof startEcho>>
beforeAll(async () => {
  backend = await startEcho()
})
afterAll(() => backend.close())

const json = { 'content-type': 'application/json' }
const hs256 = { alg: 'HS256', secret: 's'.repeat(32) }
const hash = '$2b$04$w5nXQy/MBdTHdV1zZ0h3LeZKCRL4ONTqEZtIl/.4W8XQZ1mYpnUAK'
const post = (body: string, headers: Record<string, string> = {}): RequestInit => ({ method: 'POST', body, headers })
const none: RequestInit = {}

/** A block, a request that it refuses, and how. */
type Case = [namespace: string, block: object, request: RequestInit, status: number, code: string]

const cases: Case[] = [
  ['security/http', { allowed_hosts: ['other.test'] }, none, 421, 'HOST_NOT_ALLOWED'],
  ['security/http', { ssl_redirect: true, ssl_host: 'other.test' }, none, 301, 'HTTPS_REQUIRED'],
  ['security/ip-filter', ipRestriction, none, 403, 'IP_DENIED'],
  ['security/bot-detector', { deny: ['bot'] }, { headers: { 'user-agent': 'bot' } }, 403, 'BOT'],
  ['security/request-limits', { max_url: 3 }, none, 414, 'URL_TOO_LONG'],
  ['security/request-limits', { max_body: 3 }, post('x'.repeat(10)), 413, 'BODY_TOO_LARGE'],
  ['qos/ratelimit/router', { max_rate: 0.001, capacity: 1 }, none, 429, 'RATE_LIMITED'],
  ['qos/ratelimit/router', { minute: 1 }, none, 429, 'RATE_LIMITED'],
  ['auth/validator', hs256, none, 401, 'TOKEN_MISSING'],
  ['auth/validator', hs256, { headers: { authorization: 'Bearer x.y.z' } }, 401, 'TOKEN_INVALID'],
  ['auth/basic', { users: { ann: hash } }, none, 401, 'CREDENTIALS_INVALID'],
  ['validation/request', requestValidator, post('{}', json), 400, 'BODY_INVALID'],
  ['validation/json-schema', requestValidator.body_schema, post('{}', json), 400, 'BODY_INVALID'],
  ['security/graphql', { max_depth: 1 }, post('{"query":"{a{b}}"}', json), 400, 'GRAPHQL_LIMIT'],
  [
    'security/waf',
    { rules: 'SecRule ARGS "@contains attack" "id:1,phase:2,deny"' },
    post('q=attack', { 'content-type': 'application/x-www-form-urlencoded' }),
    403,
    'WAF_BLOCKED',
  ],
]

interface Outcome {
  statuses: number[]
  /** Of the last request. */
  decisions: { code: string; mode: string; status?: number }[]
}

/** Two requests through an endpoint with the block. */
async function ask(namespace: string, block: object, request: RequestInit): Promise<Outcome> {
  const document: GatewayDocument = {
    endpoints: [
      {
        endpoint: '/x/y',
        method: ['GET', 'POST'],
        extra_config: { [namespace]: block },
        backend: [{ host: [backend.url] }],
      },
    ],
  }
  const outcome: Outcome = { statuses: [], decisions: [] }
  const app = Fastify(serverOptions(document)) as unknown as FastifyInstance
  app.addHook('onResponse', async ({ portcullis }) => {
    // Beside what it refuses, the WAF records each rule that matched.
    const judged = portcullis!.decisions.filter(({ mode }) => mode !== 'record')
    outcome.decisions = judged.map(({ code, mode, status }) => ({ code, mode, status: status! }))
  })
  await app.register(gateway, document)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  for (let i = 0; i < 2; i++) {
    const response = await fetch(`http://127.0.0.1:${port}/x/y`, { redirect: 'manual', ...request })
    outcome.statuses.push(response.status)
    await response.arrayBuffer()
  }
  await app.close()
  return outcome
}

it.each(cases)('%s %j records what %j would be refused for', async (namespace, block, request, status, code) => {
  const enforced = await ask(namespace, block, request)
  expect(enforced.statuses.at(-1)).toBe(status)
  expect(enforced.decisions).toEqual([{ code, mode: 'enforce', status }])
  const seen = backend.seen.length
  const watched = await ask(namespace, { ...block, mode: 'monitor' }, request)
  expect(watched.statuses).toEqual([200, 200])
  expect(watched.decisions).toEqual([{ code, mode: 'monitor', status }])
  expect(backend.seen.length).toBe(seen + 2)
  if (typeof request.body === 'string') expect(backend.seen.at(-1)!.body).toBe(request.body)
})
