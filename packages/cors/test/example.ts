import cors from '@portcullis/cors'
import Fastify from 'fastify'

export const app = Fastify()
await app.register(cors, {
  allow_origins: ['https://app.example.com', 'https://*.preview.example.com'],
  allow_methods: ['GET', 'POST'],
  allow_credentials: true,
  max_age: '10m',
})
app.get('/items', () => ['one', 'two'])
app.get('/open', { config: { extra_config: { 'security/cors': { allow_origins: ['*'] } } } }, () => 'for everyone')
