import Fastify, { type FastifyInstance } from 'fastify'

/** A small backend that tells what reached it. */
export async function startBackend(): Promise<{ app: FastifyInstance; url: string }> {
  const app = Fastify()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.all('/*', (request) => ({
    backend: 'saw',
    method: request.method,
    url: request.url,
    headers: request.headers,
    bytes: typeof request.body === 'string' ? request.body.length : 0,
  }))
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, url }
}
