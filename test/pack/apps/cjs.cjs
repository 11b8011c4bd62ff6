// A CommonJS app: Node 20.19 and newer require() ECMAScript modules.
const assert = require('node:assert/strict')
const { gateway, serverOptions } = require('@portcullis/gateway')
const { default: cors } = require('@portcullis/cors')
const Fastify = require('fastify')

async function main() {
  const config = { extra_config: { 'security/ip-filter': { deny: ['10.0.0.42'] } } }
  const app = Fastify(serverOptions(config))
  await app.register(gateway, config)
  app.get('/', () => 'in')
  assert.equal((await app.inject('/')).body, 'in')
  assert.equal((await app.inject({ url: '/', remoteAddress: '10.0.0.42' })).json().code, 'PORTCULLIS_IP_DENIED')
  await app.close()

  const single = Fastify()
  await single.register(cors, { allow_origins: ['https://app.example.com'] })
  single.get('/', () => 'in')
  const { headers } = await single.inject({ url: '/', headers: { origin: 'https://app.example.com' } })
  assert.equal(headers['access-control-allow-origin'], 'https://app.example.com')
  await single.close()

  for (const name of process.argv.slice(2)) assert.ok(Object.keys(require(name)).length > 0, name)
  console.log('cjs ok')
}

main()
