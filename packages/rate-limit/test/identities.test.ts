import { type Component, ComponentIndex, Engine, type Identity, Refusal, readBlocks } from '@portcullis/core'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { identityRateLimit, type RateLimitConfig, routerRateLimit, serviceRateLimit } from '../src/index.ts'

let app: FastifyInstance
afterEach(() => app.close())

/** Believes what a header says: a stand-in for the authentication components, which run between the two slots. */
const login: Component = {
  name: 'login',
  namespaces: ['test/login'],
  levels: ['service'],
  schema: { type: 'object' },
  create: () => ({
    identityHeaders: ['x-tenant'],
    steps: [
      {
        phase: 'onRequest',
        run: (request, state) => {
          const text = request.headers['x-login']
          if (typeof text !== 'string')
            return request.url === '/open' ? undefined : new Refusal(401, 'TOKEN_MISSING', 'Who?')
          const identity = JSON.parse(text) as Identity & { tenant?: string }
          state.addIdentity(identity)
          if (identity.tenant !== undefined) state.setRequestHeader(request, 'x-tenant', identity.tenant)
          return undefined
        },
      },
    ],
  }),
}

function build(blocks: Record<string, object>): void {
  const components = [serviceRateLimit, routerRateLimit, login, identityRateLimit] as unknown as Component[]
  const read = readBlocks({ ...blocks, 'test/login': {} }, new ComponentIndex(components), {
    level: 'service',
    place: 'extra_config',
    baseDir: '.',
  })
  expect(read.issues).toEqual([])
  app = Fastify()
  const onRequest = ['rate-limit:address', 'login', 'rate-limit:identity']
  new Engine(app, { components, blocks: read.blocks, order: { onRequest } })
  app.get('/a', () => 'ok')
  app.get('/b', () => 'ok')
  app.get('/open', (request) => request.headers['x-tenant'] ?? 'ok')
}

function service(config: RateLimitConfig): void {
  build({ 'qos/ratelimit/service': config })
}

async function as(identity: object | undefined, url = '/a', headers: Record<string, string> = {}): Promise<number> {
  const login = identity === undefined ? {} : { 'x-login': JSON.stringify(identity) }
  return (await app.inject({ url, headers: { ...login, ...headers } })).statusCode
}

const ann = { kind: 'jwt', subject: 'ann', claims: { plan: { name: 'gold' }, groups: ['x'] } }
const bob = { kind: 'jwt', subject: 'bob', claims: { plan: { name: 'free' } } }

describe('where a limit stands', () => {
  it('by address: before authentication, so failed logins count (RL-15)', async () => {
    service({ minute: 3 })
    expect([await as(undefined), await as(undefined), await as(undefined), await as(undefined)]).toEqual([
      401, 401, 401, 429,
    ])
    expect(await as(ann)).toBe(429)
  })

  it('by consumer: after it, so nobody uses up what is another’s', async () => {
    service({ minute: 2, limit_by: 'consumer' })
    for (let i = 0; i < 5; i++) expect(await as(undefined)).toBe(401)
    expect([await as(ann), await as(ann, '/b'), await as(ann)]).toEqual([200, 200, 429])
    expect(await as(bob)).toBe(200)
  })

  it('by a header that the gateway sets itself: after it; the client’s own is worth nothing', async () => {
    service({ minute: 1, limit_by: 'header', key: 'X-Tenant' })
    expect(await as({ ...ann, tenant: 't1' })).toBe(200)
    expect(await as({ ...ann, tenant: 't1' }, '/a', { 'x-tenant': 'other' })).toBe(429)
    expect(await as({ ...bob, tenant: 't2' })).toBe(200)
  })
})

