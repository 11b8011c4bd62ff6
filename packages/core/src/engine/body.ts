import type { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { BodyTap } from '../body-tap.ts'
import { Refusal } from '../refusal.ts'
import type { RequestState } from '../request-state.ts'
import type { Plan, StepOwner } from './plan.ts'
import { closeAfterResponse, failed, recordRefusal, respond, settle } from './settle.ts'

type Needs = NonNullable<Plan['body']>
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
  const needs = plan.tap
  let limits: BodyTap | undefined
  if (needs !== undefined && needsLimits(needs, request)) {
    limits = makeTap({ ...needs, capture: false }, request, reply, state)
    stream = limits.attach(payload)
  }
  for (const step of plan.preParsing) {
    let result: Readable | Refusal | undefined
    try {
      result = step.run(request, state, stream, reply)
    } catch (error) {
      result = failed(step, error, request)
    }
    if (result === undefined) continue
    if (!(result instanceof Refusal)) {
      stream = result
      continue
    }
    if (!step.monitor && stream !== payload) {
      stream.destroy()
      closeAfterResponse(request, reply)
    }
    if (settle(step, result, request, reply, state, (error) => done(error ?? null))) return
  }
  if (needs?.capture === true) {
    // What is kept is what is read: the bytes after every step that changes them.
    if (stream === limits) limits.capture()
    else stream = makeTap({ capture: true }, request, reply, state).attach(stream)
  }
  if (stream === payload) done()
  else done(null, stream)
}

/** A body that is whole already and shorter than the limit needs neither counting nor timing. */
function needsLimits(needs: Needs, request: FastifyRequest): boolean {
  const timed = needs.pause !== undefined || needs.deadline !== undefined
  if (needs.max === undefined && !timed) return false
  const declared = request.headers['content-length']
  if (declared === undefined || (needs.max !== undefined && Number(declared) > needs.max.bytes)) return true
  return timed && request.raw.readableLength < Number(declared)
}

function makeTap(needs: Needs, request: FastifyRequest, reply: FastifyReply, state: RequestState): BodyTap {
  const made = new BodyTap(needs, {
    onRefusal(refusal) {
      const step = isMonitored(needs, refusal) ? MONITORED : LIMITS
      // The declared length may have told already what the counted bytes tell now.
      if (step.monitor && isRecorded(step, refusal, state)) return false
      recordRefusal(step, refusal, state)
      if (step.monitor) return false
      state.refused = true
      if (!reply.sent) respond(refusal, request, reply, () => undefined)
      return true
    },
    onCaptured(body) {
      state.rawBody = body
    },
    onUnheard(error) {
      if (!reply.sent) reply.send(error)
    },
  })
  reply.raw.once('finish', () => {
    if (made.readableFlowing === null && made.listenerCount('readable') === 0) made.destroy()
  })
  return made
}

function isRecorded({ component }: StepOwner, { code }: Refusal, { decisions }: RequestState): boolean {
  return decisions.some((known) => known.code === code && known.component === component)
}

function isMonitored(needs: Needs, refusal: Refusal): boolean {
  if (refusal === needs.max?.refusal) return needs.maxMonitored === true
  return (refusal === needs.pause?.refusal ? needs.pauseMonitored : needs.deadlineMonitored) === true
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
