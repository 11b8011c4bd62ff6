import { expect, it } from 'vitest'
import { buildApp } from './app.ts'

it('refuses the denied address only', async () => {
  const app = await buildApp()
  expect((await app.inject({ url: '/', remoteAddress: '10.0.0.7' })).json()).toEqual({ hello: '10.0.0.7' })
  expect((await app.inject({ url: '/', remoteAddress: '10.0.0.42' })).statusCode).toBe(403)
  expect((await app.inject({ url: '/', remoteAddress: '192.0.2.1' })).statusCode).toBe(403)
  await app.close()
})
