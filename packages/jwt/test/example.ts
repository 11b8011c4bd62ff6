import jwt from '@portcullis/jwt'
import Fastify from 'fastify'

export const app = Fastify()
await app.register(jwt, {
  alg: 'HS256',
  secret: process.env.JWT_SECRET!, // or jwk_url: 'https://id.example.com/jwks.json'
  issuer: 'https://id.example.com',
  propagate_claims: [
    ['sub', 'x-user-id'],
    ['roles', 'x-user-roles'],
  ],
  inject_authenticated_header: true,
})
app.get('/me', (request) => `${request.headers['x-user-id']} ${request.headers['x-user-roles']}`)
app.get(
  '/admin',
  { config: { extra_config: { 'auth/validator': { secret: process.env.JWT_SECRET, roles: ['admin'] } } } },
  () => 'welcome',
)
app.get('/open', { config: { extra_config: { 'auth/validator': false } } }, () => 'for everyone')
