import { canonicalAddress, type Decision, type ParserRefusal } from '@portcullis/core'
import { Inspection, type InspectionPlan } from './inspection.ts'
import { parseRequest } from './raw-request.ts'
import { feed } from './request-head.ts'

/** Most bytes of a malformed request that are looked at. */
const MAX_PACKET = 16_384

/**
 * What the HTTP parser refuses is refused already; the rules have their say for the record, as an attack may well look
 * like this: unknown methods, bytes that no URL has, control characters in headers.
 *
 * @returns a promise when the rules wait for a collection in a shared store.
 */
export function inspectMalformed(plan: InspectionPlan, refusal: ParserRefusal): void | Promise<void> {
  const { packet, decisions } = refusal
  if (packet === undefined || decisions === undefined || !/^[!-~]+ /.test(packet.toString('latin1', 0, 64))) return
  const parsed = parseRequest(packet.subarray(0, MAX_PACKET))
  if (parsed === undefined) return
  const connection = {
    clientIp: canonicalAddress(refusal.remoteAddress ?? ''),
    clientPort: refusal.remotePort ?? 0,
  }
  const recorder = { record: (decision: Decision) => decisions.push(decision) }
  const inspection = new Inspection({ ...plan, monitor: true }, '', connection, recorder)
  feed(inspection.tx, parsed)
  inspection.forTheRecord()
  inspection.seeResponse(refusal.status, [])
  return inspection.finish()
}
