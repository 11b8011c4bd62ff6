/** The syntax tree of a pattern, and the facts about it that need no automaton. */
import { type ByteSet, complement } from './bytes.ts'

/** Zero-width assertions: subject start and end, line start and end (multiline), word boundary and its opposite. */
export type AssertKind = 'bos' | 'eos' | 'bol' | 'eol' | 'word' | 'notWord'

/**
 * A node of the syntax tree. Letter case is already folded into the sets. A `peek` is lookaround of one byte, which
 * automata can do; a `look` is any other.
 */
export type Node =
  | { kind: 'empty' }
  | { kind: 'set'; set: ByteSet }
  | { kind: 'cat'; items: Node[] }
  | { kind: 'alt'; items: Node[] }
  | { kind: 'repeat'; body: Node; min: number; max: number; lazy: boolean }
  | { kind: 'group'; body: Node; index: number }
  | { kind: 'assert'; what: AssertKind }
  | { kind: 'peek'; set: ByteSet; behind: boolean; negative: boolean }
  | { kind: 'look'; body: Node; behind: boolean; negative: boolean }
  | { kind: 'atomic'; body: Node }
  | { kind: 'backref'; index: number; caseless: boolean }

/** A parsed pattern. */
export interface Pattern {
  root: Node
  /** Number of capture groups. */
  groups: number
  /** Names of capture groups. */
  names: ReadonlyMap<string, number>
}

/** The node that matches the empty string. */
export const EMPTY: Node = { kind: 'empty' }

/** A sequence, flattened as far as that is free. */
export function cat(items: Node[]): Node {
  const flat = items.flatMap((item) => (item.kind === 'cat' ? item.items : item.kind === 'empty' ? [] : [item]))
  return flat.length === 0 ? EMPTY : flat.length === 1 ? flat[0]! : { kind: 'cat', items: flat }
}

/** The nodes directly below one. */
export function children(node: Node): readonly Node[] {
  switch (node.kind) {
    case 'cat':
    case 'alt':
      return node.items
    case 'repeat':
    case 'group':
    case 'look':
    case 'atomic':
      return [node.body]
    default:
      return []
  }
}

/** Does any node of the tree satisfy the predicate? */
export function someNode(node: Node, predicate: (node: Node) => boolean): boolean {
  return predicate(node) || children(node).some((child) => someNode(child, predicate))
}

/** Can a finite automaton over bytes run it: no lookaround, atomic group or backreference? */
export function isRegular(node: Node): boolean {
  return !someNode(node, (n) => n.kind === 'look' || n.kind === 'atomic' || n.kind === 'backref')
}

/** Shortest match in bytes; a backreference counts as empty. */
export function minLength(node: Node): number {
  switch (node.kind) {
    case 'set':
      return 1
    case 'cat':
      return node.items.reduce((sum, item) => sum + minLength(item), 0)
    case 'alt':
      return node.items.reduce((least, item) => Math.min(least, minLength(item)), Number.POSITIVE_INFINITY)
    case 'repeat':
      return node.min === 0 ? 0 : node.min * minLength(node.body)
    case 'group':
    case 'atomic':
      return minLength(node.body)
    default:
      return 0
  }
}

/** Longest match in bytes, or Infinity. */
export function maxLength(node: Node): number {
  switch (node.kind) {
    case 'set':
      return 1
    case 'cat':
      return node.items.reduce((sum, item) => sum + maxLength(item), 0)
    case 'alt':
      return node.items.reduce((most, item) => Math.max(most, maxLength(item)), 0)
    case 'repeat': {
      const body = maxLength(node.body)
      return body === 0 ? 0 : node.max * body
    }
    case 'group':
    case 'atomic':
      return maxLength(node.body)
    case 'backref':
      return Number.POSITIVE_INFINITY
    default:
      return 0
  }
}

/**
 * A regular tree that matches wherever the given one does, and possibly more: lookaround is dropped, an atomic group
 * may give back, a backreference is any string. An automaton for it is a sound filter.
 */
export function relax(node: Node): Node {
  switch (node.kind) {
    case 'cat':
      return cat(node.items.map(relax))
    case 'alt':
      return { kind: 'alt', items: node.items.map(relax) }
    case 'repeat':
      return { ...node, body: relax(node.body) }
    case 'group':
    case 'atomic':
      return relax(node.body)
    case 'look':
      return EMPTY
    case 'backref':
      return {
        kind: 'repeat',
        body: { kind: 'set', set: complement(new Uint32Array(8)) },
        min: 0,
        max: Infinity,
        lazy: false,
      }
    default:
      return node
  }
}

/** Does every match begin with that assertion? Used with `bos`, and with `eos` on a mirrored tree. */
export function startsWith(node: Node, what: AssertKind): boolean {
  switch (node.kind) {
    case 'assert':
      return node.what === what
    case 'cat':
      return startsWith(node.items[0]!, what)
    case 'alt':
      return node.items.every((item) => startsWith(item, what))
    case 'repeat':
      return node.min > 0 && startsWith(node.body, what)
    case 'group':
    case 'atomic':
      return startsWith(node.body, what)
    default:
      return false
  }
}
