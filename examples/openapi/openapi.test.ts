import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildBackend, buildGateway } from './start.ts'

let backend: FastifyInstance
let gateway: FastifyInstance
let url: string
beforeAll(async () => {
  backend = buildBackend()
  gateway = await buildGateway(await backend.listen({ port: 0, host: '127.0.0.1' }))
  url = await gateway.listen({ port: 0, host: '127.0.0.1' })
})
afterAll(async () => {
  await gateway.close()
  await backend.close()
})

const post = (body: string, type = 'application/json') => ({ method: 'POST', body, headers: { 'content-type': type } })

it.each<[string, RequestInit, number]>([
  ['/users?page=1', {}, 200],
  ['/users?page=0', {}, 400],
  ['/users/7', {}, 200],
  ['/users/seven', {}, 400],
  ['/users/13', {}, 502],
  ['/users', post('{"name":"Bob","email":"bob@example.com"}'), 201],
  ['/users', post('{"name":"Bob","email":"bob"}'), 400],
  ['/users', post('{"name":"Bob","email":"bob@example.com","id":1}'), 400],
  ['/users', post('{"name":"Bob","name":"B","email":"bob@example.com"}'), 400],
  ['/users', post('name=Bob', 'application/x-www-form-urlencoded'), 415],
  ['/users/7', { method: 'DELETE' }, 405],
  ['/nowhere', {}, 404],
])('%s %j is %d', async (path, init, status) => {
  const response = await fetch(url + path, init)
  expect(response.status).toBe(status)
  expect(await response.text()).not.toContain('password_hash')
})
