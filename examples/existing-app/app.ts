/**
 * The umbrella in a Fastify app with routes of its own. The service's blocks stand around all of them; one route has
 * blocks of its own in `config.extra_config`.
 */
import { gateway, serverOptions } from '@portcullis/gateway'
import Fastify, { type FastifyInstance } from 'fastify'

const configuration = {
  extra_config: {
    'security/http': { frame_deny: true, content_type_nosniff: true, referrer_policy: 'no-referrer' },
    'security/ip-filter': { deny: ['10.0.0.42'] },
    'security/request-limits': { max_body: '16K' },
  },
}

export async function buildApp(): Promise<FastifyInstance> {
  const app = Fastify(serverOptions(configuration)) as unknown as FastifyInstance
  await app.register(gateway, configuration)

  app.get('/hello', () => ({ hello: 'world' }))

  app.post('/notes', { config: { extra_config: { 'security/request-limits': { max_body: 100 } } } }, (request) => ({
    stored: request.body,
  }))

  return app
}

if (process.argv[1] === import.meta.filename) {
  const app = await buildApp()
  console.log(`listening on ${await app.listen({ port: Number(process.env.PORT ?? 8080) })}`)
}
