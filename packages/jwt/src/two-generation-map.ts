/** How much a {@link TwoGenerationMap} holds at most. */
export interface MapBounds {
  entries: number
  /** Characters of all keys together. */
  characters: number
}

/**
 * A bounded map without upkeep on a hit: entries are written into the young half; when it is full it becomes the old
 * half, and what was old is forgotten. What is still asked for moves back into the young half.
 */
export class TwoGenerationMap<Value> {
  readonly #half: MapBounds
  #young = new Map<string, Value>()
  #old = new Map<string, Value>()
  #characters = 0

  constructor(bounds: MapBounds) {
    this.#half = { entries: bounds.entries / 2, characters: bounds.characters / 2 }
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(key: string): Value | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: string, value: Value): void {
    if (this.#young.has(key)) {
      this.#young.set(key, value)
      return
    }
    if (this.#young.size >= this.#half.entries || this.#characters + key.length > this.#half.characters) this.#turn()
    this.#old.delete(key)
    this.#young.set(key, value)
    this.#characters += key.length
  }

  delete(key: string): void {
    if (this.#young.delete(key)) this.#characters -= key.length
    this.#old.delete(key)
  }

  #turn(): void {
    this.#old = this.#young
    this.#young = new Map()
    this.#characters = 0
  }
}
