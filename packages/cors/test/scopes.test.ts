import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, expect, it } from 'vitest'
import cors from '../src/index.ts'

let app: FastifyInstance
afterEach(() => app?.close())

const preflight = (url: string, origin: string, method = 'GET') =>
  app.inject({ method: 'OPTIONS', url, headers: { origin, 'access-control-request-method': method } })

it.each([true, false])('a tree and a part of it may both have a policy (awaited: %s)', async (awaited) => {
  app = Fastify()
  const root = app.register(cors, { allow_origins: ['https://root.test'] })
  if (awaited) await root
  app.get('/r', () => 'r')
  await app.register(async (child) => {
    await child.register(cors, { allow_origins: ['https://child.test'] })
    child.get('/c', () => 'c')
    child.route({ method: ['PUT', 'DELETE'], url: '/c', handler: () => 'c' })
  })
  await app.ready()
  const allowed = async (url: string, origin: string, method?: string): Promise<unknown> => {
    const { statusCode, headers } = await preflight(url, origin, method)
    expect(statusCode).toBe(204)
    return headers['access-control-allow-origin']
  }
  expect(await allowed('/r', 'https://root.test')).toBe('https://root.test')
  expect(await allowed('/r', 'https://child.test')).toBeUndefined()
  expect(await allowed('/c', 'https://child.test')).toBe('https://child.test')
  expect(await allowed('/c', 'https://root.test')).toBeUndefined()
  const { headers } = await app.inject({ url: '/c', headers: { origin: 'https://root.test' } })
  expect(headers['access-control-allow-origin']).toBeUndefined()
  expect((await preflight('/none', 'https://root.test')).statusCode).toBe(404)
})
