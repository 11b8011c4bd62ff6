import type { RequestState } from '@portcullis/core'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import graphql from '../src/index.ts'

/** An endpoint as the proxy makes it: bytes in, whatever `answer` says out. */
export interface Endpoint {
  app: FastifyInstance
  seen: string[]
}

type AnswerOf = (request: FastifyRequest, reply: FastifyReply) => unknown

export async function endpoint(
  blocks: Record<string, unknown>,
  options: { answer?: AnswerOf; before?: (app: FastifyInstance) => Promise<void> | void; register?: object } = {},
): Promise<Endpoint> {
  const app = Fastify({ bodyLimit: 4_000_000 })
  const seen: string[] = []
  await options.before?.(app)
  await app.register(graphql, (options.register ?? {}) as never)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.route({
    method: ['GET', 'POST', 'PUT', 'OPTIONS'],
    url: '/graphql',
    config: { extra_config: blocks },
    handler: (request, reply) => {
      seen.push(Buffer.isBuffer(request.body) ? request.body.toString() : request.url)
      const answer = options.answer ?? (() => ({ data: { n: seen.length } }))
      return answer(request, reply)
    },
  })
  await app.ready()
  return { app, seen }
}

export const post = (app: FastifyInstance, payload: unknown, headers: Record<string, string> = {}) =>
  app.inject({
    method: 'POST',
    url: '/graphql',
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    headers: { 'content-type': 'application/json', ...headers },
  })

/** Says who the client is, as an authentication component would. */
export function identify(app: FastifyInstance): void {
  app.addHook('preValidation', (request, _reply, done) => {
    const state = request.portcullis as RequestState | null
    const user = request.headers['x-test-user']
    if (state !== null && typeof user === 'string') state.addIdentity({ kind: 'jwt', subject: user })
    done()
  })
}
