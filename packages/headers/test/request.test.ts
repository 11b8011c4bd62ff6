import {
  type Component,
  ComponentIndex,
  type EndpointRoute,
  Engine,
  type RequestState,
  readBlocks,
  runUpstreamRequest,
  stateOf,
  toPlugin,
  type UpstreamRequest,
} from '@portcullis/core'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { type HeadersConfig, requestHeaders, requestHeadersPlugin } from '../src/index.ts'

let app: FastifyInstance
afterEach(() => app?.close())

/** What the app's handler sees of the headers, and what components set for the upstream. */
async function seen(
  config: HeadersConfig,
  headers: Record<string, string>,
  identity?: Parameters<RequestState['addIdentity']>[0],
) {
  app = Fastify({ trustProxy: ['127.0.0.1'], genReqId: () => 'req-7' })
  app.addHook('preValidation', async (request) => {
    if (identity !== undefined) stateOf(request).addIdentity(identity)
  })
  await app.register(requestHeadersPlugin, config)
  app.get('/a/:id', (request) => ({
    headers: request.headers,
    upstream: [...(stateOf(request).upstreamHeaders ?? [])],
  }))
  const { 'user-agent': _agent, host: _host, ...rest } = (await app.inject({ url: '/a/1?x=y', headers })).json().headers
  return rest as Record<string, string>
}

describe('rules', () => {
  it.each([
    ['T10 delete', { delete: ['X-A'] }, { 'x-a': '1', 'x-b': '2' }, { 'x-b': '2' }],
    ['remove, as Kong says', { remove: ['X-A'] } as never, { 'x-a': '1' }, {}],
    ['delete in every spelling', { delete: ['x-a'] }, { X_A: '1', 'x-a': '2' }, {}],
    ['rename', { rename: { 'X-A': 'X-B' } }, { 'x-a': '1' }, { 'x-b': '1' }],
    ['T11 rename onto another', { rename: { 'x-a': 'x-b' } }, { 'x-a': '1', 'X-B': '2' }, { 'x-b': '1' }],
    ['rename what is absent', { rename: { 'x-a': 'x-b' } }, { 'x-b': '2' }, { 'x-b': '2' }],
    ['rename to itself', { rename: { 'x-a': 'X-A' } }, { 'x-a': '1' }, { 'x-a': '1' }],
    ['replace what is there', { replace: { 'X-A': 'new' } }, { 'x-a': 'old', x_a: 'other' }, { 'x-a': 'new' }],
    ['replace what is absent', { replace: { 'X-A': 'new' } }, {}, { 'x-a': 'new' }],
    ['add what is there', { add: { 'X-A': 'new' } }, { 'x-a': 'old' }, { 'x-a': 'old' }],
    ['add what is absent', { add: { 'X-A': 'new' } }, {}, { 'x-a': 'new' }],
    ['append to what is there', { append: { 'X-A': 'new' } }, { 'x-a': 'old' }, { 'x-a': 'old, new' }],
    ['append to what is absent', { append: { 'X-A': 'new' } }, {}, { 'x-a': 'new' }],
    ['append a cookie', { append: { Cookie: 'b=2' } }, { cookie: 'a=1' }, { cookie: 'a=1; b=2' }],
    [
      'T14 delete and add',
      { delete: ['authorization'], add: { Authorization: 'Basic x' } },
      { authorization: 'Bearer y' },
      { authorization: 'Basic x' },
    ],
    [
      'T06 the order: delete, rename, replace, add, append',
      {
        append: { 'x-a': '5' },
        add: { 'x-a': '4' },
        replace: { 'x-b': '3' },
        rename: { 'x-b': 'x-a' },
        delete: ['x-a'],
      },
      { 'x-a': '1', 'x-b': '2' },
      { 'x-a': '2, 5', 'x-b': '3' },
    ],
    ['lines', { add: ['X-A: 1:2', 'X-B:3'] }, {}, { 'x-a': '1:2', 'x-b': '3' }],
    ['lines as Kong nests them', { replace: { headers: ['X-A: 1'] } as never }, {}, { 'x-a': '1' }],
  ])('%s', async (_name, config, sent, expected) => {
    expect(await seen(config as HeadersConfig, sent as never)).toEqual(expected)
  })

  it('go to the upstream past its list of forwarded headers', async () => {
    app = Fastify()
    await app.register(requestHeadersPlugin, { replace: { 'X-A': '1' }, delete: ['x-b'] })
    app.get('/', (request) => [...(stateOf(request).upstreamHeaders ?? [])])
    expect((await app.inject({ url: '/', headers: { 'x-b': '2' } })).json()).toEqual([['x-a', '1']])
  })

  it('of service and endpoint both hold, the service’s first', async () => {
    app = Fastify()
    await app.register(requestHeadersPlugin, { replace: { 'X-A': 'service', 'X-S': '1' } })
    const own = { config: { extra_config: { 'modifier/request-headers': { replace: { 'X-A': 'endpoint' } } } } }
    app.get('/', own, (request) => [request.headers['x-a'], request.headers['x-s']])
    expect((await app.inject('/')).json()).toEqual(['endpoint', '1'])
  })
})

