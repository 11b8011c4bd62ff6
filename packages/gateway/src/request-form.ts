import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type Component, type ComponentInstance, type Context, isRepeated, Refusal } from '@portcullis/core'
import type { FastifyRequest } from 'fastify'

const HOST_INVALID = new Refusal(400, 'HOST_INVALID', 'The request does not name one valid host', { close: true })
const TARGET_INVALID = new Refusal(400, 'TARGET_INVALID', 'The request target is not valid', { close: true })
const EXPECTATION_FAILED = new Refusal(417, 'EXPECTATION_FAILED', 'The expectation cannot be met', { close: true })

/**
 * What every HTTP/1 request must be, whatever the configuration: it names one host (RFC 9112 section 3.2) and expects
 * nothing but `100-continue` (RFC 9110 section 10.1.1). Node would answer two of these by itself, outside the hooks:
 * without the security headers, and without a trace in the audit log.
 */
export const requestForm: Component<Record<never, never>> = {
  name: 'request-form',
  namespaces: ['portcullis/request-form'],
  levels: ['service'],
  schema: { type: 'object', properties: {}, additionalProperties: false },
  create,
}

function create(_config: object, context: Context): ComponentInstance {
  const server = context.fastify.server as Server
  takeExpectations(server)
  takeConnects(server)
  return { steps: [{ phase: 'onRequest', run: decide }] }
}

function decide(request: FastifyRequest): Refusal | undefined {
  const { headers, httpVersionMajor, httpVersionMinor, method, rawHeaders, url } = request.raw
  if (httpVersionMajor !== 1) return undefined
  if (method === 'CONNECT' && !/^[^/?#@]+:[0-9]{1,5}$/.test(url ?? '')) return TARGET_INVALID
  if (headers.host === undefined ? httpVersionMinor > 0 : isRepeated(rawHeaders, 'host')) return HOST_INVALID
  const { expect } = headers
  return expect === undefined || expect.toLowerCase() === '100-continue' ? undefined : EXPECTATION_FAILED
}

/** An app that listens for `checkExpectation` itself is left alone. */
function takeExpectations(server: Server): void {
  if (server.listenerCount('checkExpectation') > 0) return
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response)
  })
}

/**
 * A gateway is no forward proxy: Node closes a CONNECT without a word, here it is a request like any other, which no
 * route answers. Its target must be a host and a port all the same (RFC 9112 section 3.2.3).
 */
function takeConnects(server: Server): void {
  if (server.listenerCount('connect') > 0) return
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(socket)
    response.once('finish', () => socket.end())
    socket.on('error', () => socket.destroy())
    server.emit('request', request, response)
  })
}
