/** TX variables: those that rules name are slots of an array, those whose names are made at run time live in a map. */

import type { Regex } from '@portcullis/regex'
import { detached } from '../detached.ts'
import { TX_ID } from './ids.ts'
import { Value } from './value.ts'

/** Gives each name that occurs in the rules a slot. Names are in lower case. */
export class SlotTable {
  readonly names: string[] = []
  private readonly index = new Map<string, number>()

  constructor() {
    // TX.0 to TX.9 hold captures; their slots are their numbers.
    for (let i = 0; i < 10; i++) this.slotOf(String(i))
  }

  /** Slot of a name, a new one when the name is new. For the compiler only. */
  slotOf(name: string): number {
    const low = name.toLowerCase()
    const known = this.index.get(low)
    if (known !== undefined) return known
    this.index.set(low, this.names.length)
    this.names.push(low)
    return this.names.length - 1
  }

  /** Slot of a name, -1 when no rule names it. */
  find(name: string): number {
    return this.index.get(name) ?? -1
  }
}

/** Names whose judgement a pattern remembers, and the longest. */
const MAX_NAMES = 1024
const SHORT = 128

/** A pattern for the names of TX variables. The names that rules make at run time are few, and come with every request. */
export class NamePattern {
  private readonly regex: Regex
  private readonly judged = new Map<string, boolean>()
  private slots: readonly number[] | undefined

  constructor(regex: Regex) {
    this.regex = regex
  }

  /** Slots whose names match; found at the first use, when all names are known. */
  among(table: SlotTable): readonly number[] {
    this.slots ??= [...table.names.keys()].filter((slot) => this.regex.test(table.names[slot]!))
    return this.slots
  }

  /** Does a name match? */
  test(name: string): boolean {
    const known = this.judged.get(name)
    if (known !== undefined) return known
    const matched = this.regex.test(name)
    if (name.length <= SHORT) {
      if (this.judged.size >= MAX_NAMES) this.judged.clear()
      this.judged.set(detached(name), matched)
    }
    return matched
  }
}

/** Most TX variables with names made at run time; more are dropped, which bounds memory. */
const MAX_DYNAMIC = 4096

/** The TX variables of one transaction. */
export class TxVariables {
  readonly slots: (string | undefined)[]
  private readonly table: SlotTable
  private dynamic: Map<string, string> | undefined

  constructor(table: SlotTable) {
    this.table = table
    this.slots = new Array<string | undefined>(table.names.length).fill(undefined)
  }

  /** Value of a variable by its name in any case. */
  get(name: string): string | undefined {
    const low = name.toLowerCase()
    const slot = this.table.find(low)
    return slot >= 0 ? this.slots[slot] : this.dynamic?.get(low)
  }

  /** Changes a variable; what comes out undefined is removed. */
  change(name: string, to: (before: string | undefined) => string | undefined): void {
    const low = name.toLowerCase()
    const slot = this.table.find(low)
    if (slot >= 0) {
      this.slots[slot] = to(this.slots[slot])
      return
    }
    this.dynamic ??= new Map()
    const value = to(this.dynamic.get(low))
    if (value === undefined) this.dynamic.delete(low)
    else if (this.dynamic.size < MAX_DYNAMIC || this.dynamic.has(low)) this.dynamic.set(low, value)
  }

  /** Sets TX.0 to TX.9 to the captures and removes those beyond them. */
  capture(captures: readonly string[]): void {
    for (let i = 0; i < 10; i++) this.slots[i] = captures[i]
  }

  /** Variables that are set and whose names a pattern matches. */
  chosen(pattern: NamePattern): Value[] {
    const found: Value[] = []
    const slots = pattern.among(this.table)
    for (let i = 0; i < slots.length; i++) {
      const value = this.slots[slots[i]!]
      if (value !== undefined) found.push(new Value(TX_ID, this.table.names[slots[i]!]!, value))
    }
    this.dynamic?.forEach((value, name) => {
      if (pattern.test(name)) found.push(new Value(TX_ID, name, value))
    })
    return found
  }

  /** All variables that are set. */
  *entries(): Generator<[name: string, value: string]> {
    for (let i = 0; i < this.slots.length; i++) {
      const value = this.slots[i]
      if (value !== undefined) yield [this.table.names[i]!, value]
    }
    if (this.dynamic !== undefined) yield* this.dynamic
  }
}
