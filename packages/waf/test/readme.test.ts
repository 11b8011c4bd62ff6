import { afterAll, expect, it } from 'vitest'
import { testReadme } from '../../core/test/readme.ts'
import { wafSchema } from '../src/index.ts'
import { app } from './example.ts'

afterAll(() => app.close())

testReadme(import.meta.url, wafSchema)

it('the example does what it says', async () => {
  const headers = { 'x-tenant': 'acme' }
  const search = async (q: string) => (await app.inject({ url: '/search', query: { q }, headers })).statusCode
  expect([await search('tea'), await search("1' or '1'='1")]).toEqual([200, 403])
  expect((await app.inject('/search')).statusCode).toBe(400)
  const render = async (payload: object) =>
    (await app.inject({ method: 'POST', url: '/render', headers, payload })).statusCode
  expect([await render({ t: '{{ 7*7 }}' }), await render({ t: '<script>' })]).toEqual([200, 403])
})
