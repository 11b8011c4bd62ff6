import { type Readable, Transform, type TransformCallback } from 'node:stream'
import type { Refusal } from './refusal.ts'

/** What components need of a request's body while it arrives. */
export interface BodyNeeds {
  /** Keep the bytes: something inspects them before they are forwarded. */
  capture?: boolean
  /** Largest body in bytes, counted as it arrives, and what is said beyond it. */
  max?: { bytes: number; refusal: Refusal }
  /** Longest pause between two reads in milliseconds, and what is said after it. */
  pause?: { ms: number; refusal: Refusal }
  /** Milliseconds in which the whole body must have arrived, and what is said after them. */
  deadline?: { ms: number; refusal: Refusal }
}

/** What a tap reports: a broken rule (once; true = cut the body), and at the end the captured bytes. */
export interface BodyTapEvents {
  onRefusal: (refusal: Refusal) => boolean
  onCaptured: (body: Buffer) => void
  /** The body was cut and nobody who reads it listens for errors: without this the request would never be answered. */
  onUnheard?: (error: Error) => void
}

/** The longest delay of a Node timer; a longer one would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1

/**
 * A pass-through that counts, times and, if asked, keeps a body's bytes. It is put before whatever reads the body, so
 * its limits hold for parsed and for streamed bodies alike.
 */
export class BodyTap extends Transform {
  /** Fastify compares this with Content-Length. */
  receivedEncodedLength = 0
  readonly #needs: BodyNeeds
  readonly #events: BodyTapEvents
  readonly #chunks: Buffer[] = []
  readonly #told = new Set<Refusal>()
  #source: Readable | undefined
  #capture: boolean
  #pauseTimer: NodeJS.Timeout | undefined
  #deadlineTimer: NodeJS.Timeout | undefined
  #waiting = false

  constructor(needs: BodyNeeds, events: BodyTapEvents) {
    super()
    this.#needs = needs
    this.#events = events
    this.#capture = needs.capture === true
    const { deadline } = needs
    if (deadline !== undefined) this.#deadlineTimer = this.#timer(deadline.ms, () => this.#break(deadline.refusal))
  }

  /** Reads from a body; its errors, and its end before its time, become the tap's. */
  attach(source: Readable): this {
    this.#source = source
    source.on('error', (error: Error) => this.destroy(error))
    source.once('close', () => {
      if (!source.readableEnded) this.destroy()
    })
    return source.pipe(this)
  }

  /** Keeps the bytes after all. To be called before the first of them arrives. */
  capture(): void {
    this.#capture = true
  }

  /** The pause counts only while the reader wants more: a slow upstream is not the client's fault. */
  override _read(size: number): void {
    const { pause } = this.#needs
    if (pause !== undefined && !this.#waiting) {
      this.#waiting = true
      if (this.#pauseTimer === undefined) this.#pauseTimer = this.#timer(pause.ms, () => this.#paused(pause.refusal))
      else this.#pauseTimer.refresh()
    }
    super._read(size)
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#waiting = false
    this.receivedEncodedLength += chunk.length
    const { max } = this.#needs
    if (max !== undefined && this.receivedEncodedLength > max.bytes && this.#break(max.refusal)) {
      done()
      return
    }
    if (this.#capture) this.#chunks.push(chunk)
    done(null, chunk)
  }

  override _flush(done: TransformCallback): void {
    this.#waiting = false
    this.#stop()
    if (this.#capture) this.#events.onCaptured(Buffer.concat(this.#chunks))
    done()
  }

  /** As Node's own request streams do, it keeps an error to itself when nobody listens: that must not end the process. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#stop()
    this.#source?.unpipe(this)
    this.#source?.resume()
    if (error !== null && this.listenerCount('error') === 0) {
      done(null)
      this.#events.onUnheard?.(error)
      return
    }
    done(error)
  }

  /** Reports a broken rule; a rule in monitor mode is reported once and then let be. */
  #break(refusal: Refusal): boolean {
    if (this.#told.has(refusal)) return false
    this.#told.add(refusal)
    const cut = this.#events.onRefusal(refusal)
    if (cut) this.destroy(refusal.toError())
    return cut
  }

  #paused(refusal: Refusal): void {
    if (this.#waiting) this.#break(refusal)
  }

  #timer(ms: number, run: () => void): NodeJS.Timeout {
    return setTimeout(run, Math.min(ms, LONGEST_TIMER))
  }

  #stop(): void {
    clearTimeout(this.#pauseTimer)
    clearTimeout(this.#deadlineTimer)
    this.#pauseTimer = undefined
    this.#deadlineTimer = undefined
  }
}
