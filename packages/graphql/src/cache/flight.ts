/** How long a request waits at most for another one that asks the same. */
const LONGEST_WAIT = 5000

interface Flight {
  landed: Promise<boolean>
  land: (stored: boolean) => void
}

/** Of requests that ask the same at the same time one goes to the server; the others wait for its response. */
export class Flights {
  readonly #open = new Map<string, Flight>()

  get count(): number {
    return this.#open.size
  }

  /** Waits for the request that left first; true when its response was stored. Undefined: nobody left, go yourself. */
  wait(key: string): Promise<boolean> | undefined {
    return this.#open.get(key)?.landed
  }

  /** Leaves. The returned function is called once it is known whether the response was stored, any number of times. */
  leave(key: string): (stored: boolean) => void {
    let resolve: (stored: boolean) => void = () => undefined
    const landed = new Promise<boolean>((done) => {
      resolve = done
    })
    const timer = setTimeout(() => flight.land(false), LONGEST_WAIT)
    timer.unref()
    const flight: Flight = {
      landed,
      land: (stored) => {
        clearTimeout(timer)
        if (this.#open.get(key) === flight) this.#open.delete(key)
        resolve(stored)
      },
    }
    this.#open.set(key, flight)
    return flight.land
  }
}
