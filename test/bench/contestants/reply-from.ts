import type { AddressInfo } from 'node:net'
import replyFrom from '@fastify/reply-from'
import Fastify from 'fastify'
import type { StartContestant } from '../contestant.ts'

/** Bare Fastify and @fastify/reply-from: what a user has today, without any security. */
const start: StartContestant = async (upstream) => {
  const app = Fastify()
  await app.register(replyFrom, { base: upstream })
  app.addContentTypeParser('application/json', (_request, payload, done) => done(null, payload))
  app.all('/api/users', (_request, reply) => reply.from('/u'))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}

export default start
