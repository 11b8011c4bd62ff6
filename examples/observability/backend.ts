import Fastify, { type FastifyInstance } from 'fastify'

/** A backend with quick, slow and failing answers. */
export async function startBackend(): Promise<{ app: FastifyInstance; url: string }> {
  const app = Fastify()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.get('/flaky', (_request, reply) => reply.code(500).send({ sorry: true }))
  app.get('/slow', async () => {
    await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 250))
    return { slow: true }
  })
  app.all('/*', async (request) => {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 4))
    return { backend: 'saw', url: request.url }
  })
  return { app, url: await app.listen({ port: 0, host: '127.0.0.1' }) }
}
