import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { corsSchema } from '../src/config.ts'
import { app } from './example.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
afterAll(() => app.close())

describe('README', () => {
  it('shows the example that runs here', () => {
    const example = readFileSync(new URL('example.ts', import.meta.url), 'utf8').replace('export const', 'const')
    expect(readme).toContain(example.trim())
  })

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

  it('names every field', () => {
    for (const field of Object.keys(corsSchema.properties as object)) expect(readme).toContain(`\`${field}\``)
  })
})
