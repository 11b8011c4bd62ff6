import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import {
  createRedisStore,
  type LimitRule,
  type RedisStore,
  type RedisStoreOptions,
  StoreUnavailableError,
} from '../src/index.ts'
import { freePort, RedisServer, redisInstalled, startRedis } from './redis-server.ts'
import { opensslInstalled, selfSigned } from './self-signed.ts'

const stores: RedisStore[] = []
const servers: RedisServer[] = []
const admins: Redis[] = []
const directory = mkdtempSync(join(tmpdir(), 'portcullis-store-'))

async function storeOf(options: RedisStoreOptions): Promise<RedisStore> {
  const store = createRedisStore(options)
  stores.push(store)
  await store.ready()
  return store
}

function admin(port: number): Redis {
  const made = new Redis({ port, host: '127.0.0.1' })
  made.on('error', () => undefined)
  admins.push(made)
  return made
}

async function started(args: readonly string[] = []): Promise<RedisServer> {
  const server = await startRedis(args)
  servers.push(server)
  return server
}

/** What an operation's failure says, and how long it took. */
async function failure(operation: () => unknown): Promise<{ error: Error; ms: number }> {
  const begun = performance.now()
  try {
    await operation()
  } catch (error) {
    return { error: error as Error, ms: performance.now() - begun }
  }
  throw new Error('did not fail')
}

async function until(condition: () => unknown, ms = 5000): Promise<void> {
  const begun = performance.now()
  while (!(await condition())) {
    if (performance.now() - begun > ms) throw new Error('did not happen in time')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

afterEach(() => {
  for (const store of stores.splice(0)) store.close()
  for (const client of admins.splice(0)) client.disconnect()
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.remove()))
  rmSync(directory, { recursive: true, force: true })
})

const minute: LimitRule = { kind: 'window', limit: 3, windowMs: 60_000 }
const bucket: LimitRule = { kind: 'bucket', capacity: 2, refillMs: 60_000 }

