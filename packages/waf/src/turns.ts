/** Tasks one after the other, so that several together take no more of the event loop than one. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs a task when those before it have ended, however they did. */
  take<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#last.then(task, task)
    this.#last = done.catch(() => undefined)
    return done
  }
}
