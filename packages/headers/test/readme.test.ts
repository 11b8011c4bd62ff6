import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { headersSchema } from '../src/config.ts'
import { app } from './example.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
afterAll(() => app.close())

describe('README', () => {
  it('shows the example that runs here', () => {
    const example = readFileSync(new URL('example.ts', import.meta.url), 'utf8').replace('export const', 'const')
    expect(readme).toContain(example.trim())
  })

  it('has an example that works', async () => {
    const response = await app.inject({ url: '/', headers: { 'x-debug': '1', 'x-client': '6.6.6.6' } })
    expect(response.json()).toEqual({ client: '127.0.0.1', debug: 'none' })
    expect(response.headers['cache-control']).toBe('no-store')
    expect(response.headers['x-powered-by']).toBeUndefined()
  })

  it('names every field', () => {
    for (const field of Object.keys(headersSchema.properties as object)) expect(readme).toContain(`\`${field}\``)
  })
})
