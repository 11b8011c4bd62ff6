import type { AddressInfo } from 'node:net'
import jwt from '@fastify/jwt'
import replyFrom from '@fastify/reply-from'
import Fastify from 'fastify'
import type { StartContestant } from '../contestant.ts'
import { SECRET } from '../tokens.ts'

/** @fastify/jwt before @fastify/reply-from. */
const start: StartContestant = async (upstream) => {
  const app = Fastify()
  await app.register(jwt, { secret: SECRET })
  await app.register(replyFrom, { base: upstream })
  app.addHook('onRequest', (request) => request.jwtVerify().then(() => undefined))
  app.all('/api/users', (_request, reply) => reply.from('/u'))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}

export default start
