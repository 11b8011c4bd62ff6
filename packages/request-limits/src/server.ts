import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { type Context, fastifyOptions, handleClientError } from '@portcullis/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ConnectionCounter, limitRequests } from './connections.ts'
import { continueWhenRead } from './expect-continue.ts'
import type { Limits } from './limits.ts'
import { serverProperties } from './server-limits.ts'

/**
 * Prepares the server for the limits of a block: a plugin can still do so before the server listens.
 *
 * @returns what is to be done when every block is known.
 */
export function prepareServer(limits: Limits, context: Context): () => Promise<void> {
  const { fastify, log } = context
  const endpoints = context.shared<Limits[]>('request-limits:endpoints', () => [])
  if (context.level !== 'service') {
    endpoints.push(limits)
    return async () => warnOfBodyLimit(limits, context)
  }
  const counter = new ConnectionCounter(limits.maxConnectionsPerIp, (socket) => isTrusted(socket, context))
  if (Number.isFinite(limits.maxConnectionsPerIp)) {
    context.gauge({
      name: 'connections_refused_total',
      help: 'Connections ended because their client had too many',
      read: () => counter.refused,
    })
    if (fastifyOptions(fastify)['trustProxy'] === true) {
      log.warn({ component: 'request-limits' }, 'max_connections_per_ip counts nobody: trustProxy trusts everybody')
    }
  }
  const prepare = (server: Server): void => {
    Object.assign(server, serverProperties(limits, endpoints))
    continueWhenRead(server)
    tellOfParserErrors(server, fastify)
    if (Number.isFinite(limits.maxConnectionsPerIp)) counter.watch(server)
    if (Number.isFinite(limits.maxRequestsPerConnection)) limitRequests(server, limits.maxRequestsPerConnection)
  }
  // `localhost` may be two addresses: Fastify makes a second server when it listens.
  fastify.addHook('onListen', async () => {
    for (const server of secondServers(fastify)) prepare(server)
  })
  return async () => {
    prepare(fastify.server)
    warnOfBodyLimit(limits, context)
  }
}

/** Fastify's own limit is set when a server is made: no plugin can widen it. */
function warnOfBodyLimit(limits: Limits, context: Context): void {
  const { bodyLimit } = context.fastify.initialConfig
  if (bodyLimit === undefined || limits.maxBody <= bodyLimit) return
  context.log.warn(
    { component: 'request-limits', place: context.place, bodyLimit },
    'max_body is more than the server’s bodyLimit, which still holds for bodies that Fastify parses',
  )
}

/** Only the socket is known yet; what the engine asks of a request is its socket. */
function isTrusted(socket: Socket, context: Context): boolean {
  return context.trustsPeer({ socket } as unknown as FastifyRequest)
}

/** Where the app has no handler of its own, 408 and 431 of the parser get our body. */
function tellOfParserErrors(server: Server, fastify: FastifyInstance): void {
  const ours = handleClientError.bind(fastify)
  const listeners = server.listeners('clientError') as ((error: Error, socket: Socket) => void)[]
  const own = listeners.find((listener) => listener.name === 'bound defaultClientErrorHandler')
  if (own === undefined && listeners.length > 0) return
  if (own !== undefined) server.removeListener('clientError', own)
  server.on('clientError', (error, socket) => ours(error, socket as Socket))
}

function secondServers(fastify: FastifyInstance): readonly Server[] {
  let holder: object | null = fastify
  while (holder !== null) {
    const symbol = Object.getOwnPropertySymbols(holder).find(
      ({ description }) => description === 'fastify.serverBindings',
    )
    if (symbol !== undefined) return (holder as Record<symbol, Server[]>)[symbol] ?? []
    holder = Object.getPrototypeOf(holder) as object | null
  }
  return []
}