describe.runIf(redisInstalled)('the Redis store', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await started()
  })
  const local = (): RedisStoreOptions => ({ host: '127.0.0.1', port: server.port })

  it('counts as the memory store does', async () => {
    const store = await storeOf(local())
    const limiter = store.limiter('same:', [minute, bucket, { ...bucket, capacity: 3, shared: true }])
    const seen = []
    for (let i = 0; i < 4; i++)
      seen.push((await limiter.take('a')).map(({ allowed, remaining }) => [allowed, remaining]))
    expect(seen).toEqual([
      [
        [true, 2],
        [true, 1],
        [true, 2],
      ],
      [
        [true, 1],
        [true, 0],
        [true, 1],
      ],
      [
        [true, 0],
        [false, 0],
        [true, 1],
      ],
      [
        [false, 0],
        [false, 0],
        [true, 1],
      ],
    ])
    const [window, tokens] = await limiter.peek('a')
    expect(window).toMatchObject({ allowed: false, limit: 3, remaining: 0 })
    expect(window!.resetMs).toBeGreaterThan(59_000)
    expect(tokens!.resetMs).toBeGreaterThan(59_000)
    expect((await limiter.take('b')).map(({ allowed }) => allowed)).toEqual([true, true, true])
  })

  it('admits exactly the limit of many at once, over two connections', async () => {
    const [one, two] = [await storeOf(local()), await storeOf(local())]
    const limiters = [one.limiter('many:', [{ ...minute, limit: 6 }]), two.limiter('many:', [{ ...minute, limit: 6 }])]
    const results = await Promise.all(Array.from({ length: 50 }, (_, i) => limiters[i % 2]!.take('a')))
    expect(results.filter(([result]) => result!.allowed)).toHaveLength(6)
    const buckets = [one.limiter('b:', [{ ...bucket, capacity: 6 }]), two.limiter('b:', [{ ...bucket, capacity: 6 }])]
    const tokens = await Promise.all(Array.from({ length: 50 }, (_, i) => buckets[i % 2]!.take('a')))
    expect(tokens.filter(([result]) => result!.allowed)).toHaveLength(6)
  })

  it('refills a bucket on the server’s clock, up to its capacity', async () => {
    const limiter = (await storeOf(local())).limiter('refill:', [{ kind: 'bucket', capacity: 3, refillMs: 20 }])
    const given = async () =>
      (await Promise.all(Array.from({ length: 8 }, () => limiter.take('a')))).filter(([one]) => one!.allowed).length
    expect(await given()).toBe(3)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(await given()).toBe(3)
  })

  it('keeps values, counters and keyed limits', async () => {
    const store = await storeOf({ ...local(), prefix: 'p:' })
    await store.set('k', 'v', 10_000)
    expect([await store.get('k'), await store.get('none')]).toEqual(['v', undefined])
    await store.delete('k')
    expect(await store.get('k')).toBeUndefined()
    expect([await store.increment('n', 2, 10_000), await store.increment('n', 3, 10_000)]).toEqual([2, 5])
    expect(await store.peek([{ kind: 'window', key: 'n', limit: 6, windowMs: 1000 }])).toMatchObject([{ remaining: 1 }])
    const limits = [{ kind: 'window', key: 'w', limit: 1, windowMs: 60_000 }] as const
    expect(
      [await store.peek(limits), await store.take(limits), await store.take(limits)].map(([one]) => one!.allowed),
    ).toEqual([true, true, false])
    expect(await admin(server.port).pttl('p:n')).toBeGreaterThan(9000)
  })

  it('heals counters without an expiry, too far an expiry, or a foreign value (RD-08)', async () => {
    const redis = admin(server.port)
    const store = await storeOf(local())
    const limiter = store.limiter('heal:', [minute])
    const key = 'portcullis:heal::{a}:60000'
    await limiter.take('a')
    expect(await redis.get(key)).toBe('1')
    await redis.set(key, '1000')
    expect(await limiter.take('a')).toMatchObject([{ allowed: false }])
    expect(await redis.pttl(key)).toBeGreaterThan(0)
    await redis.set(key, '1', 'PX', 9e9)
    expect((await limiter.take('a'))[0]!.resetMs).toBeLessThanOrEqual(60_000)
    expect(await redis.pttl(key)).toBeLessThanOrEqual(60_000)
    for (const spoil of [() => redis.set(key, 'nonsense'), () => redis.lpush(key, 'x')]) {
      await redis.del(key)
      await spoil()
      expect((await limiter.peek('a'))[0]!.allowed).toBe(true)
      expect(await limiter.take('a')).toMatchObject([{ allowed: true, remaining: 2 }])
    }
    const buckets = store.limiter('heal-b:', [bucket])
    await redis.lpush('portcullis:heal-b::{a}:b0', 'x')
    expect(await buckets.take('a')).toMatchObject([{ allowed: true, remaining: 1 }])
    await redis.set('portcullis:n', 'x')
    expect(await store.increment('n', 1, 1000)).toBe(1)
    await redis.set('portcullis:n', '5')
    expect(await store.increment('n', 1, 1000)).toBe(6)
    expect(await redis.pttl('portcullis:n')).toBeGreaterThan(0)
  })

  it('sends the script again to a server that has lost it (RL-20)', async () => {
    const limiter = (await storeOf(local())).limiter('lost:', [minute])
    await limiter.take('a')
    await admin(server.port).script('FLUSH')
    expect(await limiter.take('a')).toMatchObject([{ remaining: 1 }])
    await admin(server.port).flushall()
    expect(await limiter.take('a')).toMatchObject([{ remaining: 2 }])
  })

  it('keeps ids from writing other keys (RL-19)', async () => {
    const store = await storeOf({ ...local(), prefix: 'inject:' })
    const limiter = store.limiter('i:', [minute])
    for (const id of ['a*\nDEL x', '{slot}', 'x}y{', '\u0000'])
      expect(await limiter.take(id)).toMatchObject([{ remaining: 2 }])
    expect(await admin(server.port).keys('inject:i:*')).toHaveLength(4)
  })

  it('takes a client of the app’s own and leaves it open', async () => {
    const client = admin(server.port)
    const store = await storeOf({ client })
    expect(await store.limiter('own:', [minute]).take('a')).toMatchObject([{ allowed: true }])
    store.close()
    expect(await client.ping()).toBe('PONG')
  })

  it('says what is missing without ioredis only when it is missing', async () => {
    await expect(createRedisStoreAndClose(local())).resolves.toBeUndefined()
  })

  it('rejects ready() for a certificate that cannot be read', async () => {
    const store = createRedisStore({ ...local(), tls: { ca_certs: ['/no/such/file'] } })
    stores.push(store)
    await expect(store.ready()).rejects.toThrow(/ENOENT/)
  })
})

async function createRedisStoreAndClose(options: RedisStoreOptions): Promise<void> {
  const store = createRedisStore(options)
  await store.ready()
  store.close()
}

