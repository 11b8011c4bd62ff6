import apiKeys from '@portcullis/api-keys'
import Fastify from 'fastify'

export const app = Fastify()
await app.register(apiKeys, {
  identifier: 'x-api-key',
  hash: 'sha256',
  keys: [
    // echo -n shop-key-1 | sha256sum
    { id: 'shop', key: '9027afd51b2cc5c65a1d95ef344e5293b5521abc3f20da288acaacf84b3ca999', roles: ['reader'] },
  ],
})
app.get('/items', () => ['one', 'two'])
app.delete('/items', { config: { extra_config: { 'auth/api-keys': { roles: ['admin'] } } } }, () => 'gone')
