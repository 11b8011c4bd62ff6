import { afterAll, describe, expect, it } from 'vitest'
import { testReadme } from '../../core/test/readme.ts'
import { httpSecureSchema } from '../src/config.ts'
import { app } from './example.ts'

afterAll(() => app.close())

describe('README', () => {
  testReadme(import.meta.url, httpSecureSchema)

  it('has an example that works', async () => {
    const ask = (headers: Record<string, string>) => app.inject({ url: '/', headers })
    const secure = await ask({ host: 'api.example.com', 'x-forwarded-proto': 'https' })
    expect(secure.body).toBe('welcome')
    expect(secure.headers['strict-transport-security']).toBe('max-age=31536000')
    expect((await ask({ host: 'api.example.com' })).headers.location).toBe('https://api.example.com/')
    expect((await ask({ host: 'evil.example' })).statusCode).toBe(421)
  })
})
