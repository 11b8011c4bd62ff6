import Fastify from 'fastify'
import graphql from '../src/index.ts'

export const app = Fastify()
await app.register(graphql)
const limits = { max_queries_per_minute: 100, max_depth: 5, max_complexity: 1000 }
const extra_config = { 'security/graphql': limits, 'qos/graphql-cache': { ttl: '30s' } }
app.post('/graphql', { config: { extra_config } }, () => ({ data: { hello: 'world' } }))
