/** Collections that outlive a request, shared by several gateways through Redis. */
import {
  createRedisStore,
  type Decision,
  enginesOf,
  MemoryStore,
  type RedisStore,
  type Store,
  StoreUnavailableError,
} from '@portcullis/core'
import type { StoredChange } from '@portcullis/seclang'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type RedisServer, redisInstalled, startRedis } from '../../core/test/redis-server.ts'
import waf from '../src/index.ts'
import { StoreCollections } from '../src/store-collections.ts'

const COUNTER = `
SecAction "id:1,phase:1,nolog,pass,initcol:ip=%{REMOTE_ADDR}"
SecAction "id:2,phase:1,nolog,pass,setvar:ip.n=+1"
SecRule IP:N "@gt 3" "id:3,phase:2,deny,status:429"`

let redis: RedisServer
let store: RedisStore
const open: FastifyInstance[] = []

beforeAll(async () => {
  if (!redisInstalled) return
  redis = await startRedis()
  store = createRedisStore({ host: '127.0.0.1', port: redis.port })
  await store.ready()
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()))
})
afterAll(async () => {
  await store?.close()
  await redis?.remove()
})

async function makeApp(redisStore: Store, rules = COUNTER): Promise<FastifyInstance> {
  const app = Fastify()
  open.push(app)
  await app.register(waf, { rules, policy: 'redis', redisStore })
  app.all('/*', () => 'ok')
  return app
}

describe.skipIf(!redisInstalled)('over Redis', () => {
  it('two gateways count together, and no request is lost', async () => {
    const apps = [await makeApp(store), await makeApp(store)]
    const send = (i: number) => apps[i % 2]!.inject({ url: '/', remoteAddress: '192.0.2.7' })
    const together = await Promise.all(Array.from({ length: 20 }, (_, i) => send(i)))
    const statuses = together.map(({ statusCode }) => statusCode).sort()
    expect(statuses).toEqual([...Array(3).fill(200), ...Array(17).fill(429)])
    expect((await new StoreCollections(store, () => undefined).load('IP', '192.0.2.7'))?.values['n']).toBe('20')
    expect((await send(0)).statusCode).toBe(429)
    expect((await apps[0]!.inject({ url: '/', remoteAddress: '192.0.2.8' })).statusCode).toBe(200)
  })

  it('counts bodies’ requests too: the phases wait for the store', async () => {
    const app = await makeApp(store)
    const send = () => app.inject({ method: 'POST', url: '/', remoteAddress: '192.0.2.9', payload: { a: 1 } })
    const statuses: number[] = []
    for (let i = 1; i <= 5; i++) statuses.push((await send()).statusCode)
    expect(statuses).toEqual([200, 200, 200, 429, 429])
  })

  it('the rules of the article let exactly five attempts through, however many come at once', async () => {
    const rules = `
      SecRule IP:LOGIN_ATTEMPT "@gt 5" "id:1002,deny,status:429,msg:'Brute force blocked'"
      SecAction "id:1003,phase:1,nolog,pass,initcol:ip=%{REMOTE_ADDR}"
      SecRule REQUEST_URI "@beginsWith /login" "id:1004,phase:1,nolog,pass,setvar:ip.login_attempt=+1,expirevar:ip.login_attempt=1"`
    const apps = [await makeApp(store, rules), await makeApp(store, rules)]
    const login = (i: number) => apps[i % 2]!.inject({ method: 'POST', url: '/login', remoteAddress: '192.0.2.10' })
    const passed = async (): Promise<number> => {
      const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => login(i)))
      return answers.filter(({ statusCode }) => statusCode === 200).length
    }
    expect(await passed()).toBe(5)
    // When the count has lapsed, gateways that find it so at the same moment begin the next one together.
    await new Promise((resolve) => setTimeout(resolve, 1100))
    expect(await passed()).toBe(5)
  })

  it('what the parser refused is judged before it is recorded', async () => {
    const app = await makeApp(
      store,
      `${COUNTER}\nSecRule REQUEST_METHOD "@streq BREW" "id:4,phase:1,deny,msg:'Coffee'"`,
    )
    await app.ready()
    const decisions: Decision[] = []
    const refusal = { status: 400, code: 'HPE_INVALID_METHOD', remoteAddress: '192.0.2.11', remotePort: 1, tls: false }
    const packet = Buffer.from('BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n')
    await Promise.all(enginesOf(app)[0]!.judgeParserRefusal({ ...refusal, packet, decisions }))
    expect(decisions.map(({ code }) => code)).toEqual(['RULE_4', 'WAF_BLOCKED'])
  })

  it('a store that goes while a request is counted refuses it with 503', async () => {
    const gone = () => Promise.reject(new StoreUnavailableError('gone'))
    const broken = Object.assign(Object.create(store) as Store, {
      kind: 'redis',
      get: (key: string) => store.get(key),
      increment: gone,
    })
    const app = await makeApp(broken)
    const answer = await app.inject({ url: '/', remoteAddress: '192.0.2.12' })
    expect([answer.statusCode, answer.json().code]).toEqual([503, 'PORTCULLIS_STORE_UNAVAILABLE'])
  })

  it('a store that is down refuses with 503', async () => {
    const down = createRedisStore({ host: '127.0.0.1', port: 1 })
    const app = await makeApp(down)
    const answer = await app.inject('/')
    expect([answer.statusCode, answer.json().code]).toEqual([503, 'PORTCULLIS_STORE_UNAVAILABLE'])
    await down.close()
  })
})

