import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import plugin, { type CorsConfig } from '../src/index.ts'

let app: FastifyInstance
afterEach(() => app.close())

const ORIGIN = 'https://app.example.com'

async function make(
  config: CorsConfig,
  routes: (app: FastifyInstance) => void,
  options: FastifyServerOptions & { after?: boolean } = {},
): Promise<void> {
  const { after, ...server } = options
  app = Fastify(server)
  if (after === true) routes(app)
  await app.register(plugin, config)
  if (after !== true) routes(app)
  await app.ready()
}

function preflight(url: string, method = 'GET', headers: Record<string, string> = {}, origin = ORIGIN) {
  return app.inject({
    method: 'OPTIONS',
    url,
    headers: { origin, 'access-control-request-method': method, ...headers },
  })
}

function declare(target: FastifyInstance): void {
  target.get('/items', () => 'items')
  target.get('/items/:id', () => 'item')
  target.post('/items/:id/parts', () => 'part')
  target.get('/files/*', () => 'file')
  target.register(
    async (child) => {
      child.get('/', () => 'child')
      child.put('/deep/:x', () => 'deep')
    },
    { prefix: '/child' },
  )
  target.get('/own', () => 'own')
  target.options('/own', (_request, reply) => reply.header('x-own', 'yes').send('own options'))
  target.route({ method: ['GET', 'POST', 'OPTIONS', 'HEAD'], url: '/all', handler: () => 'all' })
}

describe.each([
  ['declared after the plugin', false],
  ['declared before the plugin', true],
])('preflights of routes %s', (_name, after) => {
  it.each([
    ['/items', 'GET'],
    ['/items', 'HEAD'],
    ['/items/7', 'GET'],
    ['/items/7?x=1', 'GET'],
    ['/items/7/parts', 'POST'],
    ['/files/a/b/c', 'GET'],
    ['/child', 'GET'],
    ['/child/', 'GET'],
    ['/child/deep/1', 'PUT'],
    ['/own', 'GET'],
    ['/all', 'POST'],
  ])('%s %s are answered', async (url, method) => {
    await make({ allow_origins: [ORIGIN], allow_methods: ['GET', 'HEAD', 'POST', 'PUT'] }, declare, { after })
    const response = await preflight(url, method)
    expect(response.statusCode).toBe(204)
    expect(response.headers['access-control-allow-origin']).toBe(ORIGIN)
    expect(response.headers['access-control-allow-methods']).toBe(method)
    expect(response.body).toBe('')
  })

  it.each(['/', '/nowhere', '/items/7/nowhere', '/childish', '/child/deep'])('%s stays 404', async (url) => {
    await make({ allow_origins: [ORIGIN] }, declare, { after })
    const response = await preflight(url)
    expect(response.statusCode).toBe(404)
    expect(response.headers['access-control-allow-methods']).toBeUndefined()
  })

  it('leaves OPTIONS requests that are no preflights to the app', async () => {
    await make({ allow_origins: [ORIGIN] }, declare, { after })
    const own = await app.inject({ method: 'OPTIONS', url: '/own', headers: { origin: ORIGIN } })
    expect([own.statusCode, own.body, own.headers['x-own']]).toEqual([200, 'own options', 'yes'])
    expect(own.headers['access-control-allow-origin']).toBe(ORIGIN)
    const all = await app.inject({ method: 'OPTIONS', url: '/all' })
    expect(all.body).toBe('all')
    const plain = await app.inject({ method: 'OPTIONS', url: '/items', headers: { origin: ORIGIN } })
    expect(plain.statusCode).toBe(404)
  })
})

