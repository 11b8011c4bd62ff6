import Fastify from 'fastify'
import validation from '../src/index.ts'

export const app = Fastify()
await app.register(validation)
const body_schema = { type: 'object', required: ['email'], properties: { email: { type: 'string', format: 'email' } } }
const parameter_schema = [{ in: 'query', name: 'page', schema: { type: 'integer', minimum: 1 } }]
app.post('/users', { config: { extra_config: { 'validation/request': { body_schema, parameter_schema } } } }, () => ({
  ok: true,
}))
