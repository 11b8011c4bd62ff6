import { Refusal } from '@portcullis/core'
import type { Verdict } from '@portcullis/seclang'

/** 413: the body is larger than what may be looked at. */
export const BODY_TOO_LARGE: Refusal = new Refusal(413, 'BODY_TOO_LARGE', 'The body is too large', { close: true })
/** 415: nothing reads through this encoding. */
export const ENCODED: Refusal = new Refusal(415, 'ENCODING_NOT_SUPPORTED', 'Encoded bodies are not allowed here')
/** 400: several content types, or a body that nothing reads. */
export const BODY_INVALID: Refusal = new Refusal(400, 'BODY_INVALID', 'The body cannot be read')
/** 502: the response cannot be looked at. */
export const RESPONSE_UNREADABLE: Refusal = new Refusal(502, 'RESPONSE_INVALID', 'The response cannot be checked')
/** 502: the response is larger than what may be looked at. */
export const RESPONSE_TOO_LARGE: Refusal = new Refusal(502, 'RESPONSE_TOO_LARGE', 'The response is too large')
/** 503: the store of the collections does not answer. */
export const STORE_UNAVAILABLE: Refusal = new Refusal(503, 'STORE_UNAVAILABLE', 'The gateway cannot check this request')

/** Who is refused, and why, as far as the record may say. */
export interface RefusedRequest {
  id: string
  score: number | undefined
}

/**
 * What a verdict of the rules becomes: the client learns the status and the request's id, the record the rule.
 *
 * A `deny` has the status that its rule names, when that is an error; `drop` also closes the connection; `redirect`
 * has no body.
 */
export function refusalOf(verdict: Verdict, { id, score }: RefusedRequest): Refusal {
  const detail = {
    rule_id: verdict.ruleId,
    phase: verdict.phase,
    action: verdict.action,
    ...(score === undefined ? undefined : { score }),
  }
  const message = `The request was refused (request id ${id})`
  if (verdict.action === 'redirect') {
    const headers = { location: headerValue(verdict.location ?? '/') }
    return new Refusal(verdict.status, 'WAF_BLOCKED', message, { headers, body: '', contentType: 'text/plain', detail })
  }
  const status = verdict.status >= 400 && verdict.status <= 599 ? verdict.status : 403
  return new Refusal(status, 'WAF_BLOCKED', message, { detail, close: verdict.action === 'drop' })
}

/** A location may hold bytes of the request: what cannot stand in a header is percent-encoded. */
function headerValue(text: string): string {
  return text.replace(
    /[^\x21-\x7e]/g,
    (c) => `%${(c.charCodeAt(0) & 0xff).toString(16).toUpperCase().padStart(2, '0')}`,
  )
}
