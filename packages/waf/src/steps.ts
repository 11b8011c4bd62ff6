/** The rules at the phases of a request. */
import type { Readable } from 'node:stream'
import { hasBody, type NewPayload, type Refusal, type RequestState, type Step } from '@portcullis/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { auditOf } from './audit.ts'
import { type Decided, Inspection, type InspectionPlan, isPromise } from './inspection.ts'
import { BODY_INVALID, BODY_TOO_LARGE, ENCODED } from './refusals.ts'
import { feedHead, RequestConnection } from './request-head.ts'
import { inspectResponse, offerReadableCodings } from './response.ts'
import { UnreadBody } from './unread-body.ts'

/** Methods whose bodies Fastify leaves alone. */
const UNREAD = new Set(['GET', 'HEAD', 'TRACE'])

/**
 * Phases 1 to 5 as steps: 1 and, without a body, 2 in onRequest; 2 in preValidation, over the bytes that the body had
 * on arrival; 3 and 4 in onSend; 5 in onResponse.
 *
 * @param planOf what holds for a request that begins now: the rules may be reloaded.
 * @param auditParts parts of the audit entry; undefined = none is made.
 */
export function inspectionSteps(planOf: () => InspectionPlan, auditParts: string | undefined): Step[] {
  const open = new WeakMap<RequestState, Inspection>()
  const begin = (request: FastifyRequest, state: RequestState): Decided => {
    const inspection = inspectionOf(planOf(), request, state)
    open.set(state, inspection)
    if (inspection.plan.inspectResponses) offerReadableCodings(request, state)
    if (!hasBody(request)) return inspection.headAlone()
    const early = inspection.head()
    if (isPromise(early)) return early.then((refusal) => refusal ?? declaredTooLarge(inspection, request))
    return early ?? declaredTooLarge(inspection, request)
  }
  const finish = (request: FastifyRequest, state: RequestState, status: number): void => {
    const inspection = open.get(state)
    if (inspection === undefined) return
    open.delete(state)
    try {
      if (inspection.tx.status === undefined) inspection.seeResponse(status, [])
      inspection.finish()
      const entry = auditParts === undefined ? undefined : auditOf(inspection, auditParts)
      if (entry !== undefined) state.setFact('waf_audit', entry)
    } catch (error) {
      // The response is sent: nothing but the record can suffer.
      request.log.error({ err: error }, 'the WAF could not finish its record')
    }
  }
  return [
    { phase: 'onRequest', slot: 'waf', run: begin },
    {
      phase: 'preParsing',
      slot: 'waf',
      run: (request, state, payload) => readUnread(open.get(state), request, payload),
    },
    {
      phase: 'preValidation',
      slot: 'waf',
      run: (request, state) => {
        const inspection = open.get(state)
        if (inspection === undefined || !hasBody(request)) return undefined
        return inspectBody(inspection, request, state)
      },
    },
    {
      phase: 'onSend',
      slot: 'waf',
      run: (request, reply, payload, state) => {
        if (!open.has(state) && state.decisions[0]?.component === 'router') {
          // A URL that the router refuses meets no hook before this: the rules have their say for the record.
          const late = inspectionOf({ ...planOf(), monitor: true }, request, state)
          open.set(state, late)
          late.forTheRecord()
        }
        return inspectSent(open.get(state), request, reply, payload, state)
      },
    },
    { phase: 'onResponse', slot: 'waf', run: (request, reply, state) => finish(request, state, reply.statusCode) },
    { phase: 'onRequestAbort', slot: 'waf', run: (request, state) => finish(request, state, 499) },
  ]
}

function inspectionOf(plan: InspectionPlan, request: FastifyRequest, state: RequestState): Inspection {
  const inspection = new Inspection(plan, request.id, new RequestConnection(request, state), state)
  feedHead(inspection.tx, request)
  return inspection
}

/** What the client says of its body's size is believed when it is too much: nothing of it need arrive. */
function declaredTooLarge(inspection: Inspection, request: FastifyRequest): Refusal | undefined {
  const { limits } = inspection.plan
  if (limits.requestAction !== 'reject' || !inspection.tx.wantsRequestBody) return undefined
  const declared = Number(request.headers['content-length'] ?? 0)
  return declared > limitOf(inspection, request) ? inspection.refuse(BODY_TOO_LARGE) : undefined
}

function limitOf(inspection: Inspection, request: FastifyRequest): number {
  return inspection.bodyLimit(request.headers['content-type'])
}

function readUnread(
  inspection: Inspection | undefined,
  request: FastifyRequest,
  payload: Readable,
): Readable | undefined {
  if (inspection === undefined || !UNREAD.has(request.method)) return undefined
  inspection.unread = new UnreadBody(payload, limitOf(inspection, request))
  return inspection.unread
}

function inspectBody(inspection: Inspection, request: FastifyRequest, state: RequestState): Decided {
  const { unread, tx } = inspection
  if (!tx.wantsRequestBody) return inspection.body(undefined)
  if (unread === undefined || state.rawBody !== undefined) return inspectBytes(inspection, request, state.rawBody)
  return unread.bytes.then((bytes) => {
    // Nobody waits for an answer any more, in monitor mode neither: nothing of it goes on.
    if (bytes === undefined) return BODY_INVALID
    state.rawBody = bytes
    return inspectBytes(inspection, request, bytes)
  })
}

/** Never looks at less than is forwarded, unless the configuration says so. */
function inspectBytes(inspection: Inspection, request: FastifyRequest, bytes: Buffer | undefined): Decided {
  const obstacle = bodyObstacle(inspection, request, bytes)
  const refusal = obstacle === undefined ? undefined : inspection.refuse(obstacle)
  if (refusal !== undefined) return refusal
  const limit = limitOf(inspection, request)
  return inspection.body(bytes !== undefined && bytes.length > limit ? bytes.subarray(0, limit) : bytes)
}

function bodyObstacle(inspection: Inspection, request: FastifyRequest, bytes: Buffer | undefined): Refusal | undefined {
  if (bytes === undefined) return BODY_INVALID
  if (bytes.length === 0) return undefined
  const coding = request.headers['content-encoding']
  if (coding !== undefined && coding.trim().toLowerCase() !== 'identity') return ENCODED
  if (bytes.length > limitOf(inspection, request) && inspection.plan.limits.requestAction === 'reject')
    return BODY_TOO_LARGE
  return contentTypes(request.raw.rawHeaders) > 1 ? BODY_INVALID : undefined
}

/** Of two content types the upstream may believe the one that the rules did not. */
function contentTypes(rawHeaders: readonly string[]): number {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]!.toLowerCase() === 'content-type') count++
  return count
}

/** What the gateway itself has to say is not inspected; the rules for logging learn its status. */
function inspectSent(
  inspection: Inspection | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  state: RequestState,
): undefined | NewPayload | Refusal | Promise<undefined | NewPayload | Refusal> {
  if (inspection === undefined) return undefined
  if (state.refused) {
    inspection.seeResponse(reply.statusCode, [])
    return undefined
  }
  return inspectResponse(inspection, request, reply, payload)
}
