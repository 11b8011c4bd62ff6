import basicAuth from '@portcullis/basic-auth'
import Fastify from 'fastify'

export const app = Fastify()
await app.register(basicAuth, {
  realm: 'staff',
  users: {
    // htpasswd -nbBC 10 alice wonderland
    alice: '$2y$10$pY3K9lWzYyhmefCgVwPrrecTGNeqH0Xr8Nmvn5Z5o3b6A..WWbzR2',
  },
})
app.get('/', (request) => `hello ${request.portcullis?.identity?.subject}`)
app.get('/open', { config: { extra_config: { 'auth/basic': false } } }, () => 'for everyone')
