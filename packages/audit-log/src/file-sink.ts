import type { RotateConfig } from './config.ts'
import type { LogFile } from './log-file.ts'
import { LogTarget } from './log-target.ts'
import { CLOSE_TIMEOUT, Pause, RETRY, type Sink, type SinkListener, within } from './sink.ts'

/** How a file is written. */
export interface FileSinkOptions {
  /** Absolute, or `stdout`. */
  path: string
  /** Permissions of new files. */
  mode: number
  rotate?: RotateConfig | undefined
  /** Milliseconds that a line waits at most. */
  flushInterval: number
  /** Most lines that wait. */
  queueSize: number
  onChange?: SinkListener
  /** Told of what does not keep lines from being written: a file that cannot be put aside. */
  onNotice?: (error: Error) => void
}

/** Characters that are written without waiting for the interval. */
const BATCH = 64 * 1024
/** Milliseconds after which a write that does not end (a dead network share) counts as a failure. */
const STALLED = 5000

/**
 * Appends lines to a file. They gather in one string; a batch is written when it is large or old enough, one at a time.
 * A failed write is tried again every second, and its lines wait: nothing that was taken is lost while it fits the queue.
 */
export class FileSink implements Sink {
  readonly name: string
  dropped = 0
  readonly #options: FileSinkOptions
  readonly #target: LogTarget
  readonly #retry = new Pause()
  #pending = ''
  #lines = 0
  #inFlight = 0
  /** What is left of the batch that is being written. */
  #rest = ''
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined
  #writeBegan = 0
  #broken = false
  #closed = false

  constructor(options: FileSinkOptions) {
    this.#options = options
    this.name = options.path
    this.#target = new LogTarget(options)
  }

  get available(): boolean {
    if (this.#broken || this.queued >= this.#options.queueSize) return false
    return this.#writeBegan === 0 || performance.now() - this.#writeBegan < STALLED
  }

  get queued(): number {
    return this.#lines + this.#inFlight
  }

  offer(line: string): boolean {
    if (this.#lines + this.#inFlight >= this.#options.queueSize) {
      this.dropped++
      return false
    }
    this.#pending += line
    this.#lines++
    if (this.#writing !== undefined) return true
    if (this.#pending.length >= BATCH || this.#options.flushInterval === 0 || this.#closed) this.#start()
    else this.#timer ??= setTimeout(this.#onTimer, this.#options.flushInterval).unref()
    return true
  }

  async open(): Promise<void> {
    process.on('exit', this.#onExit)
    try {
      await this.#target.current()
    } catch (error) {
      this.#fail(error as Error)
      this.#start()
      throw error
    }
  }

  /** Opens the path again: it may have been renamed. Lines that wait go to the new file. */
  async reopen(): Promise<void> {
    this.#target.reopen = true
    const end = performance.now() + CLOSE_TIMEOUT
    // A run that was ending does not see the wish any more: the next one does.
    while (this.#target.reopen && performance.now() < end) {
      this.#retry.end()
      this.#start()
      await within(this.#writing!, end - performance.now())
    }
    if (this.#target.reopen || this.#broken) throw new Error(`the audit log cannot be opened: ${this.#options.path}`)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#retry.end()
    if (this.#lines > 0) this.#start()
    const done = this.#writing === undefined || (await within(this.#writing, CLOSE_TIMEOUT))
    process.off('exit', this.#onExit)
    if (done) await this.#target.abandon()
    else this.dropped += this.queued
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined
    this.#start()
  }

  /** The process ends without having closed us (an uncaught exception, `process.exit`): what waits goes out at once. */
  readonly #onExit = (): void => {
    const { file } = this.#target
    if (file === undefined) return
    const begun = this.#writeBegan === 0 ? 0 : file.growth()
    file.writeNow(this.#rest.slice(begun) + this.#pending)
    this.#rest = ''
    this.#pending = ''
  }

  #start(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing ??= this.#run().finally(() => {
      this.#writing = undefined
      if (this.#closed) void this.#target.abandon()
      else if (this.#lines > 0) this.#timer = setTimeout(this.#onTimer, this.#options.flushInterval).unref()
    })
  }

  /** Writes batch after batch until little is left. */
  async #run(): Promise<void> {
    do {
      const batch = this.#pending
      this.#inFlight = this.#lines
      this.#pending = ''
      this.#lines = 0
      await this.#deliver(batch)
      this.#inFlight = 0
    } while (this.#pending.length >= BATCH || this.#target.reopen || (this.#closed && this.#lines > 0))
  }

  /** Writes one batch, in parts where the file is put aside in between; tries until it is done. */
  async #deliver(batch: string): Promise<void> {
    this.#rest = batch
    while (this.#rest !== '' || this.#target.reopen || this.#broken) {
      try {
        const file = await this.#target.current()
        const part = this.#target.fitting(file, this.#rest)
        if (part !== '') await this.#write(file, part)
        this.#rest = this.#rest.slice(part.length)
        if (this.#broken) this.#recover()
      } catch (error) {
        this.#fail(error as Error)
        if (this.#closed) {
          this.dropped += countLines(this.#rest)
          this.#rest = ''
          return
        }
        await this.#retry.wait(RETRY)
      }
    }
  }

  async #write(file: LogFile, part: string): Promise<void> {
    this.#writeBegan = performance.now()
    try {
      for (let attempt = 0; ; attempt++) {
        try {
          await (attempt === 0 ? file.write(part) : file.retry(part.length))
          return
        } catch (error) {
          // The rest of the part waits in the file's own buffer: it must be written before anything else.
          this.#fail(error as Error)
          if (this.#closed || this.#target.reopen) {
            await this.#target.abandon()
            throw error
          }
          await this.#retry.wait(RETRY)
        }
      }
    } finally {
      this.#writeBegan = 0
    }
  }

  #fail(error: Error): void {
    if (this.#broken) return
    this.#broken = true
    this.#options.onChange?.(false, error)
  }

  #recover(): void {
    this.#broken = false
    this.#options.onChange?.(true)
  }
}

function countLines(text: string): number {
  let count = 0
  for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) count++
  return count
}
