/**
 * An OpenAPI document at the gate: requests that it does not describe never reach the backend, and answers that it does not
 * describe never reach the client.
 */
import gateway, { type GatewayDocument, serverOptions } from '@portcullis/gateway'
import Fastify, { type FastifyInstance } from 'fastify'

const user = {
  type: 'object',
  required: ['name', 'email'],
  additionalProperties: false,
  properties: {
    id: { type: 'integer', readOnly: true },
    name: { type: 'string', minLength: 2 },
    email: { type: 'string', format: 'email' },
  },
}
const json = (schema: object) => ({ content: { 'application/json': { schema } } })

/** What the backend promises. In a file it would be `"spec": "./users.yaml"`. */
export const document: Record<string, unknown> = {
  openapi: '3.1.0',
  info: { title: 'Users', version: '1.0.0' },
  paths: {
    '/users': {
      get: {
        parameters: [{ in: 'query', name: 'page', schema: { type: 'integer', minimum: 1 } }],
        responses: { 200: { description: 'users', ...json({ type: 'array', items: user }) } },
      },
      post: {
        requestBody: { required: true, ...json(user) },
        responses: { 201: { description: 'created', ...json(user) } },
      },
    },
    '/users/{id}': {
      get: {
        parameters: [{ in: 'path', name: 'id', required: true, schema: { type: 'integer' } }],
        responses: { 200: { description: 'a user', ...json(user) } },
      },
    },
  },
}

/** A backend that checks nothing itself, and gives away too much for user 13. */
export function buildBackend(): FastifyInstance {
  const app = Fastify()
  const ann = { id: 7, name: 'Ann', email: 'ann@example.com' }
  app.get('/users', () => [ann])
  app.post('/users', (request, reply) => reply.code(201).send({ id: 8, ...(request.body as object) }))
  app.get<{ Params: { id: string } }>('/users/:id', ({ params }) =>
    params.id === '13' ? { ...ann, password_hash: 'oops' } : ann,
  )
  return app
}

/** The gateway in front of it. */
export async function buildGateway(backend: string): Promise<FastifyInstance> {
  const config: GatewayDocument = {
    version: 3,
    extra_config: { 'validation/openapi': { spec: document, validate_response: 'enforce', verbose_response: true } },
    endpoints: ['GET /users', 'POST /users', 'GET /users/{id}'].map((operation) => {
      const [method, endpoint] = operation.split(' ') as [string, string]
      return {
        endpoint,
        method,
        input_query_strings: ['*'],
        backend: [{ host: [backend], url_pattern: endpoint }],
      }
    }),
  }
  const app = Fastify(serverOptions(config))
  await app.register(gateway, config)
  return app
}

if (process.argv[1] === import.meta.filename) {
  const backend = buildBackend()
  const app = await buildGateway(await backend.listen({ port: 0, host: '127.0.0.1' }))
  const url = await app.listen({ port: Number(process.env.PORT ?? 8080), host: '127.0.0.1' })
  console.log(`listening on ${url}; try
  curl '${url}/users?page=1'                # 200
  curl '${url}/users?page=0'                # 400
  curl '${url}/users' --json '{"name":"B"}' # 400
  curl '${url}/users/13'                    # 502: the backend's answer breaks the document`)
}
