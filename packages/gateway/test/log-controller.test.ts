import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { gateway, serverOptions } from '../src/index.ts'

const config = {
  extra_config: {
    'auth/api-keys': { keys: [{ key: 'a-key-of-a-client' }], strategy: 'query_string', identifier: 'k' },
  },
}

let app: FastifyInstance | undefined
afterEach(() => app?.close())

/** Everything an app logs of one request. */
async function logOf(url: string, more: FastifyServerOptions = {}): Promise<string> {
  let log = ''
  const stream = {
    write: (line: string) => {
      log += line
    },
  }
  const options: object = { ...serverOptions(config), logger: { level: 'trace', stream }, ...more }
  app = Fastify(options) as unknown as FastifyInstance
  await app.register(gateway, config)
  app.get('/x', (request) => request.query)
  app.get('/boom', () => Promise.reject(new Error('boom')))
  await app.inject(url)
  return log
}

describe('log lines of Fastify’s own', () => {
  it.each([
    ['/x?k=a-key-of-a-client&page=2', '/x?k=[redacted]&page=2'],
    ['/x?%6B=a-key-of-a-client', '/x?%6B=[redacted]'],
    ['/boom?k=a-key-of-a-client', '/boom?k=[redacted]'],
    ['/none?k=a-key-of-a-client&access_token=s3cret', 'Route GET:/none?k=[redacted]&access_token=[redacted] not found'],
    ['/x?token=s3cret&id=7', '/x?token=[redacted]&id=7'],
    ['/x?page=2&k', '/x?page=2&k'],
    ['/x?a&k=s3cret&&=&b=1&token=s3cret=s3cret&c', '/x?a&k=[redacted]&&=&b=1&token=[redacted]&c'],
  ])('%s: the credential is not among them', async (url, shown) => {
    const log = await logOf(url)
    expect(log).toContain(shown)
    expect(log).toContain('incoming request')
    expect(log).not.toMatch(/a-key-of-a-client|s3cret/)
  })

  it('a serializer of the app’s own sees the same', async () => {
    let log = ''
    const logger = {
      level: 'info',
      stream: {
        write: (line: string) => {
          log += line
        },
      },
      serializers: { req: (request: { raw: { url?: string } }) => ({ target: request.raw.url }) },
    }
    await logOf('/x?k=a-key-of-a-client', { logger } as never)
    expect(log).toContain('"target":"/x?k=[redacted]"')
    expect(log).not.toContain('a-key-of-a-client')
  })

  it('the handler gets its query as it was', async () => {
    await logOf('/x?k=a-key-of-a-client&page=2')
    expect((await app!.inject('/x?k=a-key-of-a-client&token=s3cret')).json()).toEqual({ token: 's3cret' })
  })

  it('disableRequestLogging holds', async () => {
    expect(await logOf('/x?k=a-key-of-a-client', { disableRequestLogging: true })).not.toContain('incoming request')
  })
})
