/** One plugin alone: the options are the fields of its block `security/ip-filter`. */
import ipFilter from '@portcullis/ip-filter'
import Fastify, { type FastifyInstance } from 'fastify'

export async function buildApp(): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(ipFilter, { allow: ['127.0.0.0/8', '10.0.0.0/8'], deny: ['10.0.0.42'] })
  app.get('/', (request) => ({ hello: request.ip }))
  return app
}

if (process.argv[1] === import.meta.filename) {
  const app = await buildApp()
  console.log(`listening on ${await app.listen({ port: Number(process.env.PORT ?? 8080) })}`)
}
