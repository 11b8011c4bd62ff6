import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { jwtSchema } from '../src/config.ts'
import { bearer, hs256, SECRET } from './support.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

it('shows the example that runs here', () => {
  const example = readFileSync(new URL('example.ts', import.meta.url), 'utf8').replace('export const', 'const')
  expect(readme).toContain(example.trim())
})

it('has an example that works', async () => {
  process.env.JWT_SECRET = SECRET
  const { app } = await import('./example.ts')
  const ask = async (url: string, claims: object) =>
    (await app.inject({ url, headers: bearer(hs256({ iss: 'https://id.example.com', ...claims })) })).body
  expect(await ask('/me', { roles: ['reader', 'writer'] })).toBe('alice reader,writer')
  expect(await ask('/me', { iss: 'https://evil.example' })).toContain('TOKEN_INVALID')
  expect(await ask('/admin', { roles: ['reader'] })).toContain('FORBIDDEN_ROLE')
  expect(await ask('/admin', { roles: ['admin'] })).toBe('welcome')
  expect((await app.inject('/open')).body).toBe('for everyone')
  await app.close()
  delete process.env.JWT_SECRET
})

it('names every field', () => {
  for (const field of Object.keys(jwtSchema.properties as object)) expect(readme).toContain(`\`${field}\``)
})
