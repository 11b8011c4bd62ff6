// An ESM app: the umbrella, plugins alone, and the rule engine without a server.
import assert from 'node:assert/strict'
import { gateway, serverOptions } from '@portcullis/gateway'
import ipFilter from '@portcullis/ip-filter'
import jwt from '@portcullis/jwt'
import { loadRules } from '@portcullis/seclang'
import Fastify from 'fastify'

const config = {
  extra_config: {
    'security/http': { frame_deny: true },
    'security/ip-filter': { deny: ['10.0.0.42'] },
    'auth/basic': { users: { ann: '$2b$04$jWFmBR8.RUqmC4.stsG3vuiLmB8USHF4wu/bav4LOzjVcMxzSDLlW' } },
  },
}
const app = Fastify(serverOptions(config))
await app.register(gateway, config)
app.get('/', (request) => request.portcullis.identity.subject)
const basic = (password) => ({ authorization: `Basic ${Buffer.from(`ann:${password}`).toString('base64')}` })
assert.equal((await app.inject({ url: '/', headers: basic('open sesame') })).body, 'ann')
const refused = await app.inject({ url: '/', headers: basic('wrong') })
assert.equal(refused.json().code, 'PORTCULLIS_CREDENTIALS_INVALID')
assert.equal(refused.headers['x-frame-options'], 'DENY')
assert.equal((await app.inject({ url: '/', remoteAddress: '10.0.0.42' })).statusCode, 403)
await app.close()

const single = Fastify()
await single.register(ipFilter, { deny: ['10.0.0.42'] })
await single.register(jwt, { alg: 'HS256', secret: 's'.repeat(32) })
single.get('/', () => 'in')
assert.equal((await single.inject({ url: '/', remoteAddress: '10.0.0.42' })).json().code, 'PORTCULLIS_IP_DENIED')
assert.equal((await single.inject('/')).json().code, 'PORTCULLIS_TOKEN_MISSING')
await assert.rejects(async () => Fastify().register(ipFilter, { dney: [] }), /did you mean "deny"/)
await single.close()

const rules = loadRules({ text: 'SecRule ARGS "@contains attack" "id:1,phase:1,deny,status:403"' })
const transaction = rules.transaction({ clientIp: '203.0.113.7' })
transaction.requestLine('GET', '/?q=attack', 'HTTP/1.1')
transaction.requestHeaders(['Host', 'a.test'])
assert.equal((await transaction.phase1())?.status, 403)

// Every package can be imported, and has something to offer.
for (const name of process.argv.slice(2)) assert.ok(Object.keys(await import(name)).length > 0, name)
console.log('esm ok')
