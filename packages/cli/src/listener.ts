import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import type { Server } from 'node:net'
import type { FastifyServerOptions } from 'fastify'

/** What serves one request: Fastify's own routing function. */
export type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void

/** Milliseconds after which an idle HTTP/2 session is closed. */
const SESSION_IDLE = 72_000

/**
 * Makes the server that listens, from Fastify's server options. It outlives the apps behind it, so that a reload can
 * put a new app in the place of the old one without dropping a connection.
 */
export function makeServer(options: FastifyServerOptions, handler: Handler): Server {
  const { http: plain, https: secure, http2: two, ...limits } = options as Record<string, unknown>
  if (two === true) {
    const server = http2.createSecureServer(secure as http2.SecureServerOptions, handler as never)
    server.on('session', (session) => session.setTimeout(SESSION_IDLE, () => session.close()))
    return server
  }
  const server = secure
    ? https.createServer(secure as https.ServerOptions, handler)
    : http.createServer((plain ?? {}) as http.ServerOptions, handler)
  server.keepAliveTimeout = Number(limits.keepAliveTimeout ?? 72_000)
  if (typeof limits.requestTimeout === 'number') server.requestTimeout = limits.requestTimeout
  if (typeof limits.connectionTimeout === 'number') server.setTimeout(limits.connectionTimeout)
  if (typeof limits.maxRequestsPerSocket === 'number') server.maxRequestsPerSocket = limits.maxRequestsPerSocket
  return server
}

/** Stops listening; connections without a request under way are closed, the others when their request is done. */
export function closeServer(server: Server, longest: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => (server as http.Server).closeAllConnections?.(), longest)
    const idle = setInterval(() => (server as http.Server).closeIdleConnections?.(), 100)
    server.close(() => {
      clearTimeout(cut)
      clearInterval(idle)
      resolve()
    })
    ;(server as http.Server).closeIdleConnections?.()
  })
}
