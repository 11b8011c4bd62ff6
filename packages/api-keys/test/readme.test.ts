import { afterAll, expect, it } from 'vitest'
import { testReadme } from '../../core/test/readme.ts'
import { apiKeysSchema, keyEntrySchema } from '../src/config.ts'
import { app } from './example.ts'

afterAll(() => app.close())

testReadme(import.meta.url, apiKeysSchema('service'), apiKeysSchema('endpoint'), keyEntrySchema)

it('has an example that works', async () => {
  const headers = { 'x-api-key': 'shop-key-1' }
  expect((await app.inject({ url: '/items', headers })).json()).toEqual(['one', 'two'])
  expect((await app.inject('/items')).statusCode).toBe(401)
  expect((await app.inject({ method: 'DELETE', url: '/items', headers })).json().code).toBe('PORTCULLIS_FORBIDDEN_ROLE')
})
