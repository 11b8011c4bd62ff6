/** Compiles the actions that change variables: setvar, initcol, expirevar, ctl and their kin. */

import { RuleMistake, unknownName } from '../errors.ts'
import type { ActionSpec } from '../language/actions.ts'
import { PERSISTENT } from '../language/names.ts'
import { toInteger } from '../operators/index.ts'
import { TxCollection } from './collection.ts'
import { compileControl } from './control.ts'
import { compileMacro, type Macro } from './macro.ts'
import type { Effect } from './model.ts'
import type { RuleSet } from './ruleset.ts'
import type { SlotTable } from './slots.ts'
import type { Transaction } from './transaction.ts'

const COLLECTION_NAMES = ['tx', ...PERSISTENT.map((name) => name.toLowerCase())]

interface Place {
  /** Collection in capitals; TX for transaction variables. */
  collection: string
  name: Macro
}

function place(text: string, slots: SlotTable): Place {
  const [, collection, name] = /^\s*([A-Za-z]+)\s*[.:]\s*(.+?)\s*$/s.exec(text) ?? []
  if (collection === undefined) throw new RuleMistake(`"${text}" is not COLLECTION.NAME`)
  if (!COLLECTION_NAMES.includes(collection.toLowerCase()))
    throw unknownName('collection', collection, COLLECTION_NAMES)
  return { collection: collection.toUpperCase(), name: compileMacro(name!, slots) }
}

/** Value of a quoted or bare setvar argument. */
function unquote(text: string): string {
  return /^'.*'$/s.test(text) ? text.slice(1, -1) : text
}

function setTx(
  name: Macro,
  slots: SlotTable,
  value: (tx: Transaction, before: string | undefined) => string | undefined,
): Effect {
  if (name.constant === undefined) return (tx) => tx.tx.change(name.expand(tx), (before) => value(tx, before))
  const slot = slots.slotOf(name.constant)
  return (tx) => {
    const { slots: values } = tx.tx
    values[slot] = value(tx, values[slot])
  }
}

function setvar(argument: string, slots: SlotTable): Effect {
  const equals = argument.indexOf('=')
  if (argument.startsWith('!')) return unset(place(argument.slice(1), slots), slots)
  const { collection, name } = place(equals < 0 ? argument : argument.slice(0, equals), slots)
  const text = equals < 0 ? '1' : unquote(argument.slice(equals + 1))
  const sign = text[0]
  if (sign === '+' || sign === '-') return addTo(collection, name, compileMacro(text.slice(1), slots), sign, slots)
  const value = compileMacro(text, slots)
  if (collection === 'TX')
    return setTx(name, slots, value.constant === undefined ? (tx) => value.expand(tx) : () => value.constant)
  return (tx) => {
    tx.collections
      .get(collection)
      ?.change({ kind: 'set', name: name.expand(tx).toLowerCase(), value: value.expand(tx) })
  }
}

function addTo(collection: string, name: Macro, amount: Macro, sign: '+' | '-', slots: SlotTable): Effect {
  const factor = sign === '+' ? 1 : -1
  const fixed = amount.constant === undefined ? undefined : toInteger(amount.constant) * factor
  const delta = (tx: Transaction): number => fixed ?? toInteger(amount.expand(tx)) * factor
  if (collection === 'TX') return setTx(name, slots, (tx, before) => String(toInteger(before ?? '0') + delta(tx)))
  return (tx) => {
    const held = tx.collections.get(collection)
    if (held === undefined) return
    const key = name.expand(tx).toLowerCase()
    // In phase 5 nothing can be decided any more: nobody waits.
    if (tx.currentRule!.phase === 5) held.change({ kind: 'add', name: key, delta: delta(tx) })
    else waitFor(tx, held.count(key, delta(tx)))
  }
}

function unset({ collection, name }: Place, slots: SlotTable): Effect {
  if (collection === 'TX') return setTx(name, slots, () => undefined)
  return (tx) => {
    tx.collections.get(collection)?.change({ kind: 'remove', name: name.expand(tx).toLowerCase() })
  }
}

/** `expirevar:ip.x=60`; TX variables live as long as the transaction anyway. */
function expirevar(argument: string, slots: SlotTable): Effect {
  const equals = argument.indexOf('=')
  const { collection, name } = place(equals < 0 ? argument : argument.slice(0, equals), slots)
  const seconds = compileMacro(equals < 0 ? '3600' : unquote(argument.slice(equals + 1)), slots)
  return (tx) => {
    const at = Date.now() + toInteger(seconds.expand(tx)) * 1000
    tx.collections.get(collection)?.change({ kind: 'expire', name: name.expand(tx).toLowerCase(), at })
  }
}

