import rateLimit from '@portcullis/rate-limit'
import Fastify from 'fastify'

export const app = Fastify()
await app.register(rateLimit, { minute: 1000, hour: 50_000 })
app.get('/users', () => ['ann'])

const guesses = { minute: 5, only_failures: true, error_message: 'Too many wrong passwords' }
app.post('/login', { config: { extra_config: { 'qos/ratelimit/router': guesses } } }, (request, reply) => {
  const { password } = request.body as { password: string }
  return reply.code(password === 'open sesame' ? 200 : 401).send({})
})
