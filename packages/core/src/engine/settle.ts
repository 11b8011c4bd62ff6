import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Answer, Refusal } from '../refusal.ts'
import type { RequestState } from '../request-state.ts'
import type { StepOwner } from './plan.ts'

/** What a failing step becomes: a component that cannot do its work refuses. */
const COMPONENT_FAILED: Refusal = new Refusal(503, 'COMPONENT_FAILED', 'The gateway cannot check this request')

/** Logs a step's exception, which says nothing to the client, and makes it a refusal. */
export function failed(step: StepOwner, error: unknown, request: FastifyRequest): Refusal {
  request.log.error({ err: error, component: step.component }, 'a security component failed')
  return COMPONENT_FAILED
}

/** Writes a refusal into the request's record. */
export function recordRefusal(step: StepOwner, refusal: Refusal, state: RequestState): void {
  state.record({
    component: step.component,
    code: refusal.code,
    mode: step.monitor ? 'monitor' : 'enforce',
    status: refusal.status,
    message: refusal.message,
    ...(refusal.detail === undefined ? undefined : { detail: refusal.detail }),
  })
}

/**
 * Acts on what a step returned. True = the response is decided: later steps and the handler do not run.
 *
 * A refusal goes through the app's error handling by `done(error)`; one with a body of its own, and an answer, are
 * sent as they are.
 */
export function settle(
  step: StepOwner,
  result: Refusal | Answer,
  request: FastifyRequest,
  reply: FastifyReply,
  state: RequestState,
  done: (error?: Error) => void,
): boolean {
  if (result instanceof Answer) {
    state.refused = true
    reply.code(result.status).headers(result.headers).send(result.payload)
    return true
  }
  recordRefusal(step, result, state)
  if (step.monitor) return false
  state.refused = true
  respond(result, request, reply, done)
  return true
}

/** Sends a refusal. */
export function respond(
  refusal: Refusal,
  request: FastifyRequest,
  reply: FastifyReply,
  done: (error?: Error) => void,
): void {
  if (refusal.close) closeAfterResponse(request, reply)
  // On the reply too, not only on the error: an app's own error handler must not lose Retry-After or WWW-Authenticate.
  if (refusal.headers !== undefined) reply.headers(refusal.headers)
  if (refusal.body === undefined) {
    done(refusal.toError())
    return
  }
  reply.code(refusal.status).header('content-type', refusal.contentType).send(refusal.body)
}

/** Milliseconds in which a client that is still sending may read its answer. */
const LINGER = 1000

/**
 * Ends the connection (HTTP/1) or the stream (HTTP/2) after the response: what still arrives of the request is not
 * wanted.
 */
export function closeAfterResponse(request: FastifyRequest, reply: FastifyReply): void {
  const { raw } = request
  if (raw.httpVersionMajor === 1) {
    reply.header('connection', 'close')
    if (!raw.complete) lingerBeforeClose(raw.socket)
    return
  }
  // RFC 9113 section 8.1: a complete response, then RST_STREAM with NO_ERROR.
  const { stream } = raw as unknown as { stream?: ServerHttp2Stream }
  stream?.once('finish', () => stream.close(0))
}

/**
 * Closing a socket with unread bytes resets the connection, and the client may lose the response (RFC 9112 section
 * 9.6). So our side is closed first, what still arrives is thrown away, and the rest is closed a moment later.
 */
function lingerBeforeClose(socket: Socket): void {
  socket.destroySoon = () => {
    if (socket.writable) socket.end()
    const timer = setTimeout(() => socket.destroy(), LINGER).unref()
    socket.once('close', () => clearTimeout(timer))
  }
}
