import { describe, expect, it } from 'vitest'
import { type FetchedToken, type Token, TokenCache, TokenError } from '../src/index.ts'

interface World {
  cache: TokenCache
  clock: { now: number }
  fetches: number
  failures: string[]
  next: (count: number) => Promise<FetchedToken>
}

function world(marginMs = 10_000): World {
  const made: World = {
    clock: { now: 1000 },
    fetches: 0,
    failures: [],
    next: async (count) => ({ value: `t${count}`, lifetimeMs: 60_000 }),
    cache: new TokenCache({
      fetch: () => made.next(++made.fetches),
      marginMs,
      onFailure: (reason) => made.failures.push(reason),
      now: () => made.clock.now,
    }),
  }
  return made
}

const settled = () => new Promise((resolve) => setImmediate(resolve))
const down = async (): Promise<never> => {
  throw new TokenError('down')
}

async function headerOf(cache: TokenCache): Promise<string> {
  return (await cache.get()).header
}

describe('a token', () => {
  it('is fetched once for a thousand requests at once (OA-06)', async () => {
    const w = world()
    const headers = await Promise.all(Array.from({ length: 1000 }, () => headerOf(w.cache)))
    expect(new Set(headers)).toEqual(new Set(['Bearer t1']))
    expect(w.fetches).toBe(1)
    expect(w.cache.get()).not.toBeInstanceOf(Promise)
  })

  it('is renewed in the background before it expires, once, and used meanwhile (OA-07)', async () => {
    const w = world()
    await headerOf(w.cache)
    w.clock.now += 49_999
    w.cache.get()
    expect(w.fetches).toBe(1)
    w.clock.now += 1
    for (let i = 0; i < 100; i++) expect((w.cache.get() as Token).header).toBe('Bearer t1')
    expect(w.fetches).toBe(2)
    await settled()
    expect((w.cache.get() as Token).header).toBe('Bearer t2')
  })

  it('is never used past its expiry', async () => {
    const w = world()
    await headerOf(w.cache)
    w.clock.now += 58_000
    expect(await headerOf(w.cache)).toBe('Bearer t2')
  })

  it('of a second is renewed in time, without a loop (OA-05)', async () => {
    const w = world()
    w.next = async (count) => ({ value: `t${count}`, lifetimeMs: 1000 })
    for (let ms = 0; ms < 5000; ms += 10) {
      await w.cache.get()
      await settled()
      w.clock.now += 10
    }
    expect(w.fetches).toBeGreaterThanOrEqual(5)
    expect(w.fetches).toBeLessThanOrEqual(11)
  })
})

describe('a token endpoint that fails', () => {
  it('is asked once in each backoff, however many requests there are (OA-03)', async () => {
    const w = world()
    w.next = down
    for (let i = 0; i < 100; i++) await expect(headerOf(w.cache)).rejects.toThrow('down')
    expect([w.fetches, w.failures]).toEqual([1, ['down']])
    w.clock.now += 1000
    await expect(headerOf(w.cache)).rejects.toThrow('down')
    w.clock.now += 1999
    await expect(headerOf(w.cache)).rejects.toThrow('down')
    expect(w.fetches).toBe(2)
    w.clock.now += 1
    w.next = async () => ({ value: 'again', lifetimeMs: 60_000 })
    expect(await headerOf(w.cache)).toBe('Bearer again')
  })

  it('is not asked before it said, within reason', async () => {
    const w = world()
    w.next = async () => {
      throw new TokenError('busy', 9e9)
    }
    await expect(headerOf(w.cache)).rejects.toThrow('busy')
    w.clock.now += 29_999
    await expect(headerOf(w.cache)).rejects.toThrow('busy')
    expect(w.fetches).toBe(1)
    w.clock.now += 1
    await expect(headerOf(w.cache)).rejects.toThrow('busy')
    expect(w.fetches).toBe(2)
  })

  it('costs nothing while the present token lives', async () => {
    const w = world()
    await headerOf(w.cache)
    w.next = down
    w.clock.now += 51_000
    for (let i = 0; i < 10; i++) {
      expect(await headerOf(w.cache)).toBe('Bearer t1')
      await settled()
    }
    expect(w.fetches).toBe(2)
  })
})

describe('a token that the upstream refuses', () => {
  it('is dropped once for all who used it', async () => {
    const w = world()
    const token = await w.cache.get()
    expect([w.cache.refused(token), w.cache.refused(token)]).toEqual([true, true])
    expect(await headerOf(w.cache)).toBe('Bearer t2')
    expect(w.cache.refused(token)).toBe(true)
    expect(await headerOf(w.cache)).toBe('Bearer t2')
  })

  it('is kept when it replaced one and has not worked since: no loop', async () => {
    const w = world()
    expect(w.cache.refused(await w.cache.get())).toBe(true)
    for (let i = 0; i < 50; i++) expect(w.cache.refused(await w.cache.get())).toBe(false)
    expect(w.fetches).toBe(2)
    w.clock.now += 10_000
    expect(w.cache.refused(await w.cache.get())).toBe(true)
    const third = await w.cache.get()
    w.cache.accepted(third)
    expect(w.cache.refused(third)).toBe(true)
  })
})
