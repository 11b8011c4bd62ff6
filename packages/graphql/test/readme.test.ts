import { readFileSync } from 'node:fs'
import { afterAll, expect, it } from 'vitest'
import { app } from './readme-example.ts'

afterAll(() => app.close())

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')
const withoutLayout = (code: string): string =>
  code.replace(/[\s,]+/g, '').replace('../src/index.ts', '@portcullis/graphql')

it('the example of the README runs here, and does what it says', async () => {
  const [, code = ''] = /```ts\n([\s\S]*?)```/.exec(read('../README.md')) ?? []
  expect(withoutLayout(code)).toBe(withoutLayout(read('./readme-example.ts')))
  const ask = (query: string) => app.inject({ method: 'POST', url: '/graphql', payload: { query } })
  expect((await ask('{hello}')).headers['x-cache-status']).toBe('Miss')
  expect((await ask('{ hello }')).headers['x-cache-status']).toBe('Hit')
  expect((await ask('{a{b{c{d{e{f}}}}}}')).json().errors[0].extensions).toEqual({
    code: 'PORTCULLIS_GRAPHQL_LIMIT',
    limit: 'max_depth',
  })
})
