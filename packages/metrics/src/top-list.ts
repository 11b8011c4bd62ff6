/** One entry of a list. */
export interface TopEntry {
  name: string
  count: number
}

/**
 * The most frequent names of a stream in memory of a fixed size (the algorithm Space-Saving): a new name takes the place
 * of the rarest and inherits its count, so that counts are never too low, and too high by that much at most.
 */
export class TopList {
  readonly #size: number
  readonly #counts = new Map<string, number>()

  constructor(size: number) {
    this.#size = size
  }

  add(name: string): void {
    const count = this.#counts.get(name)
    if (count !== undefined || this.#counts.size < this.#size) {
      this.#counts.set(name, (count ?? 0) + 1)
      return
    }
    let rarest = ''
    let fewest = Number.POSITIVE_INFINITY
    for (const [candidate, seen] of this.#counts) {
      if (seen < fewest) {
        fewest = seen
        rarest = candidate
      }
    }
    this.#counts.delete(rarest)
    this.#counts.set(name, fewest + 1)
  }

  /** The most frequent names, most frequent first. */
  top(most: number): TopEntry[] {
    return [...this.#counts]
      .sort((a, b) => b[1] - a[1])
      .slice(0, most)
      .map(([name, count]) => ({ name, count }))
  }
}