describe('one policy per route', () => {
  const admin = 'https://admin.example.com'
  const block = (config: CorsConfig | false) => ({ config: { extra_config: { 'security/cors': config } } })

  function differing(target: FastifyInstance): void {
    target.get('/x', () => 'get')
    target.put('/x', block({ allow_origins: [admin], allow_methods: ['PUT'] }), () => 'put')
    target.get('/closed', block(false), () => 'closed')
    target.get('/users/me', () => 'me')
    target.put('/users/:id', block({ allow_origins: [admin], allow_methods: ['PUT'] }), () => 'user')
  }

  it.each([true, false])(
    'a preflight is answered by the policy of the route that it asks about (%s)',
    async (after) => {
      await make({ allow_origins: [ORIGIN], allow_methods: ['GET', 'PUT'] }, differing, { after })
      expect((await preflight('/x', 'GET')).headers['access-control-allow-origin']).toBe(ORIGIN)
      expect((await preflight('/x', 'PUT')).headers['access-control-allow-origin']).toBeUndefined()
      expect((await preflight('/x', 'PUT', {}, admin)).headers['access-control-allow-origin']).toBe(admin)
      expect((await preflight('/x', 'GET', {}, admin)).headers['access-control-allow-origin']).toBeUndefined()
      // PUT /users/me is PUT /users/:id: the static twin of GET must not answer for it.
      expect((await preflight('/users/me', 'PUT')).headers['access-control-allow-origin']).toBeUndefined()
      expect((await preflight('/users/me', 'PUT', {}, admin)).headers['access-control-allow-origin']).toBe(admin)
      expect((await preflight('/users/me', 'GET')).headers['access-control-allow-origin']).toBe(ORIGIN)
      expect((await preflight('/x', 'DELETE')).statusCode).toBe(404)
    },
  )

  it('false switches it off for a route', async () => {
    await make({ allow_origins: [ORIGIN] }, differing)
    expect((await preflight('/closed')).statusCode).toBe(404)
    const actual = await app.inject({ url: '/closed', headers: { origin: ORIGIN } })
    expect(actual.headers['access-control-allow-origin']).toBeUndefined()
  })

  it('works with blocks at routes alone', async () => {
    app = Fastify()
    const { toPlugin } = await import('@portcullis/core')
    const { cors } = await import('../src/index.ts')
    await app.register(toPlugin({ ...cors, levels: ['endpoint'] }), {} as never)
    app.get('/x', block({ allow_origins: [admin] }), () => 'x')
    app.get('/none', () => 'none')
    expect((await preflight('/x', 'GET', {}, admin)).statusCode).toBe(204)
    expect((await preflight('/none', 'GET', {}, admin)).statusCode).toBe(404)
  })

  it('follows host constraints', async () => {
    await make({ allow_origins: [ORIGIN] }, (target) => {
      target.get('/h', { constraints: { host: 'a.test' } }, () => 'a')
      target.get('/h', { constraints: { host: 'b.test' }, ...block({ allow_origins: [admin] }) }, () => 'b')
    })
    expect((await preflight('/h', 'GET', { host: 'a.test' })).headers['access-control-allow-origin']).toBe(ORIGIN)
    expect((await preflight('/h', 'GET', { host: 'b.test' })).headers['access-control-allow-origin']).toBeUndefined()
    expect((await preflight('/h', 'GET', { host: 'b.test' }, admin)).headers['access-control-allow-origin']).toBe(admin)
    expect((await preflight('/h', 'GET', { host: 'c.test' })).statusCode).toBe(404)
  })

  it('two plugins in two scopes keep their routes apart', async () => {
    app = Fastify()
    for (const [prefix, origin] of [
      ['/a', ORIGIN],
      ['/b', admin],
    ] as const) {
      await app.register(
        async (child) => {
          await child.register(plugin, { allow_origins: [origin] })
          child.get('/x', () => 'x')
        },
        { prefix },
      )
    }
    app.get('/outside', () => 'x')
    expect((await preflight('/a/x')).headers['access-control-allow-origin']).toBe(ORIGIN)
    expect((await preflight('/b/x')).headers['access-control-allow-origin']).toBeUndefined()
    expect((await preflight('/b/x', 'GET', {}, admin)).headers['access-control-allow-origin']).toBe(admin)
    expect((await preflight('/outside')).statusCode).toBe(404)
  })
})

describe('what a preflight may ask', () => {
  const config: CorsConfig = { allow_origins: [ORIGIN], allow_headers: ['X-A', 'Content-Type'], allow_methods: ['PUT'] }
  const route = (target: FastifyInstance) => target.put('/', () => 'ok')

  it.each([
    ['x-a', 'x-a'],
    ['X-A', 'X-A'],
    ['content-type, X-A', 'content-type, X-A'],
    ['CONTENT-TYPE,x-a', 'CONTENT-TYPE,x-a'],
  ])('headers in any case and order: %s', async (asked, answered) => {
    await make(config, route)
    const response = await preflight('/', 'PUT', { 'access-control-request-headers': asked })
    expect(response.headers['access-control-allow-headers']).toBe(answered)
  })

  it.each([
    ['a header that is not allowed', 'PUT', 'x-b', {}],
    ['one of several that is not', 'PUT', 'x-a,x-b', {}],
    ['a method that is not allowed (CO-21)', 'DELETE', 'x-a', {}],
    ['an empty name in the list', 'PUT', 'x-a,,x-a', {}],
    ['a list of 8 kB where any header is allowed (CO-22)', 'PUT', 'x-a,'.repeat(2000), { allow_headers: ['*'] }],
    ['encoded line breaks in the list (CO-22)', 'PUT', 'x-a%0d%0aSet-Cookie: a=b', { allow_headers: ['*'] }],
  ] as const)('%s: no CORS headers', async (_name, method, asked, extra) => {
    await make({ ...config, ...extra } as CorsConfig, route)
    const response = await preflight('/', method, { 'access-control-request-headers': asked })
    expect(response.statusCode).toBe(204)
    expect(Object.keys(response.headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
    expect(response.headers.vary).toContain('Origin')
  })

  it('grants private network access only when it is configured (CO-18)', async () => {
    await make(config, route)
    const asked = { 'access-control-request-private-network': 'true' }
    expect((await preflight('/', 'PUT', asked)).headers['access-control-allow-private-network']).toBeUndefined()
  })

  it('says for how long it may be remembered', async () => {
    await make({ ...config, max_age: '10m' }, route)
    expect((await preflight('/', 'PUT')).headers['access-control-max-age']).toBe('600')
  })

  it('lets the app answer under options_passthrough, with the headers', async () => {
    await make({ ...config, options_passthrough: true }, (target) => {
      target.put('/', () => 'put')
      target.options('/', (_request, reply) => reply.code(200).send('mine'))
      target.put('/none', () => 'put')
    })
    const response = await preflight('/', 'PUT')
    expect([response.statusCode, response.body]).toEqual([200, 'mine'])
    expect(response.headers['access-control-allow-methods']).toBe('PUT')
    expect((await preflight('/none', 'PUT')).statusCode).toBe(404)
  })

  it('is answered before what stands behind it, such as authentication (CO-14)', async () => {
    app = Fastify()
    await app.register(plugin, config)
    app.addHook('onRequest', async (_request, reply) => reply.code(401).send('no token'))
    app.put('/', () => 'ok')
    expect((await preflight('/', 'PUT')).statusCode).toBe(204)
    const plain = await app.inject({ method: 'OPTIONS', url: '/' })
    expect(plain.statusCode).toBe(401)
  })
})
