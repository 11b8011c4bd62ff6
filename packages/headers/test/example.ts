import headers from '@portcullis/headers'
import Fastify from 'fastify'

export const app = Fastify()
await app.register(headers, {
  request: { delete: ['X-Debug'], replace: { 'X-Request-Id': '${request.id}', 'X-Client': '${client.ip}' } },
  response: { delete: ['X-Powered-By'], add: ['Cache-Control: no-store'] },
})
app.get('/', (request, reply) => {
  reply.header('x-powered-by', 'an engine')
  return { client: request.headers['x-client'], debug: request.headers['x-debug'] ?? 'none' }
})