const backends: [string, () => Store][] = [['memory', () => new MemoryStore()]]
if (redisInstalled) backends.push(['redis', () => store])

describe.each(backends)('StoreCollections over %s', (name, make) => {
  const set = (member: string, value: string): StoredChange => ({ kind: 'set', name: member, value })
  const add = (member: string, delta: number): StoredChange => ({ kind: 'add', name: member, delta })

  it('keeps values, counts and times', async () => {
    const kept = new StoreCollections(make(), () => undefined)
    const key = `key-${name}`
    expect(await kept.load('SESSION', key)).toBeUndefined()
    await kept.change('SESSION', key, [set('a', 'one'), add('n', 2), add('n', 3), set('m', '5'), add('m', -1)], 60)
    expect({ ...(await kept.load('SESSION', key))!.values }).toEqual({ a: 'one', n: '5', m: '4' })
    await kept.change('SESSION', key, [set('n', '1'), { kind: 'remove', name: 'a' }], 60)
    expect({ ...(await kept.load('SESSION', key))!.values }).toEqual({ n: '1', m: '4' })
    await kept.change('SESSION', key, [add('n', 1)], 60)
    const record = (await kept.load('SESSION', key))!
    expect([record.values['n'], record.updates]).toEqual(['2', 3])
  })

  it('forgets what has lapsed, counters too', async () => {
    const kept = new StoreCollections(make(), () => undefined)
    const key = `lapse-${name}`
    await kept.change('IP', key, [add('n', 7), { kind: 'expire', name: 'n', at: Date.now() - 1 }], 60)
    expect({ ...(await kept.load('IP', key))!.values }).toEqual({})
    await kept.change('IP', key, [add('n', 1)], 60)
    expect({ ...(await kept.load('IP', key))!.values }).toEqual({ n: '1' })
  })

  it('tells each who counts the number it made, also of those that are written together', async () => {
    const backend = make()
    const kept = [new StoreCollections(backend, () => undefined), new StoreCollections(backend, () => undefined)]
    const key = `each-${name}`
    const count = async (i: number, changes: StoredChange[]) => (await kept[i % 2]!.count('IP', key, changes, 60))['n']
    const numbers = await Promise.all(Array.from({ length: 30 }, (_, i) => count(i, [add('n', 1), add('n', 1)])))
    const ascending = numbers.map(Number).sort((a, b) => a - b)
    expect(ascending).toEqual(Array.from({ length: 30 }, (_, i) => 2 * (i + 1)))
    // Set back in between: who counted before has no number, who counts after begins anew.
    const one = kept[0]!
    const mixed = [[add('n', 1)], [set('n', '5')], [add('n', 1)], [add('n', 2)]].map((changes) =>
      one.count('IP', key, changes, 60),
    )
    expect((await Promise.all(mixed)).map((counts) => counts['n'])).toEqual([undefined, undefined, '6', '8'])
  })

  it('reads what was changed before, written or not', async () => {
    const kept = new StoreCollections(make(), () => undefined)
    const key = `order-${name}`
    for (let i = 1; i <= 3; i++) void kept.change('IP', key, [set('a', String(i)), add('n', 1)], 60)
    expect({ ...(await kept.load('IP', key))!.values }).toEqual({ a: '3', n: '3' })
  })

  it('makes nothing of what is no record', async () => {
    const backend = make()
    await backend.set(`waf:ip:odd-${name}`, '{"values":', 60_000)
    const kept = new StoreCollections(backend, () => undefined)
    expect(await kept.load('IP', `odd-${name}`)).toBeUndefined()
    expect(await kept.count('IP', `odd-${name}`, [add('n', 1)], 60)).toEqual({ n: '1' })
  })

  it('takes any key and any name', async () => {
    const kept = new StoreCollections(make(), () => undefined)
    const key = `\x00 {*}:${'x'.repeat(5000)}${name}`
    await kept.change('USER', key, [add(`n ${'y'.repeat(300)}`, 1), set('__proto__', 'x'), add('constructor', 1)], 60)
    const { values } = (await kept.load('USER', key))!
    expect([values[`n ${'y'.repeat(300)}`], values['constructor']]).toEqual(['1', '1'])
    expect(Object.entries(values)).toContainEqual(['__proto__', 'x'])
    expect(await kept.load('USER', `${key}2`)).toBeUndefined()
  })

  it('is bounded', async () => {
    const kept = new StoreCollections(make(), () => undefined)
    const key = `bound-${name}`
    await kept.change(
      'IP',
      key,
      Array.from({ length: 400 }, (_, i) => set(`v${i}`, 'x')),
      60,
    )
    expect(Object.keys((await kept.load('IP', key))!.values)).toHaveLength(256)
  })
})

it('tells of changes that could not be stored', async () => {
  const errors: Error[] = []
  const broken = { get: () => Promise.reject(new Error('gone')) } as unknown as Store
  await new StoreCollections(broken, (error) => errors.push(error)).change('IP', 'a', [], 60)
  expect(errors.map(({ message }) => message)).toEqual(['gone'])
})
