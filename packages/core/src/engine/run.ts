import { STATUS_CODES } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RequestStep, SendStep, StepResult } from '../component.ts'
import { NewPayload, Refusal } from '../refusal.ts'
import type { RequestState } from '../request-state.ts'
import type { BoundStep, StepOwner } from './plan.ts'
import { failed, recordRefusal, settle } from './settle.ts'

type Done = (error?: Error) => void
type RequestBound = BoundStep<RequestStep>

/** Runs request steps in order; stays synchronous until one returns a promise, stops when a response is decided. */
export function runRequest(
  steps: readonly RequestBound[],
  from: number,
  request: FastifyRequest,
  reply: FastifyReply,
  state: RequestState,
  done: Done,
): void {
  for (let i = from; i < steps.length; i++) {
    const step = steps[i]!
    let result: ReturnType<RequestBound['run']>
    try {
      result = step.run(request, state, reply)
    } catch (error) {
      result = failed(step, error, request)
    }
    if (result === undefined) continue
    if (isPromise(result)) {
      const next = (value: StepResult): void => {
        if (reply.sent) return
        if (value !== undefined && settle(step, value, request, reply, state, done)) return
        runRequest(steps, i + 1, request, reply, state, done)
      }
      result.then(next, (error: unknown) => next(failed(step, error, request)))
      return
    }
    if (settle(step, result, request, reply, state, done)) return
  }
  done()
}

type SendDone = (error: Error | null, payload?: unknown) => void

/** Runs response steps; a refusal (a response that must not go out) takes the place of the response. */
export function runSend(
  steps: readonly BoundStep<SendStep>[],
  from: number,
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  state: RequestState,
  done: SendDone,
): void {
  let current = payload
  for (let i = from; i < steps.length; i++) {
    const step = steps[i]!
    let result: ReturnType<SendStep>
    try {
      result = step.run(request, reply, current, state)
    } catch (error) {
      result = failed(step, error, request)
    }
    if (result === undefined) continue
    if (isPromise(result)) {
      const next = (value: NewPayload | Refusal | undefined): void => {
        runSend(steps, i + 1, request, reply, apply(step, value, request, reply, current, state), state, done)
      }
      result.then(next, (error: unknown) => next(failed(step, error, request)))
      return
    }
    current = apply(step, result, request, reply, current, state)
  }
  done(null, current)
}

function apply(
  step: StepOwner,
  result: NewPayload | Refusal | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  state: RequestState,
): unknown {
  if (result instanceof NewPayload) return result.payload
  if (!(result instanceof Refusal)) return payload
  recordRefusal(step, result, state)
  if (step.monitor) return payload
  state.refused = true
  return replaceResponse(result, request, reply, payload)
}

/** The handler's response is thrown away: its body, its headers that describe a body, its cookies. */
function replaceResponse(
  refusal: Refusal,
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): string | undefined {
  const stream = payload as { destroy?: () => void } | null | undefined
  if (typeof stream?.destroy === 'function') stream.destroy()
  for (const name of [
    'content-length',
    'content-encoding',
    'etag',
    'last-modified',
    'set-cookie',
    'transfer-encoding',
  ]) {
    reply.removeHeader(name)
  }
  if (refusal.headers !== undefined) reply.headers(refusal.headers)
  reply.code(refusal.status).header('content-type', refusal.contentType)
  if (request.method === 'HEAD') return undefined
  return refusal.body ?? JSON.stringify(errorBody(refusal))
}

/** The body that Fastify makes of a refusal by default. */
export function errorBody(refusal: Refusal): Record<string, unknown> {
  const error = STATUS_CODES[refusal.status] ?? 'Error'
  return { statusCode: refusal.status, code: `PORTCULLIS_${refusal.code}`, error, message: refusal.message }
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown }).then === 'function'
}
