import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it, vi } from 'vitest'
import rateLimit from '../src/index.ts'

let app: FastifyInstance
afterEach(() => app.close())

async function build(limit = 5): Promise<void> {
  app = Fastify({ forceCloseConnections: true })
  await app.register(rateLimit)
  const extra_config = {
    'qos/ratelimit/router': { minute: limit, only_failures: true, error_message: 'Brute force blocked' },
  }
  app.post('/login', { config: { extra_config } }, async (request, reply) => {
    const { password, wait } = request.body as { password: string; wait?: number }
    await new Promise((resolve) => setTimeout(resolve, wait ?? 2))
    return reply.code(password === 'right' ? 200 : password === 'forbidden' ? 403 : 401).send({})
  })
}

async function login(password: string, wait?: number): Promise<number> {
  return (await app.inject({ method: 'POST', url: '/login', payload: { password, wait } })).statusCode
}

function counted(statuses: readonly number[]): Record<number, number> {
  const counts: Record<number, number> = {}
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

describe('only_failures', () => {
  it('counts 401 and 403 answers and nothing else', async () => {
    await build()
    for (let i = 0; i < 20; i++) expect(await login('right')).toBe(200)
    expect([await login('x'), await login('forbidden'), await login('x'), await login('x'), await login('x')]).toEqual([
      401, 403, 401, 401, 401,
    ])
    expect([await login('x'), await login('right')]).toEqual([429, 429])
  })

  it('tells on the failure itself how many are left', async () => {
    await build()
    const response = await app.inject({ method: 'POST', url: '/login', payload: { password: 'x' } })
    expect(response.headers['x-ratelimit-remaining-minute']).toBe('4')
  })

  it('gives fifty parallel guesses no more answers than five', async () => {
    await build()
    const statuses = await Promise.all(Array.from({ length: 50 }, () => login('x')))
    expect(counted(statuses)).toEqual({ 401: 5, 429: 45 })
  })

  it('serves fifty parallel requests that succeed', async () => {
    await build()
    const statuses = await Promise.all(Array.from({ length: 50 }, () => login('right')))
    expect(counted(statuses)).toEqual({ 200: 50 })
    expect(await login('right')).toBe(200)
  })

  it('refuses, rather than wait for ever, behind answers that do not come', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      await build(1)
      await app.ready()
      const slow = login('right', 5000)
      await vi.advanceTimersByTimeAsync(10)
      const waiting = login('right')
      await vi.advanceTimersByTimeAsync(1500)
      expect(await waiting).toBe(429)
      await vi.advanceTimersByTimeAsync(5000)
      expect(await slow).toBe(200)
    } finally {
      vi.useRealTimers()
    }
    expect(await login('right')).toBe(200)
  })

  it('lets go of clients that went away', async () => {
    await build(1)
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as { port: number }
    const body = JSON.stringify({ password: 'right', wait: 200 })
    const init = {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(30),
    }
    await expect(fetch(`http://127.0.0.1:${port}/login`, init)).rejects.toThrow()
    await new Promise((resolve) => setTimeout(resolve, 20))
    const started = performance.now()
    expect(await login('right')).toBe(200)
    expect(performance.now() - started).toBeLessThan(150)
  })
})
