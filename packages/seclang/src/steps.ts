/** Long work in small steps: all at once, or a little at a time so that others get their turn. */

/** Work that stops after each step. */
export type Steps<T> = Generator<void, T>

/** Milliseconds of work between two turns of the event loop. */
const SLICE = 5

/** Does the work at once. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

/**
 * Does the work a few milliseconds at a time; between them the event loop goes round. No stretch is longer than that and
 * one step.
 * @throws the signal's reason when it is aborted, and whatever the work throws
 */
export async function pace<T>(steps: Steps<T>, signal?: AbortSignal): Promise<T> {
  for (;;) {
    signal?.throwIfAborted()
    const until = performance.now() + SLICE
    do {
      const { done, value } = steps.next()
      if (done === true) return value
    } while (performance.now() < until)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
