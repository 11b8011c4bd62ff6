import { type Component, ComponentIndex, type EndpointRoute, Engine, readBlocks } from '@portcullis/core'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { exchange } from '../../core/test/exchange.ts'
import { type HeadersConfig, responseHeaders, responseHeadersPlugin } from '../src/index.ts'

let app: FastifyInstance
afterEach(() => app?.close())

const OWN = new Set(['content-type', 'content-length', 'date', 'connection'])

async function sent(config: HeadersConfig, respond: (reply: FastifyReply) => unknown) {
  app = Fastify({ genReqId: () => 'req-7' })
  await app.register(responseHeadersPlugin, config)
  app.get('/', (_request, reply) => {
    respond(reply)
    return reply.send('ok')
  })
  const { headers } = await app.inject('/')
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !OWN.has(name)))
}

describe('rules', () => {
  it.each([
    ['T01 delete', { delete: ['X-A', 'X-B'] }, { 'x-a': '1', 'x-b': ['2', '3'] }, {}],
    ['T02 rename what is absent', { rename: { 'x-a': 'x-b' } }, {}, {}],
    ['T02 rename several values', { rename: { 'x-a': 'x-b' } }, { 'x-a': ['1', '2'] }, { 'x-b': ['1', '2'] }],
    [
      'T03 replace, with a colon in the value',
      { replace: ['X-A:value:2'] },
      { 'x-a': ['1', '2'] },
      { 'x-a': 'value:2' },
    ],
    ['replace what is absent (Kong would not)', { replace: { 'x-a': '1' } }, {}, { 'x-a': '1' }],
    ['T04 add', { add: { 'x-a': 'v2', 'x-b': 'v2' } }, { 'x-a': 'v1' }, { 'x-a': 'v1', 'x-b': 'v2' }],
    ['T05 append', { append: { 'x-a': 'v2', 'x-b': 'v2' } }, { 'x-a': 'v1' }, { 'x-a': 'v1, v2', 'x-b': 'v2' }],
    ['append to a list', { append: { 'x-a': '3' } }, { 'x-a': ['1', '2'] }, { 'x-a': '1, 2, 3' }],
    ['several values, as KrakenD lists them', { replace: { 'x-a': ['1', '2'] } }, {}, { 'x-a': '1, 2' }],
    ['one cookie as a list', { add: { 'Set-Cookie': ['a=1'] } }, {}, { 'set-cookie': 'a=1' }],
    ['a number', { append: { 'x-a': '2' } }, { 'x-a': 1 }, { 'x-a': '1, 2' }],
    ['append a cookie', { append: { 'Set-Cookie': 'b=2' } }, { 'set-cookie': 'a=1' }, { 'set-cookie': ['a=1', 'b=2'] }],
    [
      'replace cookies',
      { replace: { 'Set-Cookie': 'b=2' } },
      { 'set-cookie': ['a=1', 'c=3'] },
      { 'set-cookie': 'b=2' },
    ],
    [
      'rename to cookies',
      { rename: { 'x-c': 'set-cookie' } },
      { 'x-c': 'b=2', 'set-cookie': 'a=1' },
      { 'set-cookie': 'b=2' },
    ],
    [
      'values',
      { add: { 'X-Request-Id': '${request.id}', 'X-Status': '${response.status}' } },
      {},
      { 'x-request-id': 'req-7', 'x-status': '200' },
    ],
  ])('%s', async (_name, config, own, expected) => {
    expect(await sent(config as HeadersConfig, (reply) => reply.headers(own as never))).toEqual(expected)
  })
})

it('applies to errors and 404s too', async () => {
  app = Fastify()
  await app.register(responseHeadersPlugin, { add: { 'X-A': '${response.status}' } })
  app.get('/boom', () => {
    throw new Error('boom')
  })
  expect((await app.inject('/boom')).headers['x-a']).toBe('500')
  expect((await app.inject('/nowhere')).headers['x-a']).toBe('404')
})

it('never lets a value end its header', async () => {
  app = Fastify()
  await app.register(responseHeadersPlugin, { add: { 'X-Path': '${request.headers.x-in}' } })
  app.get('/', (request, reply) => {
    request.headers['x-in'] = 'a\r\nSet-Cookie: evil=1\r\n\r\n<html>'
    return reply.send('ok')
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const answer = await exchange(app, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  expect(answer).toContain('x-path: aSet-Cookie: evil=1<html>\r\n')
  expect(answer).not.toMatch(/^set-cookie/im)
})

it('at backend level changes what came from the backend only', async () => {
  app = Fastify()
  const refuser: Component = {
    name: 'refuser',
    namespaces: ['test/refuser'],
    levels: ['service'],
    schema: { type: 'object' },
    create: () => ({
      steps: [{ phase: 'onRequest', run: (request) => (request.headers['x-no'] === undefined ? undefined : REFUSED) }],
    }),
  }
  const { Refusal } = await import('@portcullis/core')
  const REFUSED = new Refusal(403, 'NO', 'No')
  const components = [refuser, responseHeaders as Component]
  const { blocks } = readBlocks({ 'test/refuser': {} }, new ComponentIndex(components), {
    level: 'service',
    place: 'x',
    baseDir: '.',
  })
  new Engine(app, { components, blocks })
  const rules = { 'modifier/response-headers': { replace: { 'X-From': 'backend' } } }
  const portcullisEndpoint: EndpointRoute = { place: 'e', backend: { place: 'e.backend', extra_config: rules } }
  app.get('/', { config: { portcullisEndpoint } }, () => 'ok')
  expect((await app.inject('/')).headers['x-from']).toBe('backend')
  const refused = await app.inject({ url: '/', headers: { 'x-no': '1' } })
  expect([refused.statusCode, refused.headers['x-from']]).toEqual([403, undefined])
})
