import { describe, expect, it } from 'vitest'
import { bucketOf, Histogram, quantile } from '../src/histogram.ts'
import { Live, WINDOW } from '../src/live.ts'
import { TopList } from '../src/top-list.ts'

describe('histograms', () => {
  it('put durations into buckets whose upper bound they do not exceed', () => {
    expect([0, 0.5, 0.51, 10_000, 10_001].map(bucketOf)).toEqual([0, 0, 1, 13, 14])
  })

  it('tell quantiles by interpolation', () => {
    const histogram = new Histogram()
    for (let n = 0; n < 100; n++) histogram.observe(n < 90 ? 1.5 : 80)
    expect(quantile(histogram.counts, 0.5)).toBeCloseTo(1 + 1.5 * (50 / 90))
    expect(quantile(histogram.counts, 0.95)).toBeCloseTo(75)
    expect(quantile(new Histogram().counts, 0.5)).toBeUndefined()
    histogram.observe(60_000)
    expect(quantile(histogram.counts, 1)).toBe(10_000)
  })
})

describe('the last minutes', () => {
  it('are told second by second, and forgotten after that', () => {
    let now = 1_000_000_000
    const live = new Live(() => now)
    live.record('ok', 2, undefined, '/a', [])
    live.record('refused', 2, '10.0.0.1', '/a', [])
    expect(live.seconds().at(-1)!.counts).toEqual([0, 0, 0, 0])
    now += 1000
    const seconds = live.seconds()
    expect(seconds).toHaveLength(WINDOW - 1)
    expect(seconds.at(-1)).toMatchObject({ time: 1_000_000, counts: [1, 1, 0, 0] })
    expect(seconds.at(-1)!.latency[0]).toBeGreaterThan(1)
    now += 7000
    expect(live.seconds().at(-8)!.counts).toEqual([1, 1, 0, 0])
    expect(live.seconds().at(-1)!.latency).toEqual([null, null, null])
    now += WINDOW * 1000
    expect(live.seconds().every(({ counts }) => counts.every((count) => count === 0))).toBe(true)
    expect(live.addresses.top(5)).toEqual([{ name: '10.0.0.1', count: 1 }])
  })

  it('survive a clock that is set back', () => {
    let now = 1_000_000_000
    const live = new Live(() => now)
    now -= 100_000
    live.record('ok', 1, undefined, '/', [])
    now += 101_000
    expect(live.seconds().at(-1)!.counts[0]).toBe(1)
  })

  it('keep the text of rules that matched', () => {
    const live = new Live(() => 5000)
    const decision = {
      component: 'waf',
      code: 'RULE_1',
      mode: 'record',
      message: 'SQL',
      detail: { rule_id: 1, tags: ['sqli'] },
    } as const
    live.record('ok', 1, undefined, '/', [
      decision,
      decision,
      { component: 'waf', code: 'WAF_BLOCKED', mode: 'enforce' },
    ])
    expect(live.rules(10)).toEqual([{ rule: '1', message: 'SQL', tags: ['sqli'], count: 2, last: 5000 }])
  })
})

it('a top list stays small and finds the frequent among many', () => {
  const list = new TopList(20)
  for (let n = 0; n < 5000; n++) {
    list.add(`rare ${n}`)
    if (n % 3 === 0) list.add('often')
    if (n % 7 === 0) list.add('now and then')
  }
  const top = list.top(2)
  expect(top.map(({ name }) => name)).toEqual(['often', 'now and then'])
  expect(top[0]!.count).toBeGreaterThanOrEqual(1667)
  expect(list.top(100)).toHaveLength(20)
})
