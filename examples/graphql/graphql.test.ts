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

const ask = (query: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/graphql`, {
    method: 'POST',
    body: JSON.stringify({ query }),
    headers: { 'content-type': 'application/json', ...headers },
  })

it('answers queries, and the same query by the same client from the cache', async () => {
  const first = await ask('{ users(first: 2) { name } calls }')
  expect(first.headers.get('x-cache-status')).toBe('Miss')
  const body = await first.json()
  expect(body).toMatchObject({ data: { users: [{ name: 'user 0' }, { name: 'user 1' }] } })
  const second = await ask('{users(first:2){name}calls}')
  expect(second.headers.get('x-cache-status')).toBe('Hit')
  expect(await second.json()).toEqual(body)
  expect(
    (await ask('{users(first:2){name}calls}', { authorization: 'Bearer other' })).headers.get('x-cache-status'),
  ).toBe('Miss')
})

it('does not cache mutations', async () => {
  for (let i = 0; i < 2; i++) {
    const response = await ask('mutation { rename(id: 1, name: "Ann") { name } }')
    expect(response.headers.get('x-cache-status')).toBe('Bypass')
    expect(await response.json()).toEqual({ data: { rename: { name: 'Ann' } } })
  }
})

it.each([
  ['{ users(first: 100) { friends(first: 100) { id } } }', 'max_complexity'],
  ['{ users { friends { friends { friends { friends { id } } } } } }', 'max_depth'],
  ['{ __schema { types { name } } }', 'introspection'],
  ['{ users { name }', 'syntax'],
])('%s is refused: %s', async (query, limit) => {
  const response = await ask(query)
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'PORTCULLIS_GRAPHQL_LIMIT', limit } }] })
})