/** `deprecatevar:session.score=60/300`: goes down by 60 every 300 seconds, not below zero. */
function deprecatevar(argument: string, slots: SlotTable): Effect {
  const [, target, amount, period] = /^([^=]+)=(\d+)\/(\d+)$/.exec(argument) ?? []
  if (target === undefined || Number(period) === 0)
    throw new RuleMistake(`"${argument}" is not COLLECTION.NAME=AMOUNT/SECONDS`)
  const { collection, name } = place(target, slots)
  return (tx) => {
    const held = tx.collections.get(collection)
    const key = name.expand(tx).toLowerCase()
    const before = toInteger(held?.get(key) ?? '0')
    const since = tx.started / 1000 - toInteger(held?.get('last_update_time') ?? '0')
    const drop = Math.min(before, Math.floor(since / Number(period)) * Number(amount))
    if (drop > 0) held?.change({ kind: 'add', name: key, delta: -drop })
  }
}

function openCollection(tx: Transaction, name: string, key: string): void {
  if (key === '' || tx.collections.has(name)) return
  const { config } = tx.rules
  const held = new TxCollection(name, key, tx.store, config.collectionTimeout, tx.started)
  tx.collections.set(name, held)
  waitFor(tx, held.load())
}

/** No rule runs before it is there. */
function waitFor(tx: Transaction, work: Promise<void> | undefined): void {
  if (work === undefined) return
  tx.loading = tx.loading === undefined ? work : Promise.all([tx.loading, work]).then(() => undefined)
}

function initcol(argument: string, slots: SlotTable): Effect {
  const [, name, key] = /^\s*([A-Za-z]+)\s*=\s*(.+)$/s.exec(argument) ?? []
  if (name === undefined) throw new RuleMistake(`"${argument}" is not COLLECTION=KEY`)
  if (!PERSISTENT.includes(name.toUpperCase())) throw unknownName('collection', name, COLLECTION_NAMES.slice(1))
  const macro = compileMacro(unquote(key!), slots)
  return (tx) => openCollection(tx, name.toUpperCase(), macro.expand(tx))
}

function keyed(collection: string): (argument: string, slots: SlotTable) => Effect {
  return (argument, slots) => {
    const key = compileMacro(argument, slots)
    return (tx) => openCollection(tx, collection, key.expand(tx))
  }
}

function setenv(argument: string, slots: SlotTable): Effect {
  const equals = argument.indexOf('=')
  const name = equals < 0 ? argument : argument.slice(0, equals)
  const value = compileMacro(equals < 0 ? '1' : unquote(argument.slice(equals + 1)), slots)
  return (tx) => {
    tx.environment.push({ key: name.replace(/^!/, ''), value: name.startsWith('!') ? '' : value.expand(tx) })
  }
}

/** Marks what the audit log must not show. */
function sanitise(kind: string): (argument: string, slots: SlotTable) => Effect {
  return (argument) => (tx) => {
    tx.sanitised.add(`${kind}:${argument.toLowerCase()}`)
  }
}

const sanitiseMatched: Effect = (tx) => {
  tx.sanitised.add(tx.matchedName.toLowerCase())
}

const COMPILERS: Record<string, (argument: string, slots: SlotTable) => Effect> = {
  setvar,
  expirevar,
  deprecatevar,
  initcol,
  setsid: keyed('SESSION'),
  setuid: keyed('USER'),
  setrsc: keyed('RESOURCE'),
  setenv,
  sanitisearg: sanitise('args'),
  sanitiserequestheader: sanitise('request_headers'),
  sanitiseresponseheader: sanitise('response_headers'),
  sanitisematched: () => sanitiseMatched,
  sanitisematchedbytes: () => sanitiseMatched,
}

/**
 * The effects among a rule's actions, in order.
 * @throws RuleMistake for a malformed argument
 */
export function compileEffects(actions: readonly ActionSpec[], rules: RuleSet): Effect[] {
  const effects: Effect[] = []
  for (const { name, argument } of actions) {
    if (name === 'ctl') effects.push(compileControl(argument!, rules))
    else if (Object.hasOwn(COMPILERS, name)) effects.push(COMPILERS[name]!(argument ?? '', rules.slots))
  }
  return effects
}
