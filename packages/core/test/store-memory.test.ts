import { describe, expect, it } from 'vitest'
import { type LimitRule, MemoryStore } from '../src/index.ts'

const minute: LimitRule = { kind: 'window', limit: 3, windowMs: 60_000 }

function storeAt(maxEntries = 100_000): { store: MemoryStore; clock: { now: number } } {
  const clock = { now: 1000 }
  return { store: new MemoryStore({ maxEntries, now: () => clock.now }), clock }
}

/** Copies: a limiter's results are the same objects every time. */
function copied<T>(results: unknown): T[] {
  return structuredClone(results) as T[]
}

describe('a window', () => {
  it('counts every request from the first one on, and starts anew when it has ended', () => {
    const { store, clock } = storeAt()
    const limiter = store.limiter('w:', [minute])
    const taken = Array.from({ length: 4 }, () => copied(limiter.take('a'))[0])
    expect(taken).toEqual([
      { allowed: true, limit: 3, remaining: 2, resetMs: 60_000 },
      { allowed: true, limit: 3, remaining: 1, resetMs: 60_000 },
      { allowed: true, limit: 3, remaining: 0, resetMs: 60_000 },
      { allowed: false, limit: 3, remaining: 0, resetMs: 60_000 },
    ])
    clock.now += 59_999
    expect(copied(limiter.take('a'))).toEqual([{ allowed: false, limit: 3, remaining: 0, resetMs: 1 }])
    clock.now += 1
    expect(copied(limiter.take('a'))).toMatchObject([{ allowed: true, remaining: 2 }])
  })

  it('is the same for every limiter of a name, and another for another name', () => {
    const { store } = storeAt()
    store.limiter('w:', [minute]).take('a')
    expect(copied(store.limiter('w:', [minute]).take('a'))).toMatchObject([{ remaining: 1 }])
    expect(copied(store.limiter('x:', [minute]).take('a'))).toMatchObject([{ remaining: 2 }])
  })
})

describe('a bucket', () => {
  it.each([
    [10, 100],
    [100_000, 0.01],
    [7, 33.333],
    [3, 1000 / 3],
  ])('of %i gives exactly as many at once, however long it was idle', (capacity, refillMs) => {
    const { store, clock } = storeAt()
    clock.now = 8.64e8
    const limiter = store.limiter('b:', [{ kind: 'bucket', capacity, refillMs }])
    for (let round = 0; round < 3; round++) {
      let given = 0
      for (let i = 0; i < capacity * 2 + 2; i++)
        if ((limiter.take('a') as unknown as { allowed: boolean }[])[0]!.allowed) given++
      expect(given).toBe(capacity)
      clock.now += capacity * refillMs * (round + 2)
    }
  })

  it('has a token again when it said so', () => {
    const { store, clock } = storeAt()
    const limiter = store.limiter('b:', [{ kind: 'bucket', capacity: 1, refillMs: 1000 / 3 }])
    for (let i = 0; i < 1000; i++) {
      expect(copied(limiter.take('a'))).toMatchObject([{ allowed: true }])
      const [refused] = copied<{ allowed: boolean; resetMs: number }>(limiter.take('a'))
      expect(refused!.allowed).toBe(false)
      clock.now += refused!.resetMs
    }
  })

  it('gives no token when another limit refuses', () => {
    const { store } = storeAt()
    const limiter = store.limiter('b:', [
      { ...minute, limit: 1 },
      { kind: 'bucket', capacity: 5, refillMs: 1e6, shared: true },
    ])
    limiter.take('a')
    for (let i = 0; i < 10; i++) limiter.take('a')
    expect(copied(limiter.peek('b'))).toMatchObject([
      { allowed: true, remaining: 1 },
      { allowed: true, remaining: 4 },
    ])
    expect(copied(limiter.take('b'))).toMatchObject([{ allowed: true }, { remaining: 3 }])
  })
})

describe('limits with keys of their own', () => {
  it('are counted in one step', () => {
    const { store } = storeAt()
    const limits = [
      { kind: 'window', key: 'w', limit: 2, windowMs: 1000 },
      { kind: 'bucket', key: 'b', capacity: 5, refillMs: 1000 },
    ] as const
    expect(store.peek(limits)).toMatchObject([{ remaining: 2 }, { remaining: 5 }])
    for (let i = 0; i < 4; i++) store.take(limits)
    expect(store.take(limits)).toMatchObject([
      { allowed: false, remaining: 0 },
      { allowed: true, remaining: 3 },
    ])
    expect(store.peek(limits)).toMatchObject([
      { allowed: false, remaining: 0 },
      { allowed: true, remaining: 3 },
    ])
  })
})

describe('memory', () => {
  it('is bounded, and a flood of other keys frees nobody who is banned (RL-11)', () => {
    const { store } = storeAt(1000)
    const limiter = store.limiter('w:', [minute])
    for (let i = 0; i < 4; i++) limiter.take('attacker')
    for (let i = 0; i < 50_000; i++) limiter.take(`flood-${i}`)
    expect(store.size).toBeLessThanOrEqual(1000)
    expect(copied(limiter.take('attacker'))).toMatchObject([{ allowed: false }])
  })

  it('is bounded even when everybody is banned', () => {
    const { store } = storeAt(1000)
    const limiter = store.limiter('w:', [{ ...minute, limit: 1 }])
    for (let i = 0; i < 3000; i++) for (let n = 0; n < 2; n++) limiter.take(`flood-${i}`)
    expect(store.size).toBeLessThanOrEqual(1000)
  })

  it('keeps who comes again, and lets go what has expired', () => {
    const { store, clock } = storeAt(1000)
    const limiter = store.limiter('w:', [minute])
    limiter.take('regular')
    for (let i = 0; i < 5000; i++) {
      limiter.take(`flood-${i}`)
      if (i % 100 === 0) limiter.peek('regular')
      if (i === 300) limiter.take('regular')
    }
    clock.now += 60_001
    for (let i = 0; i < 600; i++) limiter.take(`late-${i}`)
    expect(store.size).toBeLessThan(1000)
  })

  it('answers a flood in a time that does not grow with it', () => {
    const { store } = storeAt(50_000)
    const limiter = store.limiter('w:', [minute])
    const started = performance.now()
    for (let i = 0; i < 300_000; i++) limiter.take(`flood-${i}`)
    expect(performance.now() - started).toBeLessThan(3000)
  })
})

describe('values', () => {
  it('live as long as they are told to', () => {
    const { store, clock } = storeAt()
    store.set('k', 'v', 100)
    expect(store.get('k')).toBe('v')
    expect(store.increment('n', 2, 100)).toBe(2)
    expect(store.increment('n', 3, 1000)).toBe(5)
    expect(store.peek([{ kind: 'window', key: 'n', limit: 6, windowMs: 100 }])).toMatchObject([{ remaining: 1 }])
    clock.now += 100
    expect(store.get('k')).toBeUndefined()
    expect(store.increment('n', 1, 100)).toBe(1)
    store.set('k', 'v', 100)
    store.delete('k')
    expect(store.get('k')).toBeUndefined()
  })
})
