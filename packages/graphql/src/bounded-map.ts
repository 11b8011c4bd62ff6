/** A map that forgets what was not used for longest, by number of entries and by their sizes. */
export class BoundedMap<Value> {
  readonly #entries = new Map<string, { value: Value; size: number }>()
  readonly #maxEntries: number
  readonly #maxSize: number
  #size = 0

  /** @param maxSize most of all sizes together, in the unit that `set` is given. */
  constructor(maxEntries: number, maxSize: number) {
    this.#maxEntries = maxEntries
    this.#maxSize = maxSize
  }

  get count(): number {
    return this.#entries.size
  }

  get size(): number {
    return this.#size
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.value
  }

  /** Keeps a value; one that is larger than everything may be is not kept. */
  set(key: string, value: Value, size: number): void {
    this.delete(key)
    if (size > this.#maxSize) return
    this.#entries.set(key, { value, size })
    this.#size += size
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries && this.#size <= this.#maxSize) break
      this.delete(oldest)
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#size -= entry.size
  }
}
