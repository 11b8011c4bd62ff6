/** The rules over a response: its status and headers always, its body where the configuration asks for it. */
import { NewPayload, type Refusal, type RequestState } from '@portcullis/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Inspection, isPromise } from './inspection.ts'
import { RESPONSE_TOO_LARGE, RESPONSE_UNREADABLE } from './refusals.ts'
import { CODINGS, type Collected, collect, decode, isWebResponse } from './response-body.ts'

type Outcome = undefined | NewPayload | Refusal

/** Phases 3 and 4. The body is collected only when its media type is one that the rules look at. */
export function inspectResponse(
  inspection: Inspection,
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Outcome | Promise<Outcome> {
  const web = isWebResponse(payload) ? payload : undefined
  inspection.seeResponse(web?.status ?? reply.statusCode, headersOf(reply, web))
  const early = inspection.responseHead()
  if (isPromise(early)) return early.then((refusal) => refusal ?? bodyOf(inspection, request, reply, payload))
  return early ?? bodyOf(inspection, request, reply, payload)
}

function bodyOf(
  inspection: Inspection,
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Outcome | Promise<Outcome> {
  const { plan, tx } = inspection
  if (!plan.inspectResponses) return undefined
  if (!tx.wantsResponseBody || request.method === 'HEAD') return inspection.responseBody(undefined)
  const onClose = (listener: () => void): void => {
    reply.raw.once('close', listener)
  }
  const collected = collect(payload, tx.responseBodyLimit, onClose)
  if (collected === undefined) return inspection.responseBody(undefined)
  if (isPromise(collected)) return collected.then((all) => judge(inspection, reply, payload, all))
  return judge(inspection, reply, payload, collected)
}

function judge(
  inspection: Inspection,
  reply: FastifyReply,
  payload: unknown,
  collected: Collected,
): Outcome | Promise<Outcome> {
  const passed = collected.payload === payload ? undefined : new NewPayload(collected.payload)
  const coding = reply.getHeader('content-encoding')
  if (coding === undefined || coding === 'identity' || collected.head.length === 0) {
    return decide(inspection, collected.head, collected.whole, passed)
  }
  return decode(String(coding), collected.head, inspection.tx.responseBodyLimit).then((decoded) => {
    if (decoded === undefined) return inspection.refuse(RESPONSE_UNREADABLE) ?? passed
    return decide(inspection, decoded.bytes, collected.whole && decoded.whole, passed)
  })
}

function decide(
  inspection: Inspection,
  bytes: Buffer,
  whole: boolean,
  passed: NewPayload | undefined,
): Outcome | Promise<Outcome> {
  if (!whole && inspection.plan.limits.responseAction === 'reject') {
    const refusal = inspection.refuse(RESPONSE_TOO_LARGE)
    if (refusal !== undefined) return refusal
  }
  const result = inspection.responseBody(bytes)
  return isPromise(result) ? result.then((refusal) => refusal ?? passed) : (result ?? passed)
}

function headersOf(reply: FastifyReply, web: Response | undefined): string[] {
  const flat: string[] = []
  const sent = reply.getHeaders()
  for (const name in sent) {
    const value = sent[name]
    if (value === undefined) continue
    if (Array.isArray(value)) for (const one of value) flat.push(name, one)
    else flat.push(name, String(value))
  }
  if (web !== undefined) for (const [name, value] of web.headers) flat.push(name, value)
  return flat
}

/** An upstream must not answer in a coding that nothing here reads. */
export function offerReadableCodings(request: FastifyRequest, state: RequestState): void {
  const accepted = request.headers['accept-encoding']
  if (accepted === undefined) return
  const offered = String(accepted).split(',')
  const readable = offered.filter((entry) => CODINGS.has(entry.split(';', 1)[0]!.trim().toLowerCase()))
  if (readable.length === offered.length) return
  state.setRequestHeader(request, 'accept-encoding', readable.length === 0 ? 'identity' : readable.join(','))
}