describe.runIf(redisInstalled)('a Redis that fails', () => {
  const changes: string[] = []
  const watch = { onChange: (available: boolean, reason: string) => void changes.push(`${available} ${reason}`) }
  afterEach(() => void changes.splice(0))

  async function expectDown(store: RedisStore): Promise<void> {
    const limiter = store.limiter('down:', [minute])
    for (const operation of [
      () => limiter.take('a'),
      () => limiter.peek('a'),
      () => store.get('k'),
      () => store.set('k', 'v', 10),
      () => store.delete('k'),
      () => store.increment('k', 1, 10),
    ]) {
      const { error, ms } = await failure(operation)
      expect(error).toBeInstanceOf(StoreUnavailableError)
      expect(`${error.message} ${error.stack} ${String(error.cause)}`).not.toMatch(
        /127\.0\.0\.1|:\d{4,5}\b(?!:)|hunter2/,
      )
      expect(ms).toBeLessThan(100)
    }
    await until(() => !store.healthy())
    const begun = performance.now()
    await Promise.all(Array.from({ length: 100 }, () => failure(() => limiter.take('a'))))
    expect(performance.now() - begun).toBeLessThan(50)
  }

  async function expectBack(store: RedisStore): Promise<void> {
    await until(() => store.healthy())
    expect(await store.limiter('back:', [minute]).take(String(performance.now()))).toMatchObject([
      { allowed: true, remaining: 2 },
    ])
  }

  it('is down at the start, killed and started again (RD-01, RD-06)', async () => {
    const server = new RedisServer(await freePort())
    servers.push(server)
    const store = await storeOf({ host: '127.0.0.1', port: server.port, ...watch })
    await expectDown(store)
    await server.start()
    await expectBack(store)
    await server.stop()
    await expectDown(store)
    await server.start()
    await expectBack(store)
    expect(changes.map((change) => change.split(' ')[0])).toEqual(['false', 'true', 'false', 'true'])
  })

  it('is frozen, and paused (RD-03, RD-07)', async () => {
    const server = await started()
    const store = await storeOf({ url: `redis://127.0.0.1:${server.port}/0`, ...watch })
    await store.set('k', 'v', 10_000)
    server.signal('SIGSTOP')
    await expectDown(store)
    server.signal('SIGCONT')
    await expectBack(store)
    await admin(server.port).client('PAUSE', 600, 'ALL')
    await expectDown(store)
    await expectBack(store)
    expect(changes[0]).toBe('false does not answer in time')
  })

  it('does not take a pause of this process for one of Redis', async () => {
    const server = await started()
    const store = await storeOf({ host: '127.0.0.1', port: server.port, ...watch })
    const limiter = store.limiter('pause:', [minute])
    await limiter.take('a')
    const taken = limiter.take('a')
    const begun = performance.now()
    while (performance.now() - begun < 150);
    expect(await taken).toMatchObject([{ allowed: true }])
    expect(changes).toEqual([])
  })

  it('is read-only until it is a master again (RD-04)', async () => {
    const server = await started()
    const redis = admin(server.port)
    const store = await storeOf({ host: '127.0.0.1', port: server.port, ...watch })
    await redis.replicaof('127.0.0.1', 1)
    const { error } = await failure(() => store.set('k', 'v', 1000))
    expect(error.message).toBe('the shared store is read-only')
    await until(() => failure(() => store.set('k', 'v', 1000)).then(() => !store.healthy()))
    await redis.replicaof('NO', 'ONE')
    await expectBack(store)
  })

  it('is out of memory (RD-09)', async () => {
    const server = await started()
    const redis = admin(server.port)
    const store = await storeOf({ host: '127.0.0.1', port: server.port })
    await redis.config('SET', 'maxmemory', '1')
    const { error, ms } = await failure(() => store.limiter('oom:', [minute]).take('a'))
    expect(error.message).toBe('the shared store is out of memory')
    expect(ms).toBeLessThan(100)
    await redis.config('SET', 'maxmemory', '0')
    await expectBack(store)
  })

  it('is locked and got no password, a wrong one or a wrong user (RD-05)', async () => {
    const server = await started(['--requirepass', 'right'])
    const wrong = [{}, { password: 'hunter2' }, { username: 'nobody', password: 'hunter2' }]
    const locked = await Promise.all(wrong.map((one) => storeOf({ host: '127.0.0.1', port: server.port, ...one })))
    for (const store of locked) await expectDown(store)
  })

  it('lets an ACL user count in a database of its own, another one not (R16)', async () => {
    const server = await started()
    const redis = admin(server.port)
    await redis.acl(
      'SETUSER',
      'gateway',
      'on',
      '>secret',
      '~portcullis:*',
      '+@write',
      '+@read',
      '+@scripting',
      '+select',
      '+time',
      '+ping',
    )
    await redis.acl('SETUSER', 'nothing', 'on', '>secret', '~*', '+ping', '+select')
    const store = await storeOf({
      host: '127.0.0.1',
      port: server.port,
      username: 'gateway',
      password: 'secret',
      database: 1,
    })
    expect(await store.limiter('acl:', [minute, bucket]).take('a')).toMatchObject([
      { allowed: true },
      { allowed: true },
    ])
    expect(await redis.dbsize()).toBe(0)
    await redis.select(1)
    expect((await redis.keys('*')).sort()).toEqual([
      'portcullis:acl::{a}:60000',
      'portcullis:acl::{a}:b1',
      'portcullis:probe',
    ])
    const refused = await storeOf({ url: `redis://nothing:secret@127.0.0.1:${server.port}` })
    expect((await failure(() => refused.limiter('acl:', [minute]).take('a'))).error.message).toBe(
      'the shared store does not allow the commands that are needed',
    )
  })
})

