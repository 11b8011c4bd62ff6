import { afterAll, expect, it } from 'vitest'
import { testReadme } from '../../core/test/readme.ts'
import { basicAuthSchema } from '../src/config.ts'
import { app } from './example.ts'

afterAll(() => app.close())

testReadme(import.meta.url, basicAuthSchema)

it('has an example that works', async () => {
  const ask = (password: string) =>
    app.inject({ url: '/', headers: { authorization: `Basic ${btoa(`alice:${password}`)}` } })
  expect((await ask('wonderland')).body).toBe('hello alice')
  expect((await ask('wonder')).headers['www-authenticate']).toBe('Basic realm="staff"')
  expect((await app.inject('/open')).body).toBe('for everyone')
})
