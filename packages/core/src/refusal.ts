import createError, { type FastifyErrorConstructor } from '@fastify/error'

/** What a refusal may carry beside its status, code and message. */
export interface RefusalOptions {
  /** Response headers, such as `WWW-Authenticate` or `Retry-After`. */
  headers?: Readonly<Record<string, string>>
  /** A body of its own (GraphQL errors, a redirect's page). Without it the app's error handler makes the body. */
  body?: string
  /** Content type of `body`. Default `application/json; charset=utf-8`. */
  contentType?: string
  /** Close the connection after the response: what still arrives on it is not wanted. */
  close?: boolean
  /** For the decision record only: never sent to the client. Must hold no secret. */
  detail?: Readonly<Record<string, unknown>>
}

/**
 * A component's no: status, stable code, message, headers. The engine turns it into the response in `enforce` mode
 * and into a record in `monitor` mode. Refusals that do not vary are made once, at start.
 */
export class Refusal {
  readonly status: number
  /** Without the prefix: `IP_DENIED`. The response has `PORTCULLIS_IP_DENIED`. */
  readonly code: string
  readonly message: string
  readonly headers: Readonly<Record<string, string>> | undefined
  readonly body: string | undefined
  readonly contentType: string
  readonly close: boolean
  readonly detail: Readonly<Record<string, unknown>> | undefined

  constructor(status: number, code: string, message: string, options: RefusalOptions = {}) {
    this.status = status
    this.code = code
    this.message = message
    this.headers = options.headers
    this.body = options.body
    this.contentType = options.contentType ?? 'application/json; charset=utf-8'
    this.close = options.close ?? false
    this.detail = options.detail
  }

  /** The error that Fastify's error handling sees. It has no stack: a flood of refusals must stay cheap. */
  toError(): Error {
    const FastifyError = errorClass(this.code, this.status)
    const error = new FastifyError(this.message)
    error.message = this.message
    if (this.headers !== undefined) (error as Error & { headers?: object }).headers = this.headers
    return error
  }
}

/** A step's own answer, which ends the request without being a refusal: a preflight, a cached response. */
export class Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly payload: string | Buffer | undefined

  constructor(status: number, headers: Readonly<Record<string, string | string[]>> = {}, payload?: string | Buffer) {
    this.status = status
    this.headers = headers
    this.payload = payload
  }
}

/** What an `onSend` step returns when it replaces the payload. */
export class NewPayload {
  readonly payload: unknown

  constructor(payload: unknown) {
    this.payload = payload
  }
}

const errorClasses = new Map<string, FastifyErrorConstructor>()

/** One class per code and status; both come from our own code, so the map is bounded. */
function errorClass(code: string, status: number): FastifyErrorConstructor {
  const key = `${code} ${status}`
  let made = errorClasses.get(key)
  if (made === undefined) {
    made = createError(`PORTCULLIS_${code}`, code, status, Error, false)
    errorClasses.set(key, made)
  }
  return made
}
