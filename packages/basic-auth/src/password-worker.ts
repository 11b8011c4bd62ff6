import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { costOf } from './htpasswd.ts'

/** Thrown when so many passwords wait to be checked that one more would wait too long. */
export class BusyError extends Error {}

/** bcrypt with cost 10 is one unit (some 70 ms): about two seconds of work may wait. */
const MAX_WAITING = 32

/** What runs in the thread: as text, so that it needs no file beside this one, whatever bundles or compiles it. */
const SOURCE = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { compareSync } = require(workerData)
  parentPort.on('message', ({ id, password, hash }) => {
    parentPort.postMessage({ id, right: compareSync(password, hash) })
  })
`

interface Waiting {
  units: number
  resolve: (right: boolean) => void
  reject: (error: Error) => void
}

/**
 * Checks passwords in one thread of its own: a flood of wrong ones costs that thread, not the event loop, and what
 * does not fit into its queue is told so at once. The thread starts with the first password.
 */
export class PasswordWorker {
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #nextId = 0
  #units = 0
  readonly #maxWaiting: number

  /** @param maxWaiting how much work may wait; bcrypt with cost 10 is 1. */
  constructor(maxWaiting: number = MAX_WAITING) {
    this.#maxWaiting = maxWaiting
  }

  /** Is it the password of the hash? @throws {@link BusyError} when too many wait. */
  compare(password: string, hash: string): Promise<boolean> {
    const units = 2 ** (costOf(hash) - 10)
    if (this.#units > 0 && this.#units + units > this.#maxWaiting) return Promise.reject(new BusyError())
    const worker = this.#running()
    const id = this.#nextId++
    this.#units += units
    worker.ref()
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { units, resolve, reject })
      worker.postMessage({ id, password, hash })
    })
  }

  async close(): Promise<void> {
    await this.#worker?.terminate()
  }

  #running(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const bcrypt = createRequire(import.meta.url).resolve('bcryptjs')
    const worker = new Worker(SOURCE, { eval: true, workerData: bcrypt })
    worker.on('message', ({ id, right }: { id: number; right: boolean }) => this.#settle(id)?.resolve(right))
    worker.on('error', () => undefined)
    worker.on('exit', () => {
      this.#worker = undefined
      for (const id of [...this.#waiting.keys()]) this.#settle(id)?.reject(new Error('the password thread has ended'))
    })
    worker.unref()
    this.#worker = worker
    return worker
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return undefined
    this.#waiting.delete(id)
    this.#units -= waiting.units
    if (this.#waiting.size === 0) this.#worker?.unref()
    return waiting
  }
}
