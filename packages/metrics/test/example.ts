import metrics from '@portcullis/metrics'
import Fastify from 'fastify'

export const app = Fastify()
await app.register(metrics, { public: true, path: '/numbers' })
app.get('/users/:id', (request) => request.params)
