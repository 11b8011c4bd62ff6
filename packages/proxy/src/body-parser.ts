import type { Readable } from 'node:stream'
import { Refusal, stateOf } from '@portcullis/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'

const TOO_LARGE = new Refusal(413, 'BODY_TOO_LARGE', 'The body is too large', { close: true })

/**
 * The body parser of proxied endpoints: nothing is parsed. Where a component inspects the body the bytes are
 * collected, and exactly those go upstream; elsewhere the stream goes through untouched.
 */
export function addBodyParser(scope: FastifyInstance): void {
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
  payload.on('error', (error: Error) => settle(error))
}
