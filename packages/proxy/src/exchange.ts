import { Readable } from 'node:stream'
import type { UpstreamRequest } from '@portcullis/core'
import { type Failure, failureOf, failureRefusal, RESPONSE_TOO_LARGE } from './failure.ts'
import { type ResponseHeaders, readResponseHeaders } from './response-headers.ts'
import type { UpstreamHost } from './upstream.ts'

/** Responses up to this many bytes are collected and sent as one piece: one write instead of a stream. */
const WHOLE = 65_536

/** Rest of an unwanted response that is read to keep its connection; a longer one is cut off. */
const DRAIN = 65_536

/** A response of an upstream: whole, or a stream whose head has arrived. */
export interface UpstreamResponse extends ResponseHeaders {
  status: number
  body: Buffer | Readable | undefined
}

/** How a try ends; exactly one of the two is called, once. */
export interface ExchangeEvents {
  onResponse: (response: UpstreamResponse) => void
  onFailure: (failure: Failure | 'too-large', error: Error) => void
}

/** What a try may take. */
export interface ExchangeLimits {
  /** Bytes. */
  maxResponseSize: number
  /** Longest pause between two parts of a streamed body, in milliseconds. */
  responseTimeout: number
}

/** One try of a request to an upstream: undici's callbacks, turned into one response or one failure. */
export class Exchange {
  readonly #host: UpstreamHost
  readonly #method: string
  readonly #limits: ExchangeLimits
  readonly #events: ExchangeEvents
  #abort: ((reason?: Error) => void) | undefined
  #failure: Failure | 'too-large' | undefined
  #response: UpstreamResponse | undefined
  #chunks: Buffer[] = []
  #stream: BodyStream | undefined
  #received = 0
  #settled = false
  #done = false

  constructor(host: UpstreamHost, method: string, limits: ExchangeLimits, events: ExchangeEvents) {
    this.#host = host
    this.#method = method
    this.#limits = limits
    this.#events = events
  }

  /** Sends the request. */
  start(upstream: UpstreamRequest, body: Buffer | Readable | undefined): void {
    this.#host.active++
    try {
      const options = {
        origin: upstream.origin,
        path: upstream.path,
        method: upstream.method,
        headers: upstream.headers,
        body: body ?? null,
      }
      this.#host.pool.dispatch(options as never, this as never)
    } catch (error) {
      this.onError(error as Error)
    }
  }

  /** Ends the try; `failure` says why. */
  cancel(failure: Failure | 'too-large'): void {
    if (this.#done) return
    this.#failure ??= failure
    const error = new Error(`upstream request ended: ${failure}`)
    if (this.#abort === undefined) this.#fail(error)
    else this.#abort(error)
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort
    if (this.#failure !== undefined) abort(new Error(`upstream request ended: ${this.#failure}`))
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void): boolean {
    if (status < 200) return true
    const read = readResponseHeaders(raw)
    if (read === undefined) {
      this.cancel('malformed')
      return true
    }
    const bodyless = this.#method === 'HEAD' || status === 204 || status === 304
    if (!bodyless && read.length > this.#limits.maxResponseSize) {
      this.cancel('too-large')
      return true
    }
    const response: UpstreamResponse = { status, headers: read.headers, length: read.length, body: undefined }
    this.#response = response
    // A 304 or a HEAD may declare a length without a body; undici calls that an error only after this.
    if (bodyless) this.#respond(response)
    else if (read.length < 0 || read.length > WHOLE) {
      this.#stream = new BodyStream(resume, () => this.cancel('cancelled'), this.#limits.responseTimeout)
      response.body = this.#stream
      this.#respond(response)
    }
    return true
  }

  onData(chunk: Buffer): boolean {
    this.#received += chunk.length
    if (this.#received > this.#limits.maxResponseSize) {
      this.#stream?.destroy(RESPONSE_TOO_LARGE.toError())
      this.cancel('too-large')
      return true
    }
    if (this.#stream !== undefined) return this.#stream.accept(chunk)
    this.#chunks.push(chunk)
    return true
  }

  onComplete(): void {
    this.#end()
    if (this.#stream !== undefined) {
      this.#stream.accept(null)
      return
    }
    const response = this.#response
    if (response === undefined) return
    if (!this.#settled) response.body = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks)
    this.#respond(response)
  }

  onError(error: Error): void {
    this.#end()
    // When nothing was sent yet, Fastify makes a response of this error; otherwise the connection is cut.
    const failure = this.#failure ?? failureOf(error)
    this.#stream?.destroy(failure === 'too-large' ? RESPONSE_TOO_LARGE.toError() : failureRefusal(failure).toError())
    this.#fail(error)
  }

  /** Asked-for protocol changes do not exist here: a 101 nobody asked for is a malformed response. */
  onUpgrade(_status: number, _headers: Buffer[], socket: { destroy: () => void }): void {
    socket.destroy()
    this.#failure = 'malformed'
    this.onError(new Error('unasked protocol upgrade'))
  }

  #respond(response: UpstreamResponse): void {
    if (this.#settled) return
    this.#settled = true
    this.#events.onResponse(response)
  }

  #fail(error: Error): void {
    if (this.#settled) return
    this.#settled = true
    this.#events.onFailure(this.#failure ?? failureOf(error), error)
  }

  #end(): void {
    if (this.#done) return
    this.#done = true
    this.#host.active--
  }
}

/** Throws a response away: the rest of a small body is read so that its connection can be used again. */
export function discard(response: UpstreamResponse): void {
  const { body } = response
  if (!(body instanceof Readable)) return
  let read = 0
  body.on('error', () => undefined)
  body.on('data', (chunk: Buffer) => {
    read += chunk.length
    if (read > DRAIN) body.destroy()
  })
}

/** A response body on its way through: keeps the upstream's pace to the client's. */
class BodyStream extends Readable {
  readonly #resume: () => void
  readonly #cancel: () => void
  readonly #timer: NodeJS.Timeout
  #ended = false
  #waiting = true

  constructor(resume: () => void, cancel: () => void, pause: number) {
    super({ highWaterMark: WHOLE })
    this.#resume = resume
    this.#cancel = cancel
    this.#timer = setTimeout(() => {
      if (this.#waiting) this.destroy(failureRefusal('timeout').toError())
    }, pause)
  }

  /** Takes a chunk (null = the end); false asks the upstream to wait. */
  accept(chunk: Buffer | null): boolean {
    if (chunk === null) this.#ended = true
    else this.#timer.refresh()
    if (this.destroyed) return true
    this.#waiting = this.push(chunk)
    return this.#waiting
  }

  override _read(): void {
    if (!this.#waiting) {
      this.#waiting = true
      this.#timer.refresh()
    }
    this.#resume()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer)
    if (!this.#ended) this.#cancel()
    done(error)
  }
}
