import type { Readable } from 'node:stream'
import {
  hasBody,
  Refusal,
  type RequestState,
  runUpstreamRequest,
  runUpstreamResponse,
  type UpstreamOutcome,
  type UpstreamRequest,
} from '@portcullis/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { discard, Exchange, type UpstreamResponse } from './exchange.ts'
import { type Failure, failureRefusal, RESPONSE_TOO_LARGE } from './failure.ts'
import { guardPath, TARGET_INVALID } from './path-guard.ts'
import { filterQuery, type QueryFilter } from './query.ts'
import type { RequestHeaders } from './request-headers.ts'
import type { Upstream } from './upstream.ts'
import type { UrlPattern } from './url-pattern.ts'

/** Of the transfer codings only `chunked` is read here; any other before it could be read differently further on. */
const CODING_INVALID = new Refusal(400, 'TRANSFER_ENCODING_INVALID', 'The transfer coding is not supported', {
  close: true,
})

/** Everything about a backend that is known at start. */
export interface Backend {
  upstream: Upstream
  pattern: UrlPattern
  headers: RequestHeaders
  query: QueryFilter
  /** Method towards the backend; undefined = the client's. */
  method: string | undefined
  /** Milliseconds until the response's head, and until a small response is whole. */
  timeout: number
  /** `Cache-Control` where the backend has none. */
  cacheControl: string | undefined
  /** Path segments before the `*` of a prefix endpoint. */
  prefixSegments: number
}

/** Longest pause before the first retry, in milliseconds; the second may wait twice as long. */
const RETRY_DELAY = 25

/** One client request on its way to a backend and back. */
export class Forward {
  readonly #backend: Backend
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  readonly #state: RequestState
  readonly #body: Buffer | Readable | undefined
  #headers: Record<string, string | string[]> = {}
  #path = '/'
  #exchange: Exchange | undefined
  #timer: NodeJS.Timeout | undefined
  #attempt = 0
  #extraTry = false
  #started = 0
  #finished = false
  #uploaded = true

  constructor(backend: Backend, request: FastifyRequest, reply: FastifyReply, state: RequestState) {
    this.#backend = backend
    this.#request = request
    this.#reply = reply
    this.#state = state
    this.#body = hasBody(request) ? ((request.body ?? undefined) as Buffer | Readable | undefined) : undefined
  }

  /** Checks, builds and sends the request; the response goes out when it comes. */
  start(): void {
    const refusal = this.#prepare()
    if (refusal !== undefined) {
      this.#refuse(refusal)
      return
    }
    this.#reply.raw.once('close', this.#onClientClose)
    if (this.#body !== undefined && !Buffer.isBuffer(this.#body)) {
      this.#uploaded = false
      const uploaded = (): void => {
        this.#uploaded = true
        this.#timer?.refresh()
      }
      this.#body.once('end', uploaded)
      this.#body.once('error', (error: Error) => this.#onBodyError(error))
    }
    this.#arm()
    this.#try()
  }

