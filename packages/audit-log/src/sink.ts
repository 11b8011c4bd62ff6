/** Takes lines and brings them somewhere, in batches, off the path of requests. */
export interface Sink {
  readonly name: string
  /** Can it write at present? */
  readonly available: boolean
  /** Lines that were not taken, since the start. */
  readonly dropped: number
  /** Lines that wait. */
  readonly queued: number
  /** Takes a line, newline included; false = it was dropped, there was no room. */
  offer: (line: string) => boolean
  /** First connection or opening. @throws when the sink cannot work. */
  open: () => Promise<void>
  /** Opens files again (SIGHUP). */
  reopen: () => Promise<void>
  /** Brings away what waits, and stops; waits a few seconds at most. */
  close: () => Promise<void>
}

/** Told when a sink stops working and when it works again. */
export type SinkListener = (available: boolean, error?: Error) => void

/** Milliseconds between two attempts of a sink that does not work. */
export const RETRY = 1000
/** Milliseconds that closing may take. */
export const CLOSE_TIMEOUT = 5000

/** A pause that can be cut short. */
export class Pause {
  #wake: (() => void) | undefined

  /** Waits; never keeps the process alive. */
  wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.end(), milliseconds).unref()
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  end(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}

/** Waits for a promise, but not longer than that; true when it settled in time. */
export async function within(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds)
  })
  const settled = await Promise.race([
    promise.then(
      () => true,
      () => true,
    ),
    late,
  ])
  clearTimeout(timer)
  return settled
}
