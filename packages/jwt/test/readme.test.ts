import { expect, it } from 'vitest'
import { testReadme } from '../../core/test/readme.ts'
import { jwtSchema } from '../src/config.ts'
import { bearer, hs256, SECRET } from './support.ts'

testReadme(import.meta.url, jwtSchema)

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
