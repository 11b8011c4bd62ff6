import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import requestLimits, { type RequestLimitsConfig, serverLimits } from '../src/index.ts'
import { exchange, head, listen } from './wire.ts'

let app: FastifyInstance | undefined
afterEach(() => app?.close())

/** A server made for the block, as the gateway makes it. */
async function start(config: RequestLimitsConfig): Promise<number> {
  app = Fastify(serverLimits(config)) as unknown as FastifyInstance
  await app.register(requestLimits, config)
  app.post('/*', (request) => ({
    got: JSON.stringify(request.body).length,
    decisions: request.portcullis!.decisions.map(({ code, mode }) => `${code} ${mode}`),
  }))
  return listen(app)
}

const post = (url: string, body: string, headers: Record<string, string> = {}): string =>
  head(`POST ${url}`, {
    connection: 'close',
    'content-type': 'application/json',
    'content-length': String(body.length),
    ...headers,
  }) + body

describe('monitor mode: the server refuses nothing that is to be recorded', () => {
  it.each([
    ['a body', { max_body: 5 }, post('/', '"0123456789"'), 'BODY_TOO_LARGE'],
    ['a URL', { max_url: 10 }, post(`/${'a'.repeat(4000)}`, '1'), 'URL_TOO_LONG'],
    ['headers', { max_header_size: 300, max_url: 10 }, post('/', '1', { a: 'b'.repeat(4000) }), 'HEADERS_TOO_LARGE'],
  ])('%s', async (_name, config, request, code) => {
    const { text, status } = await exchange(await start({ ...config, mode: 'monitor' }), request)
    expect(status).toBe(200)
    expect(text).toContain(`"decisions":["${code} monitor"]`)
  })

  it('slow heads and bodies', async () => {
    const config = { header_timeout: '100ms', body_timeout: '50ms', request_timeout: '150ms', mode: 'monitor' } as const
    const request = post('/', '12345')
    const drip = [...Array.from({ length: 6 }, () => ''), request.slice(20, -3), '', '', '', request.slice(-3)]
    const answer = await exchange(await start(config), request.slice(0, 20), { drip, every: 100 })
    expect(answer.status).toBe(200)
    expect(answer.text).toContain('TIMEOUT monitor')
  })

  it('connections, and requests on one', async () => {
    const port = await start({
      max_connections: 1,
      max_connections_per_ip: 1,
      max_requests_per_connection: 1,
      mode: 'monitor',
    })
    const twice = post('/', '1', { connection: 'keep-alive' }) + post('/', '1')
    const answers = await Promise.all([exchange(port, twice), exchange(port, twice)])
    for (const { text } of answers) expect(text.match(/HTTP\/1\.1 200 /g)).toHaveLength(2)
  })

  it('what the block allows beyond the defaults is allowed', () => {
    expect(serverLimits({ max_body: '5M', mode: 'monitor' }).bodyLimit).toBe(5 * 1024 * 1024)
    expect(serverLimits({ max_body: 5 }).bodyLimit).toBe(5)
  })
})