describe.runIf(redisInstalled)('other kinds of Redis', () => {
  it('a Cluster: the keys of one request are in one slot', async () => {
    const port = await freePort()
    // The bus listens on the port + 10000, which must be one.
    const low = port > 50_000 ? port - 10_000 : port
    const server = new RedisServer(low, ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'])
    servers.push(server)
    await server.start()
    const redis = admin(low)
    await redis.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    await until(async () => String(await redis.call('CLUSTER', 'INFO')).includes('cluster_state:ok'))
    const store = await storeOf({ host: '127.0.0.1', port: low, cluster: true })
    const own = store.limiter('cluster:', [minute, { ...minute, windowMs: 3_600_000 }, bucket])
    expect(await own.take('a')).toMatchObject([{ remaining: 2 }, { remaining: 2 }, { remaining: 1 }])
    const shared = store.limiter('shared{x}:', [minute, { ...bucket, shared: true }])
    for (const id of ['a', '{b}', 'c']) expect((await shared.take(id)).length).toBe(2)
    const listed = await storeOf({ cluster: [`127.0.0.1:${low}`] })
    expect(await listed.limiter('cluster:', [minute]).take('b')).toMatchObject([{ remaining: 2 }])
    await server.stop()
    const { error, ms } = await failure(() => own.take('a'))
    expect(error).toBeInstanceOf(StoreUnavailableError)
    expect(ms).toBeLessThan(100)
  })

  it('behind Sentinels', async () => {
    const master = await started()
    const port = await freePort()
    const config = join(directory, 'sentinel.conf')
    writeFileSync(
      config,
      `port ${port}\nbind 127.0.0.1\ndir ${directory}\nsentinel monitor mymaster 127.0.0.1 ${master.port} 1\n`,
    )
    const sentinel = new RedisServer(port)
    servers.push(sentinel)
    await sentinel.startSentinel(config)
    const store = await storeOf({ sentinels: [`127.0.0.1:${port}`] })
    await until(() => store.healthy())
    expect(await store.limiter('s:', [minute]).take('a')).toMatchObject([{ allowed: true }])
    expect(await admin(master.port).exists('portcullis:s::{a}:60000')).toBe(1)
  })

  it.runIf(opensslInstalled)('over TLS: the certificate is checked (R18)', async () => {
    const { folder, certificate, key } = selfSigned('redis.test')
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const port = await freePort()
    const server = new RedisServer(port, [
      '--port',
      '0',
      '--tls-port',
      String(port),
      '--tls-cert-file',
      certificate,
      '--tls-key-file',
      key,
      '--tls-auth-clients',
      'no',
    ])
    servers.push(server)
    await server.start()
    const at = { host: '127.0.0.1', port }
    const works = async (tls: RedisStoreOptions['tls']) => {
      const store = await storeOf({ ...at, ...(tls === undefined ? undefined : { tls }) })
      return Promise.resolve(store.limiter('tls:', [minute]).take('a')).then(
        () => true,
        () => false,
      )
    }
    const tried = await Promise.all([
      works({ ca_certs: [certificate], server_name: 'redis.test' }),
      works({ allow_insecure_connections: true }),
      works({ ca_certs: [certificate], server_name: 'other.test' }),
      works({ ca_certs: [certificate] }),
      works(true),
      works(undefined),
    ])
    expect(tried).toEqual([true, true, false, false, false, false])
  })
})
