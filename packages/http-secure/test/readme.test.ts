import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { httpSecureSchema } from '../src/config.ts'
import { app } from './example.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
afterAll(() => app.close())

describe('README', () => {
  it('shows the example that runs here', () => {
    const example = readFileSync(new URL('example.ts', import.meta.url), 'utf8').replace('export const', 'const')
    expect(readme).toContain(example.trim())
  })

  it('has an example that works', async () => {
    const ask = (headers: Record<string, string>) => app.inject({ url: '/', headers })
    const secure = await ask({ host: 'api.example.com', 'x-forwarded-proto': 'https' })
    expect(secure.body).toBe('welcome')
    expect(secure.headers['strict-transport-security']).toBe('max-age=31536000')
    expect((await ask({ host: 'api.example.com' })).headers.location).toBe('https://api.example.com/')
    expect((await ask({ host: 'evil.example' })).statusCode).toBe(421)
  })

  it('names every field', () => {
    for (const field of Object.keys(httpSecureSchema.properties as object)) expect(readme).toContain(`\`${field}\``)
  })
})
