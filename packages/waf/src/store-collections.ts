import type { Store } from '@portcullis/core'
import { type CollectionStore, emptyRecord, type StoredChange, type StoredRecord } from '@portcullis/seclang'
import {
  type Added,
  counterKey,
  emptyKept,
  hasLapsed,
  type Kept,
  parseKept,
  RecordUpdate,
  recordKey,
} from './stored-record.ts'

/** Changes that wait for their turn, and who wants to know what became of them. */
interface Job {
  changes: readonly StoredChange[]
  ttlMs: number
  /** Told the counts as soon as they are counted. */
  resolve: (counts: Record<string, string>) => void
  reject: (error: unknown) => void
}

/** The work on one record. */
interface Lane {
  waiting: Job[]
  /** Those that are being done; never rejects. */
  current: Promise<void>
}

/** Most jobs that are done in one go. */
const BATCH = 100

/**
 * Collections (IP, SESSION, …) in a shared store. Values that rules count up (`setvar:ip.n=+1`) are counters of the
 * store: all gateways count together, no request is lost, and each learns the number that it made. The other values are
 * one record, of which the last gateway to write wins; requests of this process write one after the other, those that
 * wait for the same record together. A counter lives the collection's timeout from its first addition, or until its
 * `expirevar`.
 */
export class StoreCollections implements CollectionStore {
  readonly #store: Store
  readonly #onError: (error: Error) => void
  /** Records that are being worked on. */
  readonly #lanes = new Map<string, Lane>()

  /** @param onError told of changes that could not be stored. Failed loads and counts reject: the request is refused. */
  constructor(store: Store, onError: (error: Error) => void) {
    this.#store = store
    this.#onError = onError
  }

  async load(collection: string, key: string): Promise<StoredRecord | undefined> {
    const record = recordKey(collection, key)
    await this.#settled(record)
    const kept = await this.#read(record)
    if (kept === undefined) return undefined
    const found = emptyRecord(kept.created)
    Object.assign(found.values, kept.values)
    Object.assign(found.expires, kept.expires)
    found.updated = kept.updated
    found.updates = kept.updates
    const now = Date.now()
    const counted = Object.entries(kept.counters).filter(([name]) => !hasLapsed(kept, name, now))
    const counts = await Promise.all(counted.map(([name, n]) => this.#value(counterKey(record, name, n))))
    for (const [i, [name]] of counted.entries()) {
      const count = counts[i]
      if (count !== undefined) found.values[name] = count
    }
    return found
  }

  async change(collection: string, key: string, changes: readonly StoredChange[], timeout: number): Promise<void> {
    try {
      await this.#enqueue(recordKey(collection, key), changes, timeout * 1000)
    } catch (error) {
      this.#onError(error as Error)
    }
  }

  count(
    collection: string,
    key: string,
    changes: readonly StoredChange[],
    timeout: number,
  ): Promise<Record<string, string>> {
    return this.#enqueue(recordKey(collection, key), changes, timeout * 1000)
  }

  #enqueue(record: string, changes: readonly StoredChange[], ttlMs: number): Promise<Record<string, string>> {
    return new Promise((resolve, reject) => {
      let lane = this.#lanes.get(record)
      if (lane === undefined) {
        lane = { waiting: [], current: Promise.resolve() }
        this.#lanes.set(record, lane)
        void this.#work(record, lane)
      }
      lane.waiting.push({ changes, ttlMs, resolve, reject })
    })
  }

  /** Waits until what requests of this process have changed before is written. */
  async #settled(record: string): Promise<void> {
    const lane = this.#lanes.get(record)
    if (lane === undefined) return
    const more = lane.waiting.length > 0
    await lane.current
    if (more) await lane.current
  }

  async #work(record: string, lane: Lane): Promise<void> {
    // The first job is there after this turn.
    await lane.current
    while (lane.waiting.length > 0) {
      const jobs = lane.waiting.splice(0, BATCH)
      lane.current = this.#apply(record, jobs).catch((error: unknown) => {
        for (const { reject } of jobs) reject(error)
      })
      await lane.current
    }
    this.#lanes.delete(record)
  }

  async #apply(record: string, jobs: readonly Job[]): Promise<void> {
    const now = Date.now()
    const kept = (await this.#read(record)) ?? emptyKept(now)
    const update = new RecordUpdate(kept, now)
    const added = jobs.map(({ changes }) => sums(update, changes))
    const ttlMs = Math.max(...jobs.map((job) => job.ttlMs))
    const totals = await this.#count(record, update, ttlMs)
    for (const [i, { resolve }] of jobs.entries()) resolve(countsOf(added[i]!, update, totals))
    kept.updated = now
    kept.updates += jobs.length
    try {
      await this.#store.set(record, JSON.stringify(kept), ttlMs)
    } catch (error) {
      // Who waited has been answered.
      this.#onError(error as Error)
    }
  }

  /** @returns the new totals by name. */
  async #count(record: string, { additions, dropped }: RecordUpdate, ttlMs: number): Promise<Map<string, number>> {
    await Promise.all(dropped.map(([name, n]) => this.#store.delete(counterKey(record, name, n))))
    const counting = [...additions].map(async ([name, { generation, start, delta }]) => {
      const total = await this.#store.increment(counterKey(record, name, generation), start + delta, ttlMs)
      return [name, total] as const
    })
    return new Map(await Promise.all(counting))
  }

  /** Reading must not start a counter's time to live, so Redis is asked for the plain value. */
  async #value(key: string): Promise<string | undefined> {
    if (this.#store.kind === 'redis') return this.#store.get(key)
    return String(await this.#store.increment(key, 0, 0))
  }

  async #read(record: string): Promise<Kept | undefined> {
    return parseKept(await this.#store.get(record))
  }
}

/** Applies a job's changes. @returns its last addition to each value. */
function sums(update: RecordUpdate, changes: readonly StoredChange[]): Map<string, Added> {
  const last = new Map<string, Added>()
  for (const change of changes) {
    const added = update.apply(change)
    if (added !== undefined) last.set(change.name, added)
  }
  return last
}

/** The numbers that a job's additions made: as if it had come alone, in its turn. Those that were overwritten are gone. */
function countsOf(
  last: ReadonlyMap<string, Added>,
  { additions }: RecordUpdate,
  totals: ReadonlyMap<string, number>,
): Record<string, string> {
  const counts: Record<string, string> = {}
  for (const [name, { addition, sum }] of last) {
    if (additions.get(name) === addition) counts[name] = String(totals.get(name)! - (addition.delta - sum))
  }
  return counts
}
