import net, { type AddressInfo } from 'node:net'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import replyFrom from '@fastify/reply-from'
import Fastify from 'fastify'
import type { StartContestant } from '../contestant.ts'

/** The same functions, composed by hand of the plugins that exist. */
const start: StartContestant = async (upstream) => {
  const app = Fastify()
  const denied = new net.BlockList()
  denied.addAddress('10.0.0.42')
  const bots = /scrapy/i
  app.addHook('onRequest', async (request, reply) => {
    if (request.host !== 'bench.test') return reply.code(421).send()
    if (denied.check(request.ip)) return reply.code(403).send()
    if (bots.test(request.headers['user-agent'] ?? '')) return reply.code(403).send()
    return undefined
  })
  await app.register(helmet, {
    strictTransportSecurity: { maxAge: 63_072_000 },
    contentSecurityPolicy: { directives: { 'default-src': ["'self'"] } },
  })
  await app.register(cors, { origin: ['https://app.example.com'], credentials: true })
  await app.register(replyFrom, {
    base: upstream,
    undici: { tls: { rejectUnauthorized: true } },
    retryMethods: [],
  } as never)
  app.addContentTypeParser('application/json', (_request, payload, done) => done(null, payload))
  app.all('/api/users', (_request, reply) => reply.from('/u'))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}

export default start
