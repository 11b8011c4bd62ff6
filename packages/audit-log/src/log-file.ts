import { close, constants, fstat, fstatSync, open, type Stats, stat, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import sonicBoom from 'sonic-boom'

const { SonicBoom } = sonicBoom
const openFile = promisify(open)
const closeFile = promisify(close)
const statFile = promisify(stat)
const statDescriptor = promisify(fstat)

// Without O_NONBLOCK, opening a named pipe that nobody reads would hang.
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK

/** One open file (or standard output), written through SonicBoom: one write at a time, each of them whole. */
export class LogFile {
  readonly path: string
  readonly fd: number
  /** Bytes in the file, as far as we know. */
  size: number
  /** When it was last written before we opened it, milliseconds since 1970; 0 for a new file. */
  readonly writtenAt: number
  readonly #stats: Stats | undefined
  readonly #sonic: InstanceType<typeof SonicBoom>

  private constructor(path: string, fd: number, stats: Stats | undefined) {
    this.path = path
    this.fd = fd
    this.#stats = stats
    this.size = stats?.size ?? 0
    this.writtenAt = stats === undefined || stats.size === 0 ? 0 : stats.mtimeMs
    this.#sonic = new SonicBoom({ fd, minLength: 0, sync: false, contentMode: 'buffer' })
    this.#sonic.on('error', () => undefined)
  }

  /**
   * Opens for appending; a new file gets these permissions.
   *
   * @throws what opening throws: no folder, no permission, a pipe without a reader.
   */
  static async open(path: string, mode: number): Promise<LogFile> {
    const fd = await openFile(path, FLAGS, mode)
    const stats = await statDescriptor(fd)
    if (stats.isDirectory()) {
      await closeFile(fd)
      throw new Error(`${path} is a folder`)
    }
    return new LogFile(path, fd, stats)
  }

  static standardOutput(): LogFile {
    return new LogFile('stdout', 1, undefined)
  }

  /** Appends a text of ASCII characters. After a rejection the rest of it is still to be written: see {@link retry}. */
  async write(text: string): Promise<void> {
    // ASCII alone, so one byte a character: much cheaper than encoding it as UTF-8.
    const bytes = Buffer.from(text, 'latin1')
    await this.#settled(() => this.#sonic.write(bytes as unknown as string))
    this.size += text.length
  }

  /** Writes what a rejected {@link write} left. */
  async retry(length: number): Promise<void> {
    await this.#settled(() => this.#sonic.flush())
    this.size += length
  }

  /** Bytes of an unfinished {@link write} that are in the file already; all of them where that cannot be known. */
  growth(): number {
    if (this.#stats?.isFile() !== true) return Number.POSITIVE_INFINITY
    return Math.max(0, fstatSync(this.fd).size - this.size)
  }

  /** Writes at once, for a process that ends; what cannot be written is lost. */
  writeNow(text: string): void {
    let bytes = Buffer.from(text, 'latin1')
    try {
      while (bytes.length > 0) bytes = bytes.subarray(writeSync(this.fd, bytes))
    } catch {
      // There is nobody left to tell.
    }
  }

  /** Is the path still this very file? False when it was renamed, removed or replaced. */
  async isCurrent(): Promise<boolean> {
    if (this.#stats === undefined || !this.#stats.isFile()) return true
    try {
      const { dev, ino } = await statFile(this.path)
      return dev === this.#stats.dev && ino === this.#stats.ino
    } catch {
      return false
    }
  }

  /** Closes it; what waits after a rejected write is lost. */
  async close(): Promise<void> {
    if (this.fd === 1) return
    await new Promise<void>((resolve) => {
      this.#sonic.once('close', resolve)
      this.#sonic.once('error', () => resolve())
      this.#sonic.destroy()
    })
  }

  #settled(act: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const clean = (): void => {
        this.#sonic.removeListener('drain', onDrain)
        this.#sonic.removeListener('error', onError)
      }
      const onDrain = (): void => {
        clean()
        resolve()
      }
      const onError = (error: Error): void => {
        clean()
        reject(error)
      }
      this.#sonic.once('drain', onDrain)
      this.#sonic.once('error', onError)
      act()
    })
  }
}
