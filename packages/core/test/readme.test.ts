import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

it('runs the README’s example as it stands there', async () => {
  const source = readFileSync(new URL('./example.ts', import.meta.url), 'utf8').replace('export const app', 'const app')
  expect(readFileSync(new URL('../README.md', import.meta.url), 'utf8')).toContain(source.trim())
  const { app } = await import('./example.ts')
  expect((await app.inject('/')).statusCode).toBe(200)
  const refused = await app.inject('/never')
  expect([refused.statusCode, refused.json().code]).toEqual([403, 'PORTCULLIS_CLOSED'])
  await app.close()
})
