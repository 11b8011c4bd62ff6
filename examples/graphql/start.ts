/**
 * GraphQL behind the gateway: limits on what an operation may cost, and a cache that knows what a query means. The backend is a plain
 * GraphQL server without any protection.
 */
import gateway, { type GatewayDocument, serverOptions } from '@portcullis/gateway'
import Fastify, { type FastifyInstance } from 'fastify'
import { buildSchema, graphql } from 'graphql'

const schema = buildSchema(`
  type Query { users(first: Int = 10): [User!]! calls: Int! }
  type Mutation { rename(id: Int!, name: String!): User }
  type User { id: Int! name: String! friends(first: Int = 10): [User!]! }
`)

interface User {
  id: number
  name: string
  friends: (args: { first: number }) => User[]
}

const userOf = (id: number, name = `user ${id}`): User => ({
  id,
  name,
  friends: ({ first }) => Array.from({ length: first }, (_, i) => userOf(id + i + 1)),
})

/** A GraphQL server: it executes whatever it is sent, and counts how often that is. */
export function buildBackend(): FastifyInstance {
  const app = Fastify()
  let calls = 0
  app.post<{ Body: { query: string; variables?: Record<string, unknown>; operationName?: string } }>(
    '/graphql',
    async ({ body }) => {
      calls++
      return await graphql({
        schema,
        source: body.query,
        variableValues: body.variables ?? null,
        operationName: body.operationName ?? null,
        rootValue: {
          calls,
          users: ({ first }: { first: number }) => Array.from({ length: first }, (_, i) => userOf(i)),
          rename: ({ id, name }: { id: number; name: string }) => userOf(id, name),
        },
      })
    },
  )
  return app
}

/** The gateway in front of it. */
export async function buildGateway(backend: string): Promise<FastifyInstance> {
  const config: GatewayDocument = {
    version: 3,
    endpoints: [
      {
        endpoint: '/graphql',
        method: 'POST',
        input_headers: ['Content-Type', 'Authorization'],
        backend: [{ host: [backend], url_pattern: '/graphql' }],
        extra_config: {
          'security/graphql': { max_queries_per_minute: 100, max_depth: 5, max_complexity: 1000 },
          'qos/graphql-cache': { ttl: '30s' },
        },
      },
    ],
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
  curl -i '${url}/graphql' --json '{"query":"{ users(first: 3) { name } }"}'                         # twice: X-Cache-Status: Hit
  curl -i '${url}/graphql' --json '{"query":"{ users(first: 100) { friends(first: 100) { id } } }"}' # 400 max_complexity
  curl -i '${url}/graphql' --json '{"query":"{ __schema { types { name } } }"}'                      # 400 introspection`)
}
