/** A map that holds at most so many entries; the least recently used goes first. */
export class LruCache<Value> {
  readonly #entries = new Map<string, Value>()
  readonly #max: number

  /** @param max most entries held, at least 1. */
  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#entries.size
  }

  /** A Map keeps the order of insertion: putting an entry again makes it the youngest. */
  get(key: string): Value | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, value)
    return value
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key)
    if (this.#entries.size >= this.#max) this.#entries.delete(this.#entries.keys().next().value as string)
    this.#entries.set(key, value)
  }
}
