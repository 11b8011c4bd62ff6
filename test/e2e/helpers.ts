import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { type GatewayDocument, gateway, serverOptions } from '@portcullis/gateway'
import Fastify, { type FastifyInstance } from 'fastify'

/** A gateway of a document, on a free port. */
export async function startGateway(
  document: GatewayDocument,
  baseDir: string = process.cwd(),
): Promise<{ app: FastifyInstance; port: number }> {
  const app = Fastify(serverOptions(document, { baseDir })) as unknown as FastifyInstance
  await app.register(gateway, { ...document, baseDir })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, port: (app.server.address() as AddressInfo).port }
}

/** What a backend saw of a request. */
export interface Echo {
  method: string
  url: string
  headers: Record<string, string>
  body: string
}

/** A backend that answers with what it saw. */
export async function startEcho(): Promise<{ url: string; seen: Echo[]; close: () => void }> {
  const seen: Echo[] = []
  const server = http.createServer((request, response) => {
    let body = ''
    request.setEncoding('latin1')
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const echo = {
        method: request.method!,
        url: request.url!,
        headers: request.headers as Record<string, string>,
        body,
      }
      seen.push(echo)
      const text = JSON.stringify(echo)
      response
        .setHeader('content-type', 'application/json')
        .setHeader('content-length', Buffer.byteLength(text))
        .end(text)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