describe('values', () => {
  const identity = {
    kind: 'jwt',
    subject: 'ann',
    roles: ['a', 'b'],
    claims: {
      sub: 'ann',
      n: 7,
      list: ['x', 'y'],
      deep: { er: 'z' },
      'https://a.test/role': 'r',
      object: { a: 1 },
      bad: 'a\r\nX-Evil: 1\u0000é',
    },
  }

  it.each([
    ['${request.id}', 'req-7'],
    ['${client.ip}', '203.0.113.9'],
    ['${request.method} ${request.path} ${request.route}', 'GET /a/1 /a/:id'],
    ['${request.headers.X-Sent}', 'sent'],
    ['${claims.sub}', 'ann'],
    ['user=${claims.sub};n=${claims.n}', 'user=ann;n=7'],
    ['${claims.list}', 'x,y'],
    ['${claims.deep.er}', 'z'],
    ['${claims.https://a.test/role}', 'r'],
    ['${identity.kind} ${identity.subject} ${identity.roles}', 'jwt ann a,b'],
    ['${claims.bad}', 'aX-Evil: 1%C3%A9'],
    ['plain $ } {', 'plain $ } {'],
  ])('%s: %s', async (value, expected) => {
    const headers = { 'x-forwarded-for': '203.0.113.9', 'x-sent': 'sent' }
    expect((await seen({ replace: { 'x-out': value } }, headers, identity))['x-out']).toBe(expected)
  })

  it.each(['${claims.none}', '${claims.deep.none}', '${claims.object}', '${claims.constructor}', '${identity.key_id}'])(
    '%s is not there: no header, and none of the client’s either',
    async (value) => {
      const rules = { replace: { 'x-out': value }, add: { 'x-added': value }, append: { 'x-more': value } }
      const client = { 'x-out': 'forged', x_out: 'forged', 'x-added': 'forged', 'x-more': 'forged' }
      expect(await seen(rules, client, identity)).toEqual({})
    },
  )

  it('about the client cannot come from the client, on any route', async () => {
    app = Fastify()
    await app.register(requestHeadersPlugin, {})
    const own = {
      config: {
        extra_config: {
          'modifier/request-headers': { add: { 'X-Real-IP': '${client.ip}', 'X-Trace': '${request.id}' } },
        },
      },
    }
    app.get('/own', own, (request) => [request.headers['x-real-ip'], request.headers['x-trace']])
    app.get('/other', (request) => [request.headers['x-real-ip'] ?? null, request.headers['x-trace']])
    const headers = { 'x-real-ip': '6.6.6.6', 'x-trace': 'mine' }
    expect((await app.inject({ url: '/own', headers })).json()).toEqual(['127.0.0.1', 'mine'])
    expect((await app.inject({ url: '/other', headers })).json()).toEqual([null, 'mine'])
  })

  it('leave the client’s credentials to authentication', async () => {
    app = Fastify()
    let before: string | undefined
    app.addHook('onRequest', async (request) => {
      before = request.headers.authorization
    })
    await app.register(requestHeadersPlugin, { replace: { Authorization: 'User ${identity.subject}' } })
    app.get('/', (request) => ({ after: request.headers.authorization ?? null }))
    const response = await app.inject({ url: '/', headers: { authorization: 'Bearer t' } })
    expect([before, response.json().after]).toEqual(['Bearer t', null])
  })

  it('of many concurrent requests do not mix (T17)', async () => {
    app = Fastify()
    await app.register(requestHeadersPlugin, { replace: { 'x-out': '${request.headers.x-in}' } })
    app.get('/', async (request) => {
      await new Promise((resolve) => setImmediate(resolve))
      return request.headers['x-out']
    })
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => app.inject({ url: '/', headers: { 'x-in': `v${i}` } })),
    )
    expect(answers.map(({ body }) => body)).toEqual(Array.from({ length: 50 }, (_, i) => `v${i}`))
  })
})