  #prepare(): Refusal | undefined {
    const url = this.#request.raw.url!
    if (url.includes('#')) return TARGET_INVALID
    const coding = this.#request.raw.headers['transfer-encoding']
    if (coding !== undefined && coding.toLowerCase() !== 'chunked') return CODING_INVALID
    const mark = url.indexOf('?')
    const path = mark === -1 ? url : url.slice(0, mark)
    const unsafe = guardPath(path, this.#backend.pattern.hasRest)
    if (unsafe !== undefined) return unsafe
    const { pattern, headers, query, prefixSegments } = this.#backend
    const rest = pattern.hasRest ? afterSegments(path, prefixSegments) : ''
    const target = pattern.build(this.#request, this.#state, rest)
    if (target instanceof Refusal) return target
    const kept = mark === -1 ? '' : filterQuery(url.slice(mark + 1), query, this.#state.hiddenQuery)
    this.#path = kept === '' ? target : `${target}${target.includes('?') ? '&' : '?'}${kept}`
    const built = headers.build(this.#request, this.#state, this.#body !== undefined)
    if (built instanceof Refusal) return built
    this.#headers = built
    const length = this.#request.headers['content-length']
    if (Buffer.isBuffer(this.#body)) this.#headers['content-length'] = String(this.#body.length)
    else if (this.#body !== undefined && length !== undefined) this.#headers['content-length'] = length
    return undefined
  }

  /** One timer for all tries. While a body is uploaded it waits for the client, but not for the backend. */
  #arm(): void {
    this.#timer = setTimeout(() => {
      const body = this.#body
      const waitsForClient =
        !this.#uploaded && body !== undefined && !Buffer.isBuffer(body) && body.readableLength === 0
      if (waitsForClient) this.#timer?.refresh()
      else this.#exchange?.cancel('timeout')
    }, this.#backend.timeout)
  }

  #try(): void {
    this.#attempt++
    const host = this.#backend.upstream.pick()
    const method = this.#backend.method ?? this.#request.method
    const upstream: UpstreamRequest = {
      method: method === 'GET' && this.#request.method === 'HEAD' ? 'HEAD' : method,
      origin: host.origin,
      path: this.#path,
      headers: this.#attempt === 1 ? this.#headers : { ...this.#headers },
      attempt: this.#attempt,
    }
    const go = (refusal: Refusal | undefined): void => {
      if (this.#finished) return
      if (refusal !== undefined) {
        this.#refuse(refusal)
        return
      }
      this.#started = performance.now()
      this.#exchange = new Exchange(host, upstream.method, this.#backend.upstream.settings, {
        onResponse: (response) => this.#onResponse(upstream, response),
        onFailure: (failure, error) => this.#onFailure(upstream, failure, error),
      })
      this.#exchange.start(upstream, this.#body)
    }
    const decision = runUpstreamRequest(this.#request, this.#state, upstream)
    if (decision instanceof Promise) decision.then(go, () => this.#refuse(failureRefusal('reset')))
    else go(decision)
  }

  #onResponse(upstream: UpstreamRequest, response: UpstreamResponse): void {
    const again = this.#report(upstream, { status: response.status, duration: performance.now() - this.#started })
    if (
      this.#mayRetry(upstream, again === 'retry', this.#backend.upstream.settings.retry.statuses.has(response.status))
    ) {
      discard(response)
      this.#retry()
      return
    }
    if (!this.#finish()) {
      discard(response)
      return
    }
    const reply = this.#reply
    reply.code(response.status)
    const { headers, body } = response
    if (Buffer.isBuffer(body)) delete headers['content-length']
    const { cacheControl } = this.#backend
    if (cacheControl !== undefined && isCacheable(upstream.method, response)) headers['cache-control'] = cacheControl
    reply.headers(headers)
    reply.send(body === undefined || (Buffer.isBuffer(body) && body.length === 0) ? undefined : body)
  }

  #onFailure(upstream: UpstreamRequest, failure: Failure | 'too-large', error: Error): void {
    const outcome: UpstreamOutcome = {
      duration: performance.now() - this.#started,
      failure: failure === 'too-large' ? 'malformed' : failure,
    }
    this.#report(upstream, outcome)
    if (this.#finished) return
    const { retry } = this.#backend.upstream.settings
    if (failure !== 'timeout' && this.#mayRetry(upstream, false, retry.failures.has(failure))) {
      this.#retry()
      return
    }
    if (failure !== 'cancelled')
      this.#request.log.warn({ err: error, upstream: upstream.origin, failure }, 'backend request failed')
    this.#refuse(failure === 'too-large' ? RESPONSE_TOO_LARGE : failureRefusal(failure))
  }

  #report(upstream: UpstreamRequest, outcome: UpstreamOutcome): 'retry' | undefined {
    this.#state.setFact('upstream', { origin: upstream.origin, attempts: this.#attempt, ...outcome })
    return runUpstreamResponse(this.#request, this.#state, upstream, outcome)
  }

  /** A try is repeated only when the body can be sent again, and when a component or the configuration says so. */
  #mayRetry(upstream: UpstreamRequest, asked: boolean, configured: boolean): boolean {
    if (this.#finished || (this.#body !== undefined && !Buffer.isBuffer(this.#body))) return false
    if (asked && !this.#extraTry) {
      this.#extraTry = true
      return true
    }
    const { retry } = this.#backend.upstream.settings
    const tries = this.#extraTry ? this.#attempt - 1 : this.#attempt
    return configured && tries <= retry.attempts && retry.methods.has(upstream.method)
  }

  /** The client's body was cut (too large, too slow) or broke off: that is the answer, not the backend's silence. */
  #onBodyError(error: Error & { statusCode?: number }): void {
    if (error.statusCode !== undefined && this.#finish()) this.#reply.send(error)
    this.#exchange?.cancel('cancelled')
  }

  /** A little later, so that a struggling backend is not hit by all retries at once. */
  #retry(): void {
    const delay = Math.random() * RETRY_DELAY * this.#attempt
    setTimeout(() => {
      if (!this.#finished) this.#try()
    }, delay)
  }

  #refuse(refusal: Refusal): void {
    if (!this.#finish()) return
    const { decisions } = this.#state
    if (decisions.at(-1)?.code !== refusal.code) {
      this.#state.record({
        component: 'proxy',
        code: refusal.code,
        mode: 'enforce',
        status: refusal.status,
        message: refusal.message,
      })
    }
    this.#state.refused = true
    this.#reply.send(refusal.toError())
  }

  /** True the first time: nothing is sent twice, and nothing to a client that went away. */
  #finish(): boolean {
    if (this.#finished) return false
    this.#finished = true
    clearTimeout(this.#timer)
    this.#reply.raw.removeListener('close', this.#onClientClose)
    return !this.#reply.sent
  }

  readonly #onClientClose = (): void => {
    if (this.#finished) return
    // First: what the cancelled try says then is for the breaker's count, not for a client who is gone.
    this.#finished = true
    clearTimeout(this.#timer)
    this.#exchange?.cancel('cancelled')
  }
}

/** What stands behind the first `count` segments of a raw path, encoding untouched. */
function afterSegments(path: string, count: number): string {
  let position = 0
  for (let i = 0; i <= count; i++) {
    position = path.indexOf('/', position) + 1
    if (position === 0) return ''
  }
  return path.slice(position)
}

/** A successful answer to a GET or HEAD of which the backend does not say how long it may be kept. */
function isCacheable(method: string, { status, headers }: UpstreamResponse): boolean {
  return status === 200 && (method === 'GET' || method === 'HEAD') && headers['cache-control'] === undefined
}
