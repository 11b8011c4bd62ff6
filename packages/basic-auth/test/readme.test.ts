import { readFileSync } from 'node:fs'
import { afterAll, expect, it } from 'vitest'
import { basicAuthSchema } from '../src/config.ts'
import { app } from './example.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
afterAll(() => app.close())

it('shows the example that runs here', () => {
  const example = readFileSync(new URL('example.ts', import.meta.url), 'utf8').replace('export const', 'const')
  expect(readme).toContain(example.trim())
})

it('has an example that works', async () => {
  const ask = (password: string) =>
    app.inject({ url: '/', headers: { authorization: `Basic ${btoa(`alice:${password}`)}` } })
  expect((await ask('wonderland')).body).toBe('hello alice')
  expect((await ask('wonder')).headers['www-authenticate']).toBe('Basic realm="staff"')
  expect((await app.inject('/open')).body).toBe('for everyone')
})

it('names every field', () => {
  for (const field of Object.keys(basicAuthSchema.properties as object)) expect(readme).toContain(`\`${field}\``)
})
