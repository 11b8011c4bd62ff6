import type { AddressInfo } from 'node:net'
import rateLimit from '@fastify/rate-limit'
import replyFrom from '@fastify/reply-from'
import Fastify from 'fastify'
import type { StartContestant } from '../contestant.ts'

/** @fastify/rate-limit, in memory, before @fastify/reply-from. */
const start: StartContestant = async (upstream) => {
  const app = Fastify()
  await app.register(rateLimit, { max: 1e9, timeWindow: 60_000 })
  await app.register(replyFrom, { base: upstream })
  app.all('/api/users', (_request, reply) => reply.from('/u'))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}

export default start
