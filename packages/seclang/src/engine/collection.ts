/** A persistent collection as one transaction sees it. */

import type { NamedValue } from '../body/types.ts'
import {
  applyChange,
  type CollectionStore,
  dropLapsed,
  emptyRecord,
  type StoredChange,
  type StoredRecord,
} from '../store/types.ts'

type PromiseOrNot<T> = T | Promise<T>

function isPromise<T>(value: PromiseOrNot<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function'
}

/** Values of one key of one collection, and the changes that are still to be stored. */
export class TxCollection {
  readonly name: string
  readonly key: string
  private record: StoredRecord
  private pending: StoredChange[] = []
  private readonly store: CollectionStore
  private readonly timeout: number
  private loading: Promise<void> | undefined
  /** Additions that are about to be sent. */
  private counting: Promise<void> | undefined
  /** Whether there was nothing under the key before. */
  private isNew = true

  constructor(name: string, key: string, store: CollectionStore, timeout: number, now: number) {
    this.name = name
    this.key = key
    this.store = store
    this.timeout = timeout
    this.record = emptyRecord(now)
  }

  /** Loads what is stored; changes made meanwhile are applied on top of it. */
  load(): Promise<void> | undefined {
    const found = this.store.load(this.name, this.key)
    if (!isPromise(found)) this.adopt(found)
    else this.loading = found.then((record) => this.adopt(record))
    return this.loading
  }

  private adopt(record: StoredRecord | undefined): void {
    if (record === undefined) return
    this.isNew = false
    dropLapsed(record, Date.now())
    this.record = record
    for (const change of this.pending) applyChange(record, change)
  }

  /** Value of a member by its name in lower case. */
  get(name: string): string | undefined {
    return Object.hasOwn(this.record.values, name) ? this.record.values[name] : this.meta(name)
  }

  private meta(name: string): string | undefined {
    const { created, updated, updates } = this.record
    if (name === 'key') return this.key
    if (name === 'create_time') return String(Math.floor(created / 1000))
    if (name === 'last_update_time') return String(Math.floor(updated / 1000))
    if (name === 'update_counter') return String(updates)
    if (name === 'update_rate') return String(Math.round(updates / Math.max(1, (Date.now() - created) / 60_000)))
    if (name === 'timeout') return String(this.timeout)
    if (name === 'is_new') return this.isNew ? '1' : '0'
    return undefined
  }

  /** All members. */
  entries(): [string, string][] {
    return Object.entries(this.record.values)
  }

  /** Members as named values. */
  list(): NamedValue[] {
    return this.entries().map(([key, value]) => ({ key, value }))
  }

  /** Makes a change here and notes it for the store. */
  change(change: StoredChange): void {
    applyChange(this.record, change)
    this.pending.push(change)
  }

  /**
   * Adds to a value.
   * @returns a promise when the store is to tell what the value has become with what others have added: no rule may look
   * at it before
   */
  count(name: string, delta: number): Promise<void> | undefined {
    this.change({ kind: 'add', name, delta })
    if (this.store.count === undefined) return undefined
    // What a rule adds to several values is sent together, when all its effects have run.
    this.counting ??= (this.loading ?? Promise.resolve()).then(() => this.send())
    return this.counting
  }

  private async send(): Promise<void> {
    this.counting = undefined
    const changes = this.pending
    this.pending = []
    const counts = await this.store.count!(this.name, this.key, changes, this.timeout)
    Object.assign(this.record.values, counts)
  }

  /** Hands the changes to the store. */
  flush(): void | Promise<void> {
    if (this.pending.length === 0) return undefined
    const changes = this.pending
    this.pending = []
    return this.store.change(this.name, this.key, changes, this.timeout)
  }
}