describe('who is counted', () => {
  it('a claim, by a dotted path; other values than texts too', async () => {
    service({ minute: 1, limit_by: 'claim', key: 'plan.name' })
    expect([await as(ann), await as({ ...bob, claims: { plan: { name: 'gold' } } }), await as(bob)]).toEqual([
      200, 429, 200,
    ])
    await app.close()
    service({ minute: 1, limit_by: 'claim', key: 'groups' })
    expect([await as(ann), await as(ann), await as({ ...ann, claims: { groups: ['y'] } })]).toEqual([200, 429, 200])
  })

  it('a credential, over all routes (R07)', async () => {
    service({ minute: 1, limit_by: 'credential' })
    expect([await as({ kind: 'api-key', keyId: 'k1' }), await as({ kind: 'api-key', keyId: 'k1' }, '/b')]).toEqual([
      200, 429,
    ])
    expect(await as({ kind: 'basic', subject: 'k1' })).toBe(200)
  })

  it('an API key, by strategy', async () => {
    service({ client_max_rate: 1, every: '1h', strategy: 'api_key' })
    expect([
      await as({ kind: 'api-key', keyId: 'k1' }),
      await as({ kind: 'api-key', keyId: 'k1' }),
      await as({ kind: 'api-key', keyId: 'k2' }),
    ]).toEqual([200, 429, 200])
  })

  it('by path, each route has a count of its own', async () => {
    service({ minute: 1, limit_by: 'path' })
    expect([await as(ann), await as(bob), await as(ann, '/b')]).toEqual([200, 429, 200])
  })

  it('by one path, all others are counted by address (R04)', async () => {
    service({ minute: 1, limit_by: 'path', key: '/a' })
    expect([await as(ann), await as(bob), await as(ann, '/b'), await as(ann, '/open')]).toEqual([200, 429, 200, 429])
  })

  it('by service, everybody together (R05)', async () => {
    service({ minute: 2, limit_by: 'service' })
    expect([await as(ann), await as(bob), await as(ann)]).toEqual([200, 200, 429])
  })

  it('by address, whoever lacks what is asked for (R03, RL-18)', async () => {
    service({ minute: 1, limit_by: 'consumer' })
    expect([await as(undefined, '/open'), await as(undefined, '/open'), await as(ann, '/open')]).toEqual([
      200, 429, 200,
    ])
    await app.close()
    service({ minute: 1, limit_by: 'header', key: 'x-key' })
    const long = 'k'.repeat(12_000)
    expect([
      await as(ann, '/a', { 'x-key': long }),
      await as(ann, '/a', { 'x-key': long }),
      await as(ann, '/a', { 'x-key': `${long}1` }),
    ]).toEqual([200, 429, 200])
    expect([
      await as(ann),
      await as(ann, '/a', { 'x-key': '' }),
      await as(ann, '/a', { 'x-key': '127.0.0.1' }),
    ]).toEqual([200, 429, 200])
  })
})

describe('the rate that a key brings along', () => {
  it('is enforced by an empty block, over all routes, for each key', async () => {
    build({ 'qos/ratelimit/identity': {} })
    const key = { kind: 'api-key', keyId: 'k1', maxRate: 0.001, capacity: 2 }
    expect([await as(key), await as(key, '/b'), await as(key)]).toEqual([200, 200, 429])
    expect(await as({ ...key, keyId: 'k2' })).toBe(200)
    expect([
      await as({ kind: 'api-key', keyId: 'k3', maxRate: 0.001 }),
      await as({ kind: 'api-key', keyId: 'k3', maxRate: 0.001 }),
    ]).toEqual([200, 429])
    expect([await as(ann), await as(ann), await as(ann)]).toEqual([200, 200, 200])
  })

  it('is told in the headers', async () => {
    build({ 'qos/ratelimit/identity': {} })
    const login = JSON.stringify({ kind: 'api-key', keyId: 'k1', maxRate: 1, capacity: 5 })
    const { headers } = await app.inject({ url: '/a', headers: { 'x-login': login } })
    expect([headers['ratelimit-limit'], headers['ratelimit-remaining']]).toEqual(['5', '4'])
  })
})
