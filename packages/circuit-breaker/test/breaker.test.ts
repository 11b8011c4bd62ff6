import { describe, expect, it } from 'vitest'
import { Breaker, type BreakerOptions, type Ticket } from '../src/index.ts'

function breakerAt(options: Partial<BreakerOptions> = {}): {
  breaker: Breaker
  clock: { now: number }
  seen: string[]
} {
  const clock = { now: 1000 }
  const seen: string[] = []
  const breaker = new Breaker({
    maxErrors: 1,
    intervalMs: 10_000,
    openMs: 5000,
    now: () => clock.now,
    onChange: (from, to) => seen.push(`${from}>${to}`),
    ...options,
  })
  return { breaker, clock, seen }
}

function admitted(breaker: Breaker): Ticket {
  const ticket = breaker.admit()
  if (typeof ticket === 'number') throw new Error(`not admitted for ${ticket} ms`)
  return ticket
}

const fail = (breaker: Breaker, count = 1): void => {
  for (let i = 0; i < count; i++) breaker.fail(admitted(breaker))
}

describe('a breaker', () => {
  it.each([0, 1, 3])('opens when more than %i failures follow on each other', (maxErrors) => {
    const { breaker } = breakerAt({ maxErrors })
    fail(breaker, maxErrors)
    expect(breaker.state).toBe('closed')
    fail(breaker)
    expect([breaker.state, breaker.admit()]).toEqual(['open', 5000])
  })

  it('starts to count again after a success, and after the interval', () => {
    const { breaker, clock } = breakerAt()
    for (let i = 0; i < 5; i++) {
      fail(breaker)
      breaker.succeed(admitted(breaker))
    }
    fail(breaker)
    clock.now += 10_000
    fail(breaker)
    expect(breaker.state).toBe('closed')
    fail(breaker)
    expect(breaker.state).toBe('open')
  })

  it('never starts again with interval 0', () => {
    const { breaker, clock } = breakerAt({ intervalMs: 0 })
    fail(breaker)
    clock.now += 1e9
    fail(breaker)
    expect(breaker.state).toBe('open')
  })

  it('lets one request through after its time, and closes when that succeeds', () => {
    const { breaker, clock, seen } = breakerAt()
    fail(breaker, 2)
    clock.now += 4999
    expect(breaker.admit()).toBe(1)
    clock.now += 1
    expect(breaker.state).toBe('half-open')
    const probe = admitted(breaker)
    expect(typeof breaker.admit()).toBe('number')
    breaker.succeed(probe)
    expect(breaker.state).toBe('closed')
    expect(seen).toEqual(['closed>open', 'open>half-open', 'half-open>closed'])
  })

  it('opens again when that fails, with the whole time', () => {
    const { breaker, clock } = breakerAt()
    fail(breaker, 2)
    clock.now += 5000
    fail(breaker)
    expect([breaker.state, breaker.admit()]).toEqual(['open', 5000])
  })

  it('is not stuck behind a probe that says nothing, or is lost', () => {
    const { breaker, clock } = breakerAt()
    fail(breaker, 2)
    clock.now += 5000
    const cancelled = admitted(breaker)
    breaker.forget(cancelled)
    breaker.forget(cancelled)
    const lost = admitted(breaker)
    expect(typeof breaker.admit()).toBe('number')
    breaker.forget(cancelled)
    expect(typeof breaker.admit()).toBe('number')
    clock.now += 5000
    const next = admitted(breaker)
    expect(next).not.toBe(lost)
    breaker.succeed(next)
    expect(breaker.state).toBe('closed')
  })

  it('does not listen to what was let through before it opened', () => {
    const { breaker, clock } = breakerAt()
    const [slow, slower] = [admitted(breaker), admitted(breaker)]
    fail(breaker, 2)
    clock.now += 5000
    const probe = admitted(breaker)
    breaker.succeed(slow)
    expect(breaker.state).toBe('half-open')
    breaker.succeed(probe)
    breaker.fail(slower)
    fail(breaker)
    expect(breaker.state).toBe('closed')
  })
})
