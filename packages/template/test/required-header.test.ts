import Fastify from 'fastify'
import { expect, it } from 'vitest'
import requiredHeader from '../src/index.ts'

it('refuses a request without the header', async () => {
  const app = Fastify()
  await app.register(requiredHeader, { header: 'X-Tenant' })
  app.get('/', () => 'ok')
  const refused = await app.inject('/')
  expect([refused.statusCode, refused.json().code]).toEqual([400, 'PORTCULLIS_HEADER_MISSING'])
  expect((await app.inject({ url: '/', headers: { 'x-tenant': '1' } })).statusCode).toBe(200)
  await app.close()
})

it('refuses options that are wrong', async () => {
  const app = Fastify()
  await expect(app.register(requiredHeader, { headr: 'x' } as never).then(() => undefined)).rejects.toThrow(
    /headr: unknown field; did you mean "header"\?/,
  )
})
