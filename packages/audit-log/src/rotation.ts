import { readdir, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { duration, size } from '@portcullis/core'
import type { RotateConfig } from './config.ts'
import type { LogFile } from './log-file.ts'

/** Old files: the name, the moment, and a number where that exists already. */
const SUFFIX = /^\.\d{8}T\d{9}Z(?:-\d+)?$/

/** Milliseconds until renaming is tried again where it failed. */
const PATIENCE = 60_000

/** When a log file is put aside under another name, and which of those are removed. */
export class Rotation {
  readonly #size: number
  readonly #interval: number
  readonly #keep: number
  readonly #now: () => number
  #period: number
  #notBefore = 0

  /** @param now milliseconds since 1970; tests move it. */
  constructor(config: RotateConfig | undefined, now: () => number = Date.now) {
    this.#size = size(config?.size) ?? Number.POSITIVE_INFINITY
    this.#interval = duration(config?.interval) ?? Number.POSITIVE_INFINITY
    this.#keep = config?.keep ?? 10
    this.#now = now
    this.#period = this.#periodOf(now())
  }

  /** A file was opened: what it holds may be of an earlier period. */
  opened(file: LogFile): void {
    this.#period = this.#periodOf(file.writtenAt === 0 ? this.#now() : file.writtenAt)
  }

  /** Must the file be put aside before anything more is written? */
  isDue(file: LogFile): boolean {
    if (file.size === 0) {
      this.#period = this.#periodOf(this.#now())
      return false
    }
    if (this.#now() < this.#notBefore) return false
    return file.size >= this.#size || this.#periodOf(this.#now()) !== this.#period
  }

  /** Bytes that may still be written before the file has its size. */
  room(file: LogFile): number {
    return this.#now() < this.#notBefore ? Number.POSITIVE_INFINITY : this.#size - file.size
  }

  /**
   * Renames the file, and removes the oldest ones beyond those to keep. Where renaming is not allowed the file goes on
   * for a minute: a log that grows is better than none.
   *
   * @returns the error, if renaming failed.
   */
  async putAside(path: string): Promise<Error | undefined> {
    try {
      await this.#rename(path)
      return undefined
    } catch (error) {
      this.#notBefore = this.#now() + PATIENCE
      return error as Error
    }
  }

  async #rename(path: string): Promise<void> {
    const moment = new Date(this.#now()).toISOString().replace(/[-:.]/g, '')
    let target = `${path}.${moment}`
    for (let n = 1; await exists(target); n++) target = `${path}.${moment}-${n}`
    await rename(path, target)
    await this.#removeOld(path)
  }

  async #removeOld(path: string): Promise<void> {
    const base = basename(path)
    const names = await readdir(dirname(path))
    const old = names.filter((name) => name.startsWith(base) && SUFFIX.test(name.slice(base.length)))
    old.sort(byAge)
    for (const name of old.slice(0, Math.max(0, old.length - this.#keep))) {
      await unlink(join(dirname(path), name)).catch(() => undefined)
    }
  }

  #periodOf(time: number): number {
    return this.#interval === Number.POSITIVE_INFINITY ? 0 : Math.floor(time / this.#interval)
  }
}

/** Oldest first; the numbers of one moment as numbers. */
function byAge(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
