import { afterAll, describe, expect, it } from 'vitest'
import { testReadme } from '../../core/test/readme.ts'
import { corsSchema } from '../src/config.ts'
import { app } from './example.ts'

afterAll(() => app.close())

describe('README', () => {
  testReadme(import.meta.url, corsSchema)

  it('has an example that works', async () => {
    const asked = { 'access-control-request-method': 'GET' }
    const ask = async (url: string, origin: string) =>
      (await app.inject({ method: 'OPTIONS', url, headers: { ...asked, origin } })).headers[
        'access-control-allow-origin'
      ]
    expect(await ask('/items', 'https://x.preview.example.com')).toBe('https://x.preview.example.com')
    expect(await ask('/items', 'https://evil.example.com')).toBeUndefined()
    expect(await ask('/open', 'https://evil.example.com')).toBe('*')
  })
})
