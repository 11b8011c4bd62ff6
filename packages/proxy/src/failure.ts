import { Refusal, type UpstreamOutcome } from '@portcullis/core'

/** Why a request to an upstream had no response. */
export type Failure = NonNullable<UpstreamOutcome['failure']>

const UNAVAILABLE = new Refusal(502, 'BACKEND_UNAVAILABLE', 'The backend is not available')
const TIMEOUT = new Refusal(504, 'BACKEND_TIMEOUT', 'The backend did not answer in time')
const TLS = new Refusal(502, 'BACKEND_TLS', 'The backend could not be reached securely')

/** Its response is larger than `max_response_size`. */
export const RESPONSE_TOO_LARGE: Refusal = new Refusal(502, 'RESPONSE_TOO_LARGE', 'The backend’s response is too large')

/** What the client is told of a failure: a status and a code, never an address or an upstream's own words. */
export function failureRefusal(failure: Failure): Refusal {
  if (failure === 'timeout') return TIMEOUT
  if (failure === 'tls') return TLS
  return UNAVAILABLE
}

/** The kind of a connection's error. */
export function failureOf(error: Error & { code?: string }): Failure {
  const code = error.code ?? (error.cause as { code?: string } | undefined)?.code ?? ''
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return 'timeout'
  if (/^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EACCES)$/.test(code)) return 'refused'
  if (/^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|EPROTO|ERR_OSSL|HOSTNAME_MISMATCH)/.test(code))
    return 'tls'
  if (/^(HPE_|UND_ERR_RES|UND_ERR_HEADERS_OVERFLOW)/.test(code)) return 'malformed'
  return 'reset'
}
