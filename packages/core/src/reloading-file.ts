import { readFileSync, type Stats, statSync } from 'node:fs'

/** How a {@link ReloadingFile} reads. */
export interface ReloadingFileOptions {
  /** Most bytes that the file may have. Default 8 MiB. */
  maxBytes?: number
  /** Milliseconds between two looks at the file. Default 1000. */
  interval?: number
  /** Told once per broken version; the value before it stays in force. */
  onError?: (error: Error) => void
  /** Milliseconds of a clock; tests move it. Default the monotonic clock. */
  now?: () => number
}

/**
 * A parsed file that is read again when it changes. There is no watcher and no timer to stop: whoever asks for the
 * value pays, at most once per interval, for one `stat`. That also sees what watchers miss: files replaced by a
 * rename, mounted secrets behind symbolic links, network file systems.
 */
export class ReloadingFile<T> {
  readonly path: string
  readonly #parse: (text: string) => T
  readonly #options: ReloadingFileOptions
  readonly #now: () => number
  #value: T
  #version: string
  #nextLook: number

  /** Reads the file. @throws whatever reading or `parse` throws: a file that is broken at start is a mistake. */
  constructor(path: string, parse: (text: string) => T, options: ReloadingFileOptions = {}) {
    this.path = path
    this.#parse = parse
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#nextLook = this.#now() + this.#interval
    this.#version = versionOf(statSync(path))
    this.#value = this.#read()
  }

  /** The newest value that parsed. */
  get value(): T {
    const now = this.#now()
    if (now >= this.#nextLook) {
      this.#nextLook = now + this.#interval
      this.#look()
    }
    return this.#value
  }

  /** Looks at the file now, whatever the interval. True when a new value is in force. */
  reload(): boolean {
    this.#nextLook = this.#now() + this.#interval
    return this.#look()
  }

  get #interval(): number {
    return this.#options.interval ?? 1000
  }

  #look(): boolean {
    try {
      const version = versionOf(statSync(this.path))
      if (version === this.#version) return false
      // Remembered before parsing, so that a broken version is told of once.
      this.#version = version
      this.#value = this.#read()
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        if (this.#version === 'missing') return false
        this.#version = 'missing'
      }
      this.#options.onError?.(error as Error)
      return false
    }
  }

  #read(): T {
    const limit = this.#options.maxBytes ?? 8 * 1024 * 1024
    const { size } = statSync(this.path)
    if (size > limit) throw new RangeError(`${this.path}: ${size} bytes are more than the ${limit} allowed`)
    return this.#parse(readFileSync(this.path, 'utf8'))
  }
}

function versionOf(stats: Stats): string {
  return `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`
}
