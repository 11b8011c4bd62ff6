import { readFileSync } from 'node:fs'
import { afterAll, expect, it } from 'vitest'
import { apiKeysSchema, keyEntrySchema } from '../src/config.ts'
import { app } from './example.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
afterAll(() => app.close())

it('shows the example that runs here', () => {
  const example = readFileSync(new URL('example.ts', import.meta.url), 'utf8').replace('export const', 'const')
  expect(readme).toContain(example.trim())
})

it('has an example that works', async () => {
  const headers = { 'x-api-key': 'shop-key-1' }
  expect((await app.inject({ url: '/items', headers })).json()).toEqual(['one', 'two'])
  expect((await app.inject('/items')).statusCode).toBe(401)
  expect((await app.inject({ method: 'DELETE', url: '/items', headers })).json().code).toBe('PORTCULLIS_FORBIDDEN_ROLE')
})

it('names every field', () => {
  for (const schema of [apiKeysSchema('service'), apiKeysSchema('endpoint'), keyEntrySchema]) {
    for (const field of Object.keys(schema.properties as object)) expect(readme).toContain(`\`${field}\``)
  }
})
