/** A TypeScript app: the types say what the fields are, and complain of what is none. */
import { gateway, serverOptions } from '@portcullis/gateway'
import ipFilter, { type IpFilterConfig } from '@portcullis/ip-filter'
import jwt from '@portcullis/jwt'
import { loadRules, type RuleSet } from '@portcullis/seclang'
import Fastify, { type FastifyInstance } from 'fastify'

const options: IpFilterConfig = { deny: ['10.0.0.42'] }

export async function build(): Promise<FastifyInstance> {
  const config = { extra_config: { 'security/ip-filter': options } }
  const app = Fastify(serverOptions(config)) as unknown as FastifyInstance
  await app.register(gateway, config)
  await app.register(ipFilter, { ...options, mode: 'monitor' })
  await app.register(jwt, { alg: 'ES256', jwk_url: 'https://id.example.com/jwks.json' })
  // @ts-expect-error a misspelt field
  await app.register(ipFilter, { dney: ['10.0.0.42'] })
  // @ts-expect-error no algorithm
  await app.register(jwt, { alg: 'none', secret: 'x' })
  app.get('/', (request) => request.portcullis?.identity?.subject ?? 'nobody')
  return app
}

export const rules: RuleSet = loadRules({ text: '' })
