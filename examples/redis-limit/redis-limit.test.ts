import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { redisInstalled } from './redis.ts'
import { ask, type Example, start, untilBack } from './start.ts'

const installed = redisInstalled()
if (!installed) console.warn('redis-server is not installed: the example of a shared limit is skipped')

describe.skipIf(!installed)('two gateways with one Redis', () => {
  let example: Example
  beforeEach(async () => {
    example = await start()
  })
  afterEach(async () => {
    await example.stop()
    for (const name of ['BACKEND', 'REDIS_URL']) delete process.env[name]
  })

  it('admit together what the limit says, to the request', async () => {
    expect((await ask(example, '/orders', 20)).statuses).toEqual({ 200: 10, 429: 10 })
    expect((await ask(example, '/catalog', 30)).statuses).toEqual({ 200: 10, 429: 20 })
  })

  it('without Redis refuse at once, or count alone where they are told to; with Redis again they share', async () => {
    expect((await ask(example, '/orders', 2)).statuses).toEqual({ 200: 2 })
    await example.redis.stop()
    const refused = await ask(example, '/orders', 6)
    expect(refused.statuses).toEqual({ 503: 6 })
    // 100 ms are promised; the rest is for a busy machine.
    expect(refused.slowest).toBeLessThan(500)
    expect((await ask(example, '/catalog', 30)).statuses).toEqual({ 200: 20, 429: 10 })
    await example.redis.start()
    await untilBack(example, '/orders')
    const { statuses } = await ask(example, '/orders', 20)
    // The requests of the waiting count too: at least the last two.
    expect(statuses[429]).toBeGreaterThanOrEqual(12)
    expect(statuses[503]).toBeUndefined()
  })
})
