import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import Fastify from 'fastify'
import { describe, expect, it } from 'vitest'
import plugin, { type CorsConfig } from '../src/index.ts'

interface Case {
  name: string
  config: Record<string, unknown>
  method: 'GET' | 'PUT' | 'OPTIONS'
  headers: Record<string, string>
  backend_headers?: Record<string, string>
  reached_router: boolean
  status: number
  response_headers: Record<string, string[]>
}

/** Where we differ from the recorded behaviour, on purpose; the README has the same table. */
const DIFFERENCES: Record<
  string,
  { why: string; refused?: RegExp; status?: number; headers?: Record<string, string> }
> = {
  'pre-no-origin': {
    why: 'without Origin it is no preflight: it belongs to the app',
    status: 404,
    headers: { vary: 'Origin' },
  },
  'pre-star-credentials': {
    why: 'browsers refuse it, and it means any site',
    refused: /allow_credentials: any origin together with credentials/,
  },
  'get-star-credentials': {
    why: 'browsers refuse it, and it means any site',
    refused: /allow_credentials: any origin together with credentials/,
  },
  'pre-wild-suffix-evil': { why: 'a wildcard never spans a slash', headers: {} },
  'pre-wild-prefix-evil': { why: 'a wildcard never spans a dot', headers: {} },
  'pre-headers-unsorted': {
    why: 'the order of the list means nothing',
    headers: {
      'access-control-allow-headers': 'x-b,x-a',
      'access-control-allow-methods': 'GET',
      'access-control-allow-origin': 'https://a.com',
    },
  },
  'pre-max-age-negative': { why: 'a negative duration is a mistake', refused: /max_age: expected a duration/ },
  'backend-cors-duplicated': {
    why: 'the gateway’s policy replaces the backend’s',
    headers: { 'access-control-allow-origin': 'https://a.com', vary: 'Accept, Origin' },
  },
}

const file = fileURLToPath(new URL('../../../../shared/vectors/krakend/cors.json', import.meta.url))
const present = existsSync(file)
if (!present) console.warn('the recorded cases of KrakenD’s CORS are not here: skipped')
const cases: Case[] = present ? JSON.parse(readFileSync(file, 'utf8')) : []

async function start(recorded: Case) {
  const app = Fastify()
  await app.register(plugin, recorded.config as CorsConfig)
  let reached = false
  const handler = (_request: unknown, reply: { headers: (values: object) => { send: (body: string) => void } }) => {
    reached = true
    reply.headers(recorded.backend_headers ?? {}).send('ok')
  }
  const own = recorded.config.options_passthrough === true ? ['OPTIONS'] : []
  app.route({ method: ['GET', 'HEAD', 'POST', 'PUT', ...own] as never, url: '/', handler: handler as never })
  return { app, reached: () => reached }
}

/** Security-relevant headers only: the recorder’s server adds none of its own here, Fastify does. */
function corsHeaders(headers: Record<string, unknown>): Record<string, unknown> {
  const names = Object.keys(headers).filter((name) => name.startsWith('access-control-') || name === 'vary')
  return Object.fromEntries(names.map((name) => [name, headers[name]]))
}

describe.skipIf(!present)('recorded cases of KrakenD', () => {
  it('are all here', () => expect(cases.length).toBeGreaterThanOrEqual(33))

  it.each(cases.map((recorded) => [recorded.name, recorded] as const))('%s', async (name, recorded) => {
    const differs = DIFFERENCES[name]
    if (differs?.refused !== undefined) {
      await expect(start(recorded)).rejects.toThrow(differs.refused)
      return
    }
    const { app, reached } = await start(recorded)
    const response = await app.inject({ method: recorded.method, url: '/', headers: recorded.headers })
    const wanted = Object.fromEntries(
      Object.entries(recorded.response_headers).map(([header, values]) => [header.toLowerCase(), values.join(', ')]),
    )
    const expected = differs?.headers === undefined ? wanted : { vary: wanted.vary, ...differs.headers }
    expect(corsHeaders(response.headers)).toEqual(expected)
    expect(response.statusCode).toBe(differs?.status ?? recorded.status)
    expect(reached()).toBe(recorded.reached_router && differs?.status === undefined)
    await app.close()
  })
})
