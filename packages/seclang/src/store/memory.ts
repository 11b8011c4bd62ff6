/** Collections in the memory of this process. */

import {
  applyChange,
  type CollectionStore,
  copyRecord,
  dropLapsed,
  emptyRecord,
  type StoredChange,
  type StoredRecord,
} from './types.ts'

/** Bounds of the store. */
export interface MemoryStoreOptions {
  /** Most records; beyond it the one untouched for longest goes. Default 100,000. */
  maxRecords?: number
  /** Most values in one record; further ones are not stored. Default 256. */
  maxValues?: number
  /** Clock in milliseconds, for tests. */
  now?: () => number
}

interface Held {
  record: StoredRecord
  lapses: number
}

/** Keeps collections in a map bounded in size, with a time to live for each record. */
export class MemoryCollections implements CollectionStore {
  private readonly held = new Map<string, Held>()
  private readonly maxRecords: number
  private readonly maxValues: number
  private readonly now: () => number

  constructor(options: MemoryStoreOptions = {}) {
    this.maxRecords = options.maxRecords ?? 100_000
    this.maxValues = options.maxValues ?? 256
    this.now = options.now ?? Date.now
  }

  /** How many records are held. */
  get size(): number {
    return this.held.size
  }

  load(collection: string, key: string): StoredRecord | undefined {
    const now = this.now()
    const held = this.live(`${collection}\0${key}`, now)
    if (held === undefined) return undefined
    dropLapsed(held.record, now)
    return copyRecord(held.record)
  }

  change(collection: string, key: string, changes: readonly StoredChange[], timeout: number): void {
    const now = this.now()
    const name = `${collection}\0${key}`
    const held = this.live(name, now) ?? { record: emptyRecord(now), lapses: 0 }
    const { record } = held
    dropLapsed(record, now)
    for (const change of changes) {
      const full =
        change.kind !== 'remove' &&
        !(change.name in record.values) &&
        Object.keys(record.values).length >= this.maxValues
      if (!full) applyChange(record, change)
    }
    record.updated = now
    record.updates++
    held.lapses = now + timeout * 1000
    this.held.delete(name)
    this.held.set(name, held)
    this.makeRoom()
  }

  private live(name: string, now: number): Held | undefined {
    const held = this.held.get(name)
    if (held === undefined || held.lapses > now) return held
    this.held.delete(name)
    return undefined
  }

  /** The map's order is the order of the last writes, so the first entry is the one to drop. */
  private makeRoom(): void {
    for (const name of this.held.keys()) {
      if (this.held.size <= this.maxRecords) return
      this.held.delete(name)
    }
  }
}
