import { readFileSync } from 'node:fs'
import { afterAll, expect, it } from 'vitest'
import { app } from './readme-example.ts'

afterAll(() => app.close())

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')
/** The same code, however the formatter breaks its lines. */
const plain = (code: string): string => code.replace(/[\s,]+/g, '').replace('../src/index.ts', '@portcullis/validation')

it('the README’s example is the one that runs here', () => {
  const code = /```ts\n([\s\S]*?)```/.exec(read('../README.md'))![1]!
  expect(plain(code)).toBe(plain(read('./readme-example.ts')))
})

it('and does what it says', async () => {
  const post = async (email: string, page: string) =>
    (await app.inject({ method: 'POST', url: `/users?page=${page}`, payload: { email } })).statusCode
  expect([await post('a@b.co', '1'), await post('nope', '1'), await post('a@b.co', '0')]).toEqual([200, 400, 400])
})
