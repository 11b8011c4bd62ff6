import { CLOSE_TIMEOUT, Pause, RETRY, type Sink, type SinkListener, within } from './sink.ts'

/** Brings batches of lines to another machine. */
export interface Transport {
  readonly name: string
  /** Delivers all lines or rejects: then the whole batch is tried again. */
  send: (lines: readonly string[]) => Promise<void>
  close: () => void
}

/** How lines are shipped. */
export interface ShipSinkOptions {
  flushInterval: number
  queueSize: number
  /** Most lines of one batch. */
  batch: number
  onChange?: SinkListener
}

/** Longest pause between two attempts, in milliseconds. */
const LONGEST = 30_000

/**
 * Ships lines to another machine, batch after batch. While that machine does not answer, lines wait in a bounded queue
 * and attempts come ever more rarely, up to every 30 s; lines beyond the queue are dropped and counted.
 */
export class ShipSink implements Sink {
  dropped = 0
  readonly #transport: Transport
  readonly #options: ShipSinkOptions
  readonly #retry = new Pause()
  #queue: string[] = []
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined
  #failures = 0
  #closed = false

  constructor(transport: Transport, options: ShipSinkOptions) {
    this.#transport = transport
    this.#options = options
  }

  get name(): string {
    return this.#transport.name
  }

  get available(): boolean {
    return this.#failures === 0 && this.#queue.length < this.#options.queueSize
  }

  get queued(): number {
    return this.#queue.length
  }

  offer(line: string): boolean {
    if (this.#queue.length >= this.#options.queueSize) {
      this.dropped++
      return false
    }
    this.#queue.push(line)
    if (this.#sending !== undefined) return true
    if (this.#queue.length >= this.#options.batch || this.#closed) this.#start()
    else this.#timer ??= setTimeout(() => this.#start(), this.#options.flushInterval).unref()
    return true
  }

  /** A collector that is away at start is no mistake: lines wait for it. */
  async open(): Promise<void> {}

  async reopen(): Promise<void> {
    this.#retry.end()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#retry.end()
    if (this.#queue.length > 0) this.#start()
    if (this.#sending !== undefined) await within(this.#sending, CLOSE_TIMEOUT)
    clearTimeout(this.#timer)
    this.dropped += this.#queue.length
    this.#queue = []
    this.#transport.close()
  }

  #start(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#sending ??= this.#run().finally(() => {
      this.#sending = undefined
    })
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const lines = this.#queue.slice(0, this.#options.batch)
      try {
        await this.#transport.send(lines)
        this.#queue.splice(0, lines.length)
        if (this.#failures > 0) this.#options.onChange?.(true)
        this.#failures = 0
      } catch (error) {
        if (this.#failures++ === 0) this.#options.onChange?.(false, error as Error)
        if (this.#closed) return
        await this.#retry.wait(Math.min(LONGEST, RETRY * 2 ** Math.min(this.#failures - 1, 10)))
      }
    }
  }
}
