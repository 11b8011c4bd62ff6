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

/** The options of the server's TLS, where it has any. */
export function tlsOf(options: FastifyServerOptions): https.ServerOptions | undefined {
  return (options as { https?: https.ServerOptions }).https
}

/** The same options, but for one thing: certificates are chosen by the options that are in force then. */
export function followCertificates(
  options: FastifyServerOptions,
  inForce: () => FastifyServerOptions,
): FastifyServerOptions {
  const secure = tlsOf(options)
  if (secure === undefined) return options
  const SNICallback: https.ServerOptions['SNICallback'] = (name, done) => tlsOf(inForce())!.SNICallback!(name, done)
  return { ...options, https: { ...secure, SNICallback } } as FastifyServerOptions
}

/**
 * What a server that listens cannot change.
 *
 * @throws Error that says what needs a restart.
 */
export function checkReload(present: FastifyServerOptions, next: FastifyServerOptions): void {
  const facts: [what: string, of: (options: FastifyServerOptions) => unknown][] = [
    ['the choice between HTTP and HTTPS', (options) => tlsOf(options) !== undefined],
    ['tls.http2', (options) => (options as { http2?: boolean }).http2 === true],
    ['tls.enable_mtls', (options) => tlsOf(options)?.requestCert === true],
  ]
  for (const [what, of] of facts)
    if (of(present) !== of(next)) throw new Error(`${what} has changed: restart the gateway`)
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
