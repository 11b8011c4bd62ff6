import { afterAll, describe, expect, it } from 'vitest'
import { testReadme } from '../../core/test/readme.ts'
import { headersSchema } from '../src/config.ts'
import { app } from './example.ts'

afterAll(() => app.close())

describe('README', () => {
  testReadme(import.meta.url, headersSchema)

  it('has an example that works', async () => {
    const response = await app.inject({ url: '/', headers: { 'x-debug': '1', 'x-client': '6.6.6.6' } })
    expect(response.json()).toEqual({ client: '127.0.0.1', debug: 'none' })
    expect(response.headers['cache-control']).toBe('no-store')
    expect(response.headers['x-powered-by']).toBeUndefined()
  })
})
