/** A record of a collection as a shared store keeps it: its values in one piece, its counts each under a key of its own. */
import { createHash } from 'node:crypto'
import { applyChange, type StoredChange } from '@portcullis/seclang'

/** What stands under a record's key: everything but the counts. */
export interface Kept {
  values: Record<string, string>
  /** Milliseconds since 1970 by name, of counts too. */
  expires: Record<string, number>
  /**
   * Names of the values that are counted, with the generation that is part of their keys: 0, or when the count before
   * it lapsed. So gateways that find a count lapsed begin the next one together, and none deletes what another has counted.
   */
  counters: Record<string, number>
  /** Counts that have lapsed, and when: the next generation. */
  lapsed: Record<string, number>
  created: number
  updated: number
  updates: number
}

/** Most values in one record; further ones are not stored. */
const MAX_VALUES = 256
/** Milliseconds for which a lapsed count is remembered: longer than clocks and requests are apart. */
const REMEMBERED = 60_000

/** A record with nothing in it. */
export function emptyKept(now: number): Kept {
  return {
    values: bare(),
    expires: bare(),
    counters: bare(),
    lapsed: bare(),
    created: now,
    updated: now,
    updates: 0,
  }
}

/** Reads a record; undefined when there is none, or something that is no record. */
export function parseKept(text: string | undefined): Kept | undefined {
  if (text === undefined) return undefined
  try {
    const { values, expires, counters, lapsed, created, updated, updates } = JSON.parse(text) as Kept
    const kept = { ...emptyKept(created), updated, updates }
    for (const [part, from] of Object.entries({ values, expires, counters, lapsed })) {
      Object.assign(kept[part as 'values'], from)
    }
    return kept
  } catch {
    return undefined
  }
}

/** Members may have any name, `__proto__` too. */
function bare<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>
}

/** Has a value's time come? */
export function hasLapsed(kept: Kept, name: string, now: number): boolean {
  return (kept.expires[name] ?? Number.POSITIVE_INFINITY) <= now
}

/** The additions to one value, by all who wait for them. */
export interface Addition {
  readonly generation: number
  /** What the value was before it was counted. */
  readonly start: number
  /** The sum of all of them. */
  delta: number
}

/** One of them. */
export interface Added {
  readonly addition: Addition
  /** The sum as far as this one. */
  readonly sum: number
}

/** Changes on their way into a record: what they do to the store besides the record itself. */
export class RecordUpdate {
  readonly kept: Kept
  /** Additions by name. */
  readonly additions: Map<string, Addition> = new Map()
  /** Counts that are no more: name and generation. */
  readonly dropped: [name: string, generation: number][] = []

  /** @param now milliseconds since 1970. */
  constructor(kept: Kept, now: number) {
    this.kept = kept
    this.#dropLapsed(now)
  }

  /**
   * Makes one change.
   *
   * @returns for an addition what was added to the value so far, undefined when there is no room for it.
   */
  apply(change: StoredChange): Added | undefined {
    const { name } = change
    if (change.kind === 'add') return this.#add(name, change.delta)
    if (change.kind !== 'expire') this.#dropCounter(name)
    if (change.kind !== 'set' || this.#hasRoom(name)) applyChange(this.kept, change)
    return undefined
  }

  #add(name: string, delta: number): Added | undefined {
    const { counters, values, lapsed } = this.kept
    let addition = this.additions.get(name)
    if (addition === undefined) {
      let start = 0
      if (!(name in counters)) {
        if (!this.#hasRoom(name)) return undefined
        // A value that was set before it is counted on goes into the counter.
        start = Number.parseInt(values[name] ?? '0', 10) || 0
        delete values[name]
        counters[name] = lapsed[name] ?? 0
        delete lapsed[name]
      }
      addition = { generation: counters[name]!, start, delta: 0 }
      this.additions.set(name, addition)
    }
    addition.delta += delta
    return { addition, sum: addition.delta }
  }

  #dropCounter(name: string): void {
    const { counters } = this.kept
    if (name in counters) this.dropped.push([name, counters[name]!])
    delete counters[name]
    this.additions.delete(name)
  }

  #dropLapsed(now: number): void {
    const { values, expires, lapsed } = this.kept
    for (const [name, at] of Object.entries(lapsed)) if (at + REMEMBERED < now) delete lapsed[name]
    for (const name of Object.keys(expires)) {
      if (!hasLapsed(this.kept, name, now)) continue
      if (name in this.kept.counters) lapsed[name] = expires[name]!
      this.#dropCounter(name)
      delete expires[name]
      delete values[name]
    }
  }

  #hasRoom(name: string): boolean {
    const { values, counters } = this.kept
    return name in values || Object.keys(values).length + Object.keys(counters).length < MAX_VALUES
  }
}

/** The key of a record. Keys may be anything that a client sends (a session id): long and odd ones are hashed. */
export function recordKey(collection: string, key: string): string {
  return `waf:${collection.toLowerCase()}:${plain(key)}`
}

/** The key of a count in a record. */
export function counterKey(record: string, name: string, generation: number): string {
  const key = `${record}:n:${plain(name)}`
  return generation === 0 ? key : `${key}:${generation}`
}

function plain(text: string): string {
  return /^[\w.:-]{1,64}$/.test(text) ? text : createHash('sha256').update(text, 'latin1').digest('hex')
}
