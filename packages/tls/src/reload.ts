import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { SecureContextOptions, Server } from 'node:tls'
import type { FastifyBaseLogger } from 'fastify'
import type { KeyRing } from './key-ring.ts'
import { readTicketKeys } from './server-options.ts'

/** Milliseconds between two looks at the files. */
const LOOK = 1000

/** What is reloaded. */
export interface ReloaderOptions {
  ring: KeyRing
  /** The server whose default context follows the first pair. */
  server: Server
  shared: SecureContextOptions
  ticketKeysFile?: string
  /** Are these settings still the server's? Not when a newer app has taken their place. */
  inForce?: () => boolean
  log: FastifyBaseLogger
}

/**
 * Replaces certificates and ticket keys while the server runs. Connections keep what they were made with; new ones get
 * the new pair. A pair that is broken, or half written, changes nothing and is logged.
 */
export class Reloader {
  readonly #options: ReloaderOptions
  readonly #files: string[]
  #version: string
  #timer: NodeJS.Timeout | undefined

  constructor(options: ReloaderOptions) {
    this.#options = options
    const files = [...options.ring.files, ...(options.ticketKeysFile === undefined ? [] : [options.ticketKeysFile])]
    this.#files = files.map((file) => resolve(options.ring.baseDir, file))
    this.#version = this.#look()
  }

  /** Looks at the files once a second: that also sees mounted secrets and files replaced by a rename. */
  start(): void {
    this.#timer = setInterval(() => {
      if (this.#look() !== this.#version) this.reload()
    }, LOOK)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Reads the files again. True when they are in force. */
  reload(): boolean {
    this.#version = this.#look()
    const { ring, server, shared, ticketKeysFile, inForce, log } = this.#options
    const issues = ring.reload()
    if (issues.length > 0) {
      log.error({ issues }, 'certificates could not be reloaded, the old ones stay')
      return false
    }
    if (inForce?.() === false) return true
    const { cert, key } = ring.first
    server.setSecureContext({ ...shared, cert, key })
    if (ticketKeysFile !== undefined) this.#setTicketKeys(readTicketKeys(ticketKeysFile, ring.baseDir))
    log.info({ names: ring.names }, 'certificates reloaded')
    return true
  }

  #setTicketKeys(keys: Buffer): void {
    if (keys.length === 48) this.#options.server.setTicketKeys(keys)
    else this.#options.log.error({ bytes: keys.length }, 'ticket keys need 48 bytes, the old ones stay')
  }

  #look(): string {
    return this.#files.map(version).join(' ')
  }
}

function version(file: string): string {
  try {
    const { mtimeMs, ino, size } = statSync(file)
    return `${mtimeMs}-${ino}-${size}`
  } catch {
    return 'missing'
  }
}
