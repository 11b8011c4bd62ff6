import { createHash } from 'node:crypto'
import type { Store } from '@portcullis/core'
import {
  applyChange,
  type CollectionStore,
  emptyRecord,
  type StoredChange,
  type StoredRecord,
} from '@portcullis/seclang'

/** What stands under a record's key: everything but the counts. */
interface Kept {
  values: Record<string, string>
  expires: Record<string, number>
  /** Names of values that were counted up: each has a key of its own. */
  counters: string[]
  created: number
  updated: number
  updates: number
}

/** Most values in one record; further ones are not stored. */
const MAX_VALUES = 256

/**
 * Collections (IP, SESSION, …) in a shared store. Values that rules count up (`setvar:ip.n=+1`) are counters of the
 * store, so that all gateways count together and no request is lost; the other values are one record, of which the
 * last writer wins. A counter lives the collection's timeout from its first addition, or until its `expirevar`.
 */
export class StoreCollections implements CollectionStore {
  readonly #store: Store
  readonly #onError: (error: Error) => void

  /** @param onError told of changes that could not be stored. Failed loads reject: the request is refused. */
  constructor(store: Store, onError: (error: Error) => void) {
    this.#store = store
    this.#onError = onError
  }

  async load(collection: string, key: string): Promise<StoredRecord | undefined> {
    const base = baseKey(collection, key)
    const kept = await this.#read(base)
    if (kept === undefined) return undefined
    const record = emptyRecord(kept.created)
    Object.assign(record.values, kept.values)
    Object.assign(record.expires, kept.expires)
    record.updated = kept.updated
    record.updates = kept.updates
    const now = Date.now()
    const counted = kept.counters.filter((name) => !lapsed(kept, name, now))
    const counts = await Promise.all(counted.map((name) => this.#count(counterKey(base, name))))
    for (const [i, name] of counted.entries()) record.values[name] = counts[i]!
    return record
  }

  async change(collection: string, key: string, changes: readonly StoredChange[], timeout: number): Promise<void> {
    try {
      await this.#change(baseKey(collection, key), changes, timeout * 1000)
    } catch (error) {
      this.#onError(error as Error)
    }
  }

  async #change(base: string, changes: readonly StoredChange[], ttlMs: number): Promise<void> {
    const now = Date.now()
    const kept = (await this.#read(base)) ?? emptyKept(now)
    await this.#dropLapsed(base, kept, now)
    for (const change of changes) await this.#apply(base, kept, change, ttlMs)
    kept.updated = now
    kept.updates++
    await this.#store.set(base, JSON.stringify(kept), ttlMs)
  }

  async #apply(base: string, kept: Kept, change: StoredChange, ttlMs: number): Promise<void> {
    const { name } = change
    const counts = kept.counters.includes(name)
    if (change.kind === 'add') {
      if (!counts && !hasRoom(kept, name)) return
      if (!counts) await this.#startCounter(base, kept, name, ttlMs)
      await this.#store.increment(counterKey(base, name), change.delta, ttlMs)
      return
    }
    if (counts && change.kind !== 'expire') await this.#dropCounter(base, kept, name)
    if (change.kind === 'set' && !hasRoom(kept, name)) return
    applyChange(kept, change)
  }

  /** A value that was set before it is counted on goes into the counter. */
  async #startCounter(base: string, kept: Kept, name: string, ttlMs: number): Promise<void> {
    const before = Number.parseInt(kept.values[name] ?? '0', 10)
    delete kept.values[name]
    kept.counters.push(name)
    if (before !== 0 && !Number.isNaN(before)) await this.#store.increment(counterKey(base, name), before, ttlMs)
  }

  async #dropCounter(base: string, kept: Kept, name: string): Promise<void> {
    kept.counters = kept.counters.filter((other) => other !== name)
    await this.#store.delete(counterKey(base, name))
  }

  async #dropLapsed(base: string, kept: Kept, now: number): Promise<void> {
    for (const name of Object.keys(kept.expires)) {
      if (!lapsed(kept, name, now)) continue
      delete kept.expires[name]
      delete kept.values[name]
      if (kept.counters.includes(name)) await this.#dropCounter(base, kept, name)
    }
  }

  /** Reading must not start a counter's time to live, so Redis is asked for the plain value. */
  async #count(key: string): Promise<string> {
    if (this.#store.kind === 'redis') return (await this.#store.get(key)) ?? '0'
    return String(await this.#store.increment(key, 0, 0))
  }

  async #read(base: string): Promise<Kept | undefined> {
    const text = await this.#store.get(base)
    return text === undefined ? undefined : (JSON.parse(text) as Kept)
  }
}

function emptyKept(now: number): Kept {
  return { values: {}, expires: {}, counters: [], created: now, updated: now, updates: 0 }
}

function hasRoom(kept: Kept, name: string): boolean {
  return Object.hasOwn(kept.values, name) || Object.keys(kept.values).length + kept.counters.length < MAX_VALUES
}

function lapsed(kept: Kept, name: string, now: number): boolean {
  return (kept.expires[name] ?? Number.POSITIVE_INFINITY) <= now
}

/** Keys may be anything that a client sends (a session id): long ones are hashed. */
function baseKey(collection: string, key: string): string {
  const safe = /^[\w.:-]{1,64}$/.test(key) ? key : createHash('sha256').update(key, 'latin1').digest('hex')
  return `waf:${collection.toLowerCase()}:${safe}`
}

function counterKey(base: string, name: string): string {
  return `${base}:n:${/^[\w.-]{1,64}$/.test(name) ? name : createHash('sha256').update(name, 'latin1').digest('hex')}`
}
