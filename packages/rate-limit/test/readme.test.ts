import { afterAll, describe, expect, it } from 'vitest'
import { testReadme } from '../../core/test/readme.ts'
import { rateLimitSchema } from '../src/config.ts'
import { app } from './example.ts'

afterAll(() => app.close())

describe('README', () => {
  testReadme(import.meta.url, rateLimitSchema)

  it('has an example that works', async () => {
    const login = async (password: string) =>
      (await app.inject({ method: 'POST', url: '/login', payload: { password } })).statusCode
    const statuses: number[] = []
    for (const password of ['open sesame', 'a', 'b', 'c', 'd', 'e', 'f']) statuses.push(await login(password))
    expect(statuses).toEqual([200, 401, 401, 401, 401, 401, 429])
    const { headers } = await app.inject('/users')
    expect([headers['x-ratelimit-limit-minute'], headers['x-ratelimit-limit-hour']]).toEqual(['1000', '50000'])
  })
})
