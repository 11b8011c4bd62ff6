/** `%{VARIABLE.member}` in messages, operator arguments and setvar, compiled to functions. */

import { detached } from '../detached.ts'
import { RuleMistake, unknownName } from '../errors.ts'
import { VARIABLES } from '../language/names.ts'
import type { SlotTable } from './slots.ts'
import type { TransactionState } from './state.ts'

/** A text with macros. */
export interface Macro {
  /** The text itself when it holds no macro. */
  readonly constant: string | undefined
  /** The text with its macros replaced; an unset variable gives the empty string. */
  expand(tx: TransactionState): string
}

type Part = string | ((tx: TransactionState) => string)

const REFERENCE = /%\{([^}]*)\}/g

function reference(text: string, slots: SlotTable): Part {
  const [, rawName, member] = /^([^.:]*)(?:[.:](.*))?$/s.exec(text) ?? []
  const name = (rawName ?? '').trim().toUpperCase()
  const info = VARIABLES.get(name)
  if (info === undefined) throw unknownName('variable in a macro', text, VARIABLES.keys())
  if (name === 'TX') {
    if (member === undefined) throw new RuleMistake('%{TX} needs a member, as in %{TX.score}')
    const slot = slots.slotOf(member)
    return (tx) => tx.tx.slots[slot] ?? ''
  }
  if (name === 'MATCHED_VAR') return (tx) => tx.matchedText
  if (name === 'MATCHED_VAR_NAME') return (tx) => tx.matchedName
  const low = member?.toLowerCase() ?? null
  if (low !== null && !info.collection) throw new RuleMistake(`%{${text}}: ${name} has no members`)
  return (tx) => tx.first(info.id, low)
}

/**
 * Compiles a text.
 * @throws RuleMistake for a variable that does not exist
 */
export function compileMacro(text: string, slots: SlotTable): Macro {
  const parts: Part[] = []
  let from = 0
  for (const found of text.matchAll(REFERENCE)) {
    if (found.index > from) parts.push(text.slice(from, found.index))
    parts.push(reference(found[1]!, slots))
    from = found.index + found[0].length
  }
  if (from < text.length) parts.push(text.slice(from))
  if (parts.every((p) => typeof p === 'string')) return { constant: text, expand: () => text }
  if (parts.length === 1) {
    const only = parts[0] as (tx: TransactionState) => string
    return { constant: undefined, expand: only }
  }
  return { constant: undefined, expand: parts.length <= 3 ? remembering(parts) : (tx) => joined(parts, tx) }
}

function joined(parts: readonly Part[], tx: TransactionState): string {
  let out = ''
  for (const part of parts) out += typeof part === 'string' ? part : part(tx)
  return out
}

/** Texts that are remembered, and the longest of what they are made from. */
const MAX_TEXTS = 256
const SHORT = 64

/** The text for a value that came before is the same string again, which need not be put together nor hashed. */
function remembering(parts: readonly Part[]): (tx: TransactionState) => string {
  const readers = parts.filter((part) => typeof part !== 'string')
  if (readers.length !== 1) return (tx) => joined(parts, tx)
  const made = new Map<string, string>()
  const [read] = readers
  return (tx) => {
    const value = read!(tx)
    const known = made.get(value)
    if (known !== undefined) return known
    const text = parts.map((part) => (typeof part === 'string' ? part : value)).join('')
    if (value.length <= SHORT) {
      if (made.size >= MAX_TEXTS) made.clear()
      made.set(detached(value), text)
    }
    return text
  }
}
