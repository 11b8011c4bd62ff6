import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildApp } from './app.ts'

let app: FastifyInstance
beforeAll(async () => {
  app = await buildApp()
})
afterAll(() => app.close())

it('puts the service’s blocks around the app’s routes', async () => {
  const response = await app.inject('/hello')
  expect(response.json()).toEqual({ hello: 'world' })
  expect(response.headers['x-frame-options']).toBe('DENY')
  expect((await app.inject({ url: '/hello', remoteAddress: '10.0.0.42' })).statusCode).toBe(403)
})

it('and a route’s own around that route', async () => {
  const post = (length: number) => app.inject({ method: 'POST', url: '/notes', payload: { note: 'x'.repeat(length) } })
  expect((await post(10)).statusCode).toBe(200)
  const refused = await post(200)
  expect([refused.statusCode, refused.json().code]).toEqual([413, 'PORTCULLIS_BODY_TOO_LARGE'])
  expect(refused.headers['x-frame-options']).toBe('DENY')
})
