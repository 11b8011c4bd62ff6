import type { RotateConfig } from './config.ts'
import { LogFile } from './log-file.ts'
import { Rotation } from './rotation.ts'

/** Where lines go. */
interface LogTargetOptions {
  /** Absolute, or `stdout`. */
  path: string
  /** Permissions of new files. */
  mode: number
  rotate?: RotateConfig | undefined
  /** Told of a file that cannot be put aside: it goes on. */
  onNotice?: (error: Error) => void
}

/** Milliseconds between two looks whether the file was renamed under us. */
const LOOK = 1000

/** The file that stands at a path: opened when it is needed, put aside when that is due, opened again when it moved. */
export class LogTarget {
  /** The open file. */
  file: LogFile | undefined
  /** Open the path again before the next line. */
  reopen = false
  readonly #options: LogTargetOptions
  readonly #rotation: Rotation
  #nextLook = 0

  constructor(options: LogTargetOptions) {
    this.#options = options
    this.#rotation = new Rotation(options.rotate)
  }

  /** The file that lines go to now: opened, put aside or opened again as is due. */
  async current(): Promise<LogFile> {
    const { path, mode } = this.#options
    if (path === 'stdout') {
      this.reopen = false
      this.file ??= LogFile.standardOutput()
      return this.file
    }
    if (this.file !== undefined && !(await this.#isCurrent())) this.reopen = true
    if (this.reopen) {
      this.reopen = false
      await this.abandon()
    }
    if (this.file !== undefined && this.#rotation.isDue(this.file)) {
      const error = (await this.file.isCurrent()) ? await this.#rotation.putAside(path) : undefined
      if (error !== undefined) this.#options.onNotice?.(error)
      await this.abandon()
      return this.current()
    }
    if (this.file === undefined) {
      this.file = await LogFile.open(path, mode)
      this.#rotation.opened(this.file)
      if (this.#rotation.isDue(this.file)) return this.current()
    }
    return this.file
  }

  async #isCurrent(): Promise<boolean> {
    const now = performance.now()
    if (now < this.#nextLook) return true
    this.#nextLook = now + LOOK
    return this.file!.isCurrent()
  }

  /** Closes the file; the next asks for it anew. */
  async abandon(): Promise<void> {
    const file = this.file
    this.file = undefined
    await file?.close()
  }

  /** As many whole lines as the file has room for, at least one. */
  fitting(file: LogFile, text: string): string {
    const room = this.#rotation.room(file)
    if (text.length <= room) return text
    const end = text.lastIndexOf('\n', room - 1)
    if (end !== -1) return text.slice(0, end + 1)
    if (file.size === 0) return text.slice(0, text.indexOf('\n') + 1)
    // Not one line fits: the file counts as full, and is put aside before the next attempt.
    file.size = Number.POSITIVE_INFINITY
    return ''
  }
}
