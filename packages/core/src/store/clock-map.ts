/** What a {@link ClockMap} must know of an entry to choose which one goes. */
export interface ClockEntry {
  /** When it is worth nothing any more. */
  expires: number
  /** Used since the hand last came by; whoever uses an entry sets it. */
  used: boolean
  /** Holds a ban: goes only when it has expired, or when nothing else is left. */
  pinned: boolean
}

/** How many entries one insertion may look at: bounds its time, not only its space. */
const REACH = 64
/** How many entries each insertion tidies in passing, so that what has expired does not stay for ever. */
const TIDY = 2

/**
 * A bounded map with the CLOCK eviction: a hand goes round; an entry used since its last visit gets a second chance,
 * so a hit costs one flag instead of a reordering. A flood of new keys cannot push out a ban.
 */
export class ClockMap<Entry extends ClockEntry> {
  readonly #entries = new Map<string, Entry>()
  readonly #max: number
  #hand: Iterator<[string, Entry]>

  /** @param max most entries held. */
  constructor(max: number) {
    this.#max = max
    this.#hand = this.#entries.entries()
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }

  /** Adds or replaces an entry; when the map is full another one goes. */
  set(key: string, entry: Entry, now: number): void {
    if (!this.#entries.has(key)) {
      for (let i = 0; i < TIDY; i++) this.#visit(now, false)
      if (this.#entries.size >= this.#max) this.#evict(now)
    }
    this.#entries.set(key, entry)
  }

  #evict(now: number): void {
    for (let looked = 0; looked < REACH; looked++) if (this.#visit(now, true)) return
    const next = this.#next()
    if (next !== undefined) this.#entries.delete(next[0])
  }

  /** Moves the hand by one entry. @returns whether the entry went. */
  #visit(now: number, evicting: boolean): boolean {
    const next = this.#next()
    if (next === undefined) return false
    const [key, entry] = next
    if (entry.expires > now) {
      if (!evicting || entry.pinned) return false
      if (entry.used) {
        entry.used = false
        return false
      }
    }
    this.#entries.delete(key)
    return true
  }

  /** The iterator lives as long as one round: a new one for each look would skip every deleted slot again. */
  #next(): [string, Entry] | undefined {
    let next = this.#hand.next()
    if (next.done === true) {
      this.#hand = this.#entries.entries()
      next = this.#hand.next()
    }
    return next.done === true ? undefined : next.value
  }
}
