/** Collections that outlive a request (IP, SESSION, …) behind an interface, so that several instances can share them. */

import { detached } from '../detached.ts'

/** What is stored under one key; names in lower case. */
export interface StoredRecord {
  /** Values by name. */
  values: Record<string, string>
  /** Times, in milliseconds since 1970, at which a value lapses (`expirevar`). */
  expires: Record<string, number>
  /** When the record was made, in milliseconds since 1970. */
  created: number
  /** When it was last written. */
  updated: number
  /** How often it was written. */
  updates: number
}

/** One change to a record. */
export type StoredChange =
  | { readonly kind: 'set'; readonly name: string; readonly value: string }
  | { readonly kind: 'add'; readonly name: string; readonly delta: number }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'expire'; readonly name: string; readonly at: number }

/**
 * Where collections are kept. Answers may be immediate or promises; with promises the phases of a transaction that
 * loads a collection become asynchronous.
 */
export interface CollectionStore {
  /** The record of a key, undefined when there is none. */
  load(collection: string, key: string): StoredRecord | undefined | Promise<StoredRecord | undefined>
  /**
   * Applies changes in order; `add` must be atomic, so that parallel requests all count.
   * @param timeout seconds after which an untouched record is forgotten
   */
  change(collection: string, key: string, changes: readonly StoredChange[], timeout: number): void | Promise<void>
  /**
   * For a store that others write to: applies changes as `change` does and tells what the values that were added to have
   * become, with what everybody has added. The rules that follow wait for it. Without it they see what was loaded and
   * their own additions.
   * @returns the values by name; those that are no counts any more are left out
   */
  count?(
    collection: string,
    key: string,
    changes: readonly StoredChange[],
    timeout: number,
  ): Promise<Readonly<Record<string, string>>>
}

/** Applies one change to a record in place. */
export function applyChange(record: StoredRecord, change: StoredChange): void {
  if (change.kind === 'set') record.values[change.name] = detached(change.value)
  else if (change.kind === 'add') {
    const before = Number.parseInt(record.values[change.name] ?? '0', 10)
    record.values[change.name] = String((Number.isNaN(before) ? 0 : before) + change.delta)
  } else if (change.kind === 'remove') {
    delete record.values[change.name]
    delete record.expires[change.name]
  } else record.expires[change.name] = change.at
}

/** Removes values whose time has come. */
export function dropLapsed(record: StoredRecord, now: number): void {
  for (const [name, at] of Object.entries(record.expires)) {
    if (at > now) continue
    delete record.values[name]
    delete record.expires[name]
  }
}

/** A record with nothing in it. */
export function emptyRecord(now: number): StoredRecord {
  const bare = <T>(): Record<string, T> => Object.create(null) as Record<string, T>
  return { values: bare<string>(), expires: bare<number>(), created: now, updated: now, updates: 0 }
}

/** A copy that shares nothing with the original. */
export function copyRecord(record: StoredRecord): StoredRecord {
  const copy = emptyRecord(record.created)
  Object.assign(copy.values, record.values)
  Object.assign(copy.expires, record.expires)
  copy.updated = record.updated
  copy.updates = record.updates
  return copy
}
