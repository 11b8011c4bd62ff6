import type { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { BodyTap } from '../body-tap.ts'
import { Refusal } from '../refusal.ts'
import type { RequestState } from '../request-state.ts'
import type { Plan, StepOwner } from './plan.ts'
import { failed, respond, settle } from './settle.ts'

type Done = (error?: Error | null, payload?: Readable) => void

const LIMITS: StepOwner = { component: 'request-limits', monitor: false }
const MONITORED: StepOwner = { ...LIMITS, monitor: true }

/** The preParsing phase: a tap where limits or an inspection need one, then the steps that wrap the stream. */
export function runParsing(
  plan: Plan,
  request: FastifyRequest,
  reply: FastifyReply,
  state: RequestState,
  payload: Readable,
  done: Done,
): void {
  if (!hasBody(request)) {
    done()
    return
  }
  let stream = payload
  const refuse = (error?: Error): void => done(error ?? null)
  if (plan.tap !== undefined && needsTap(plan.tap, request)) stream = tap(plan.tap, request, reply, state, payload)
  for (const step of plan.preParsing) {
    let result: Readable | Refusal | undefined
    try {
      result = step.run(request, state, stream)
    } catch (error) {
      result = failed(step, error, request)
    }
    if (result === undefined) continue
    if (!(result instanceof Refusal)) stream = result
    else if (settle(step, result, request, reply, state, refuse)) return
  }
  if (stream === payload) done()
  else done(null, stream)
}

/** A body that is whole already and shorter than the limit needs neither counting nor timing. */
function needsTap(needs: NonNullable<Plan['body']>, request: FastifyRequest): boolean {
  if (needs.capture === true) return true
  const declared = request.headers['content-length']
  if (declared === undefined) return true
  if (needs.max !== undefined && Number(declared) > needs.max.bytes) return true
  return needs.pause !== undefined && request.raw.readableLength < Number(declared)
}

function tap(
  needs: NonNullable<Plan['body']>,
  request: FastifyRequest,
  reply: FastifyReply,
  state: RequestState,
  payload: Readable,
): BodyTap {
  const made = new BodyTap(needs, {
    onRefusal(refusal) {
      const monitor = refusal === needs.max?.refusal ? needs.maxMonitored : needs.pauseMonitored
      const step = monitor === true ? MONITORED : LIMITS
      state.record({
        component: step.component,
        code: refusal.code,
        mode: monitor === true ? 'monitor' : 'enforce',
        status: refusal.status,
        message: refusal.message,
      })
      if (monitor === true) return false
      state.refused = true
      if (!reply.sent) respond(refusal, request, reply, () => undefined)
      return true
    },
    onCaptured(body) {
      state.rawBody = body
    },
  })
  payload.on('error', (error: Error) => made.destroy(error))
  payload.once('close', () => {
    if (!payload.readableEnded) made.destroy()
  })
  return payload.pipe(made)
}

/** RFC 9110 section 6.4: a request has a body when it declares a length or a transfer coding (HTTP/1), or says so in its frames (HTTP/2). */
export function hasBody(request: FastifyRequest): boolean {
  const { headers, raw } = request
  if (headers['transfer-encoding'] !== undefined) return true
  const length = headers['content-length']
  if (length !== undefined) return length !== '0'
  if (raw.httpVersionMajor < 2) return false
  const { stream } = raw as unknown as { stream?: { endAfterHeaders?: boolean } }
  return stream?.endAfterHeaders === false
}
