import { Transform, type TransformCallback } from 'node:stream'
import type { Refusal } from './refusal.ts'

/** What components need of a request's body while it arrives. */
export interface BodyNeeds {
  /** Keep the bytes: something inspects them before they are forwarded. */
  capture?: boolean
  /** Largest body in bytes, counted as it arrives, and what is said beyond it. */
  max?: { bytes: number; refusal: Refusal }
  /** Longest pause between two reads in milliseconds, and what is said after it. */
  pause?: { ms: number; refusal: Refusal }
}

/** What a tap reports: a broken rule (once; true = cut the body), and at the end the captured bytes. */
export interface BodyTapEvents {
  onRefusal: (refusal: Refusal) => boolean
  onCaptured: (body: Buffer) => void
}

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
  #timer: NodeJS.Timeout | undefined
  #waiting = false

  constructor(needs: BodyNeeds, events: BodyTapEvents) {
    super()
    this.#needs = needs
    this.#events = events
  }

  /** The pause counts only while the reader wants more: a slow upstream is not the client's fault. */
  override _read(size: number): void {
    const { pause } = this.#needs
    if (pause !== undefined && !this.#waiting) {
      this.#waiting = true
      if (this.#timer === undefined) this.#timer = setTimeout(() => this.#paused(pause.refusal), pause.ms)
      else this.#timer.refresh()
    }
    super._read(size)
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#waiting = false
    this.receivedEncodedLength += chunk.length
    const { max, capture } = this.#needs
    if (max !== undefined && this.receivedEncodedLength > max.bytes && this.#break(max.refusal)) {
      done()
      return
    }
    if (capture === true) this.#chunks.push(chunk)
    done(null, chunk)
  }

  override _flush(done: TransformCallback): void {
    this.#waiting = false
    this.#stop()
    if (this.#needs.capture === true) this.#events.onCaptured(Buffer.concat(this.#chunks))
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#stop()
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

  #stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
