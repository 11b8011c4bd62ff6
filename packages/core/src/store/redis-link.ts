import type { RedisClient } from './redis-client.ts'
import { StoreUnavailableError } from './store.ts'

/** How a {@link RedisLink} watches its client. */
export interface LinkOptions {
  /** Milliseconds that one operation may take. */
  timeoutMs: number
  /** A write that shows whether the store can do its work again. */
  probe: (client: RedisClient) => Promise<unknown>
  /** Told when the store goes and when it is back, with a reason that names no address. */
  onChange: (available: boolean, reason: string) => void
}

/** So many error replies in a row, and the store counts as down. */
const FAILURES = 3
const PROBE_EVERY_MS = 250

/**
 * Stands between the store and its client: every operation ends in time, every failure is a
 * {@link StoreUnavailableError}, and a store that fails is not asked again until a probe in the background succeeds,
 * so that it costs no request its waiting time.
 */
export class RedisLink {
  readonly #options: LinkOptions
  #client: RedisClient | undefined
  #failures = 0
  #latency = 0
  #down = false
  #probe: NodeJS.Timeout | undefined
  #closed = false
  readonly #onError = (error: Error): void => this.#fail(reasonOf(error), true)
  readonly #onClose = (): void => this.#fail('lost its connection', true)

  constructor(options: LinkOptions) {
    this.#options = options
  }

  /** The client to use from now on. */
  attach(client: RedisClient): void {
    this.#client = client
    client.on('error', this.#onError)
    client.on('close', this.#onClose)
    client.on('ready', this.#startProbing)
    if (client.status === 'ready') this.#startProbing()
  }

  /** Would an operation be sent? */
  get available(): boolean {
    return !this.#down && this.#client?.status === 'ready'
  }

  /** Milliseconds that an operation takes, the recent ones weighing most; 0 before the first. */
  get latency(): number {
    return this.#latency
  }

  /** Runs an operation, unless the store is known to be down. */
  run<T>(operation: (client: RedisClient) => Promise<T>): Promise<T> {
    const client = this.#client
    if (client === undefined || this.#down || client.status !== 'ready') {
      if (!this.#down) this.#fail('is not connected', true)
      return Promise.reject(new StoreUnavailableError('the shared store is not available'))
    }
    const started = performance.now()
    return this.#inTime(client, operation).then(
      (value) => {
        this.#failures = 0
        const took = performance.now() - started
        this.#latency = this.#latency === 0 ? took : this.#latency + (took - this.#latency) / 16
        return value
      },
      (error: unknown) => {
        const late = error instanceof Late
        const reason = late ? 'does not answer in time' : reasonOf(error)
        // One wait is enough: a request with three limits must not wait three times. The probe starts at once, so a
        // short stall costs no more than that.
        this.#fail(reason, late)
        throw new StoreUnavailableError(`the shared store ${reason}`)
      },
    )
  }

  close(owned: boolean): void {
    this.#closed = true
    clearTimeout(this.#probe)
    const client = this.#client
    if (client === undefined) return
    client.off('close', this.#onClose)
    client.off('ready', this.#startProbing)
    if (owned) client.disconnect()
    else client.off('error', this.#onError)
  }

  #inTime<T>(client: RedisClient, operation: (client: RedisClient) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      // Timers run before the sockets are read: after a long pause of this process the answer may be there already.
      const late = (): void => void setImmediate(() => reject(new Late()))
      const timer = setTimeout(late, this.#options.timeoutMs)
      operation(client).then(
        (value) => {
          clearTimeout(timer)
          resolve(value)
        },
        (error: unknown) => {
          clearTimeout(timer)
          reject(error)
        },
      )
    })
  }

  #fail(reason: string, certain: boolean): void {
    this.#failures++
    if (this.#closed || this.#down || !(certain || this.#failures >= FAILURES)) return
    this.#down = true
    this.#options.onChange(false, reason)
    this.#startProbing()
  }

  readonly #startProbing = (): void => {
    clearTimeout(this.#probe)
    if (this.#closed) return
    const client = this.#client
    const again = (): void => {
      clearTimeout(this.#probe)
      if (!this.#closed) this.#probe = setTimeout(this.#startProbing, PROBE_EVERY_MS).unref()
    }
    if (client === undefined || client.status !== 'ready') again()
    else this.#inTime(client, this.#options.probe).then(() => this.#recovered(), again)
  }

  #recovered(): void {
    this.#failures = 0
    if (!this.#down || this.#closed) return
    this.#down = false
    this.#options.onChange(true, 'answers again')
  }
}

class Late extends Error {}

const REASONS: readonly [start: string, reason: string][] = [
  ['READONLY', 'is read-only'],
  ['OOM', 'is out of memory'],
  ['MISCONF', 'cannot persist and refuses writes'],
  ['NOAUTH', 'wants a password'],
  ['WRONGPASS', 'does not take the password'],
  ['NOPERM', 'does not allow the commands that are needed'],
  ['LOADING', 'is still loading'],
  ['CLUSTERDOWN', 'is a cluster that is down'],
  ['MASTERDOWN', 'has lost its master'],
]

/** A failure in words that hold no address, user or key. */
function reasonOf(error: unknown): string {
  const { message = '', code = '' } = error as { message?: string; code?: string }
  const known = REASONS.find(([start]) => message.startsWith(start))
  if (known !== undefined) return known[1]
  if (/invalid password/i.test(message)) return 'does not take the password'
  if (/^[A-Z_]{3,40}$/.test(code)) return `cannot be reached (${code})`
  return 'has failed'
}
