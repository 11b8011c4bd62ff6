import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { rateLimitSchema } from '../src/config.ts'
import { app } from './example.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
afterAll(() => app.close())

describe('README', () => {
  it('shows the example that runs here', () => {
    const example = readFileSync(new URL('example.ts', import.meta.url), 'utf8').replace('export const', 'const')
    expect(readme).toContain(example.trim())
  })

  it('has an example that works', async () => {
    const login = async (password: string) =>
      (await app.inject({ method: 'POST', url: '/login', payload: { password } })).statusCode
    const statuses: number[] = []
    for (const password of ['open sesame', 'a', 'b', 'c', 'd', 'e', 'f']) statuses.push(await login(password))
    expect(statuses).toEqual([200, 401, 401, 401, 401, 401, 429])
    const { headers } = await app.inject('/users')
    expect([headers['x-ratelimit-limit-minute'], headers['x-ratelimit-limit-hour']]).toEqual(['1000', '50000'])
  })

  it('names every field', () => {
    for (const field of Object.keys(rateLimitSchema.properties as object)) expect(readme).toContain(`\`${field}\``)
  })
})
