import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import rateLimit, { type ResponseRateLimitConfig } from '../src/index.ts'

let app: FastifyInstance
let seen: (string | undefined)[]
afterEach(() => app.close())

/** The handler is the upstream: the query says what its answer spends. */
async function build(config: ResponseRateLimitConfig): Promise<void> {
  seen = []
  app = Fastify()
  await app.register(rateLimit)
  app.get('/', { config: { extra_config: { 'qos/ratelimit/response': config } } }, (request, reply) => {
    seen.push(request.headers['x-ratelimit-remaining-video'] as string | undefined)
    const { spend } = request.query as { spend?: string | string[] }
    if (spend !== undefined) reply.header('X-Kong-Limit', spend)
    return reply.send('film')
  })
}

function get(...spend: string[]): Promise<LightMyRequestResponse> {
  return app.inject({ url: '/', query: { spend } })
}

describe('quotas that the upstream spends (Kong P01 to P05)', () => {
  it('are told, run down and refuse', async () => {
    await build({ limits: { video: { hour: 3 } } })
    const remaining: unknown[] = []
    for (let i = 0; i < 3; i++) {
      const { headers, body } = await get('video=1')
      expect([headers['x-ratelimit-limit-video-hour'], body]).toEqual(['3', 'film'])
      expect(headers).not.toHaveProperty('x-kong-limit')
      remaining.push(headers['x-ratelimit-remaining-video-hour'])
    }
    const refused = await get('video=1')
    expect([refused.statusCode, refused.body, refused.headers['x-ratelimit-remaining-video-hour']]).toEqual([
      429,
      '',
      '0',
    ])
    expect(remaining).toEqual(['2', '1', '0'])
    expect((await get()).statusCode).toBe(200)
    expect(seen).toEqual(['3', '2', '1', '0', '0'])
  })

  it('are several, in one line or two; unknown names and nonsense cost nothing', async () => {
    await build({ limits: { video: { hour: 10, day: 20 }, image: { hour: 10 } } })
    const { headers } = await get('video=2, image=1', 'image=3, sound=5, video=-4, image=x')
    expect(headers).toMatchObject({
      'x-ratelimit-remaining-video-hour': '8',
      'x-ratelimit-remaining-video-day': '18',
      'x-ratelimit-remaining-image-hour': '6',
    })
  })

  it('refuse before the upstream is asked, when told to', async () => {
    await build({ limits: { video: { hour: 5 }, image: { hour: 1 } }, block_on_first_violation: true })
    await get('image=1')
    const refused = await get('video=1')
    expect([refused.statusCode, refused.json().message]).toEqual([429, "API rate limit exceeded for 'image'"])
    expect(seen).toHaveLength(1)
  })

  it('are hidden when told to, from the client only', async () => {
    await build({ limits: { video: { hour: 3 } }, hide_client_headers: true })
    expect(Object.keys((await get('video=1')).headers).join()).not.toContain('ratelimit')
    expect(seen).toEqual(['3'])
  })

  it('cannot be claimed by a client', async () => {
    await build({ limits: { video: { hour: 3 } } })
    await app.inject({ url: '/', headers: { x_ratelimit_remaining_video: '999' } })
    expect(seen).toEqual(['3'])
  })

  it('are exact under concurrency', async () => {
    await build({ limits: { video: { hour: 5 } } })
    const responses = await Promise.all(Array.from({ length: 30 }, () => get('video=1')))
    expect(responses.filter(({ statusCode }) => statusCode === 200)).toHaveLength(5)
  })
})