it('changes each request to the upstream at backend level', async () => {
  app = Fastify()
  const component = requestHeaders as Component
  const { blocks } = readBlocks({}, new ComponentIndex([component]), { level: 'service', place: 'x', baseDir: '.' })
  new Engine(app, { components: [component], blocks })
  const rules = {
    'modifier/request-headers': { replace: { 'X-Key': 's3cret' }, rename: { 'x-a': 'x-b' }, delete: ['X-Gone'] },
  }
  const portcullisEndpoint: EndpointRoute = {
    place: 'endpoints[0]',
    backend: { place: 'endpoints[0].backend[0].extra_config', extra_config: rules },
  }
  const upstream: UpstreamRequest = {
    method: 'GET',
    origin: 'http://up.test',
    path: '/',
    headers: { host: 'up.test', 'x-a': '1', 'x-gone': '1', x_gone: '1', 'x-key': 'forged' },
    attempt: 1,
  }
  app.get('/', { config: { portcullisEndpoint } }, (request) => {
    expect(runUpstreamRequest(request, stateOf(request), upstream)).toBeUndefined()
    return request.headers['x-key'] ?? 'nothing'
  })
  expect((await app.inject('/')).body).toBe('nothing')
  expect(upstream.headers).toEqual({ host: 'up.test', 'x-b': '1', 'x-key': 's3cret' })
})

describe('mistakes at start', () => {
  it.each([
    [{ add: { Host: 'x' } }, /add\["Host"\]: "Host" belongs to the connection/],
    [{ replace: { 'content-length': '1' } }, /belongs to the connection/],
    [{ delete: ['Transfer-Encoding'] }, /delete\[0\]: "Transfer-Encoding" belongs/],
    [{ rename: { 'x-a': 'Connection' } }, /rename\["x-a"\]: "Connection" belongs/],
    [{ add: { ':authority': 'x' } }, /":authority" is no header name/],
    [{ add: { 'x a': 'x' } }, /"x a" is no header name/],
    [{ add: { 'x-a': '${claim.sub}' } }, /"\$\{claim\.sub\}" is no variable; did you mean "claims\.sub"\?/],
    [{ add: { 'x-a': '${response.status}' } }, /is no variable/],
    [{ add: { 'x-a': '${request.id' } }, /without "}"/],
    [{ add: { 'x-a': 'a\r\nb' } }, /plain printable ASCII/],
    [{ add: { 'x-a': 'é' } }, /plain printable ASCII/],
    [{ add: { 'X-A': '1', 'x-a': '2' } }, /"x-a" stands there twice/],
    [{ add: { Cookie: ['a=1', 'b=2'] } }, /expected one value: cookies cannot be joined/],
    [{ add: { 'X-A': [] } }, /\.add: expected names and values/],
    [{ rename: { 'X-A': ['X-B'] } }, /\.rename: expected names and names/],
    [{ add: ['X-A'] }, /add\[0\]: expected "Name: value"/],
    [{ add: { 'x-a': 1 } }, /add: expected names and values/],
    [{ remove: ['x-a'], delete: ['x-b'] }, /"remove"\]: is the old name of "delete", which is stated too/],
    [{ ad: { 'x-a': '1' } }, /ad: unknown field; did you mean "add"\?/],
  ])('%j', async (config, message) => {
    app = Fastify()
    await expect(app.register(toPlugin(requestHeaders), config as HeadersConfig).then(() => undefined)).rejects.toThrow(
      message,
    )
    app = Fastify()
  })
})
