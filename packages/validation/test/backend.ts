import { type AddressInfo, Socket } from 'node:net'
import Fastify, { type FastifyInstance, type HTTPMethods } from 'fastify'
import validation from '../src/index.ts'

/** What a backend got: the very bytes, or nothing. */
export interface Backend {
  app: FastifyInstance
  seen: { method: string; url: string; body: string }[]
}

/** An endpoint as the proxy makes it: the handler gets the bytes unparsed, whatever their type. */
export async function endpoint(
  blocks: Record<string, unknown>,
  options: { url?: string; method?: HTTPMethods | HTTPMethods[]; setup?: (app: FastifyInstance) => Promise<void> } = {},
): Promise<Backend> {
  const app = Fastify({ bodyLimit: 4_000_000 })
  const seen: Backend['seen'] = []
  await (options.setup ?? (async (target) => void (await target.register(validation))))(app)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.route({
    url: options.url ?? '/',
    method: options.method ?? ['GET', 'POST', 'DELETE'],
    config: { extra_config: blocks },
    handler: (request) => {
      seen.push({
        method: request.method,
        url: request.url,
        body: Buffer.isBuffer(request.body) ? request.body.toString('latin1') : '',
      })
      return { ok: true }
    },
  })
  await app.ready()
  return { app, seen }
}

/** Sends raw bytes to a listening app and returns the status of the first response. */
export async function rawStatus(app: FastifyInstance, text: string | Buffer): Promise<number> {
  const { port } = app.server.address() as AddressInfo
  const socket = new Socket()
  return await new Promise((resolve, reject) => {
    let answer = ''
    socket.connect(port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (data) => {
      answer += data.toString('latin1')
    })
    socket.on('close', () => resolve(Number(answer.slice(9, 12))))
    socket.on('error', reject)
  })
}
