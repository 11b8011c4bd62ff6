import type { Readable } from 'node:stream'
import { hasBody, Refusal, stateOf } from '@portcullis/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'

const TOO_LARGE = new Refusal(413, 'BODY_TOO_LARGE', 'The body is too large', { close: true })

/**
 * The body parser of proxied endpoints: nothing is parsed. Where a component inspects the body the bytes are
 * collected, and exactly those go upstream; elsewhere the stream goes through untouched.
 */
export function addBodyParser(scope: FastifyInstance): void {
  scope.addHook('onRequest', (request, _reply, done) => {
    announceBody(request)
    done()
  })
  scope.removeAllContentTypeParsers()
  const largest = scope.initialConfig.bodyLimit ?? 1_048_576
  scope.addContentTypeParser('*', (request, payload, done) => {
    const { body } = stateOf(request).plan
    if (body?.capture !== true) {
      done(null, payload)
      return
    }
    const limit =
      body.max === undefined || body.maxMonitored === true ? Math.max(largest, body.max?.bytes ?? 0) : body.max.bytes
    collect(request, payload as Readable, limit, done)
  })
}

/**
 * Fastify takes a request without content type and length for one without a body. HTTP/2 needs neither to send one
 * (RFC 9113 section 8.1), so it is said in the words of HTTP/1; the header never leaves the gateway.
 */
function announceBody(request: FastifyRequest): void {
  const { headers, httpVersionMajor } = request.raw
  if (httpVersionMajor < 2 || headers['content-type'] !== undefined || headers['content-length'] !== undefined) return
  if (hasBody(request)) headers['transfer-encoding'] = 'chunked'
}

function collect(
  request: FastifyRequest,
  payload: Readable,
  limit: number,
  done: (error: Error | null, body?: Buffer) => void,
): void {
  const chunks: Buffer[] = []
  let received = 0
  let settled = false
  const settle = (error: Error | null, body?: Buffer): void => {
    if (settled) return
    settled = true
    done(error, body)
  }
  payload.on('data', (chunk: Buffer) => {
    received += chunk.length
    if (received <= limit) chunks.push(chunk)
    else {
      stateOf(request).record({ component: 'proxy', code: TOO_LARGE.code, mode: 'enforce', status: 413 })
      settle(TOO_LARGE.toError())
    }
  })
  payload.on('end', () => {
    const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
    stateOf(request).rawBody = body
    settle(null, body)
  })
  // As Fastify has it: a body that breaks off is the client's mistake, not the server's.
  payload.on('error', (error: Error & { statusCode?: number }) => {
    error.statusCode ??= 400
    settle(error)
  })
}
