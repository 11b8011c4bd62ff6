import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import { expect, it } from 'vitest'

it('the README’s example does what it says', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const code = /```ts\n([\s\S]*?)```/.exec(readme)![1]!.replace("'@portcullis/validation'", "'../src/index.ts'")
  const file = new URL('./readme-example.generated.ts', import.meta.url)
  writeFileSync(file, code)
  try {
    const { app } = (await import(file.href)) as { app: FastifyInstance }
    const post = async (email: string, page: string) =>
      (await app.inject({ method: 'POST', url: `/users?page=${page}`, payload: { email } })).statusCode
    expect([await post('a@b.co', '1'), await post('nope', '1'), await post('a@b.co', '0')]).toEqual([200, 400, 400])
    await app.close()
  } finally {
    rmSync(file)
  }
})
