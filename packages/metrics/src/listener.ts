import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Address } from './config.ts'

/** Answers one request of a listener of our own. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void

interface Shared {
  server: Server
  /** The newest last: it answers. */
  handlers: Handler[]
}

const LISTENERS = Symbol.for('portcullis.listeners')
/** Milliseconds for a request's head. */
const HEAD = 5000

/**
 * Listens at an address of its own. A reload builds the next app beside the present one on the same public server; both
 * then share the listener, and the newer one answers.
 *
 * @param purpose two listeners of one purpose and address are the same.
 * @returns what ends it.
 * @throws when the address cannot be listened at.
 */
export async function listen(
  fastify: FastifyInstance,
  purpose: string,
  { host, port }: Address,
  handler: Handler,
): Promise<() => Promise<void>> {
  const holder = fastify.server as unknown as Record<symbol, Map<string, Shared> | undefined>
  holder[LISTENERS] ??= new Map()
  const listeners = holder[LISTENERS]
  const key = `${purpose} ${host}:${port}`
  let shared = listeners.get(key)
  if (shared === undefined) {
    shared = makeShared(handler)
    await opened(shared.server, host, port)
    listeners.set(key, shared)
  } else shared.handlers.push(handler)
  const { server, handlers } = shared
  return async () => {
    handlers.splice(handlers.indexOf(handler), 1)
    if (handlers.length > 0) return
    listeners.delete(key)
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }
}

function makeShared(handler: Handler): Shared {
  const handlers = [handler]
  const server = createServer(
    { maxHeaderSize: 8192, headersTimeout: HEAD, requestTimeout: HEAD },
    (request, response) => {
      response.setHeader('cache-control', 'no-store')
      response.setHeader('x-content-type-options', 'nosniff')
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        send(response, 405, 'text/plain; charset=utf-8', 'only GET\n', { allow: 'GET, HEAD' })
        return
      }
      handlers.at(-1)?.(request, response)
    },
  )
  return { server, handlers }
}

function opened(server: Server, host: string | undefined, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(host === undefined ? { port } : { port, host }, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
}

/** Answers with a text. */
export function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), ...headers })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}

/** The path of a request without its query. */
export function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '/'
  const mark = url.indexOf('?')
  return mark === -1 ? url : url.slice(0, mark)
}
