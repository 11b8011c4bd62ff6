import { expect, it } from 'vitest'
import { expectReadmeShowsExample } from './readme.ts'

it('runs the README’s example as it stands there', async () => {
  expectReadmeShowsExample(import.meta.url)
  const { app } = await import('./example.ts')
  expect((await app.inject('/')).statusCode).toBe(200)
  const refused = await app.inject('/never')
  expect([refused.statusCode, refused.json().code]).toEqual([403, 'PORTCULLIS_CLOSED'])
  await app.close()
})
