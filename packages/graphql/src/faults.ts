import { Refusal } from '@portcullis/core'

/** What a request was refused for. */
export interface Fault {
  /** The field that stated the limit, or what is wrong. */
  limit: string
  message: string
  status?: number
  /** The value found, for the record. */
  value?: number
}

/** Thrown where a document breaks a limit deep inside of a walk. */
export class FaultError extends Error {
  readonly fault: Fault

  constructor(fault: Fault) {
    super(fault.message)
    this.name = 'FaultError'
    this.fault = fault
  }
}

/** A refusal as a GraphQL response: `{ "errors": [ … ] }`, with the gateway's code in `extensions`. */
export function refusalOf(fault: Fault): Refusal {
  const { limit, message, status = 400, value } = fault
  const code = status === 415 ? 'CONTENT_TYPE_NOT_ALLOWED' : 'GRAPHQL_LIMIT'
  return graphqlRefusal(status, code, message, { limit }, { limit, ...(value === undefined ? undefined : { value }) })
}

/** 429 `RATE_LIMITED`. @param resetMs until the window ends. */
export function rateRefusal(resetMs: number, limit: number): Refusal {
  const seconds = String(Math.max(1, Math.ceil(resetMs / 1000)))
  return graphqlRefusal(
    429,
    'RATE_LIMITED',
    'Too many queries',
    { limit: 'max_queries_per_minute' },
    { limit },
    { 'retry-after': seconds },
  )
}

/** Automatic persisted queries: the client is asked for the document. */
export const PERSISTED_UNKNOWN: Refusal = new Refusal(400, 'GRAPHQL_LIMIT', 'PersistedQueryNotFound', {
  body: JSON.stringify({
    errors: [{ message: 'PersistedQueryNotFound', extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
  }),
  detail: { limit: 'persisted' },
})

function graphqlRefusal(
  status: number,
  code: string,
  message: string,
  extensions: Readonly<Record<string, unknown>>,
  detail: Readonly<Record<string, unknown>>,
  headers?: Readonly<Record<string, string>>,
): Refusal {
  const body = JSON.stringify({ errors: [{ message, extensions: { code: `PORTCULLIS_${code}`, ...extensions } }] })
  return new Refusal(status, code, message, { body, detail, ...(headers === undefined ? undefined : { headers }) })
}
