/** Translation of the syntax tree into a program for the automata and the backtracker (Thompson's construction). */
import { type AssertKind, maxLength, minLength, type Node } from './ast.ts'
import { type ByteSet, hasByte, NAMED_SETS } from './bytes.ts'

/** Operation codes. Operands are `a` and `b`; `b` is the next instruction unless said otherwise. */
export const OP = {
  /** A match of pattern `a`. */
  match: 0,
  /** Reads one byte of set `a`. */
  set: 1,
  /** Tries instruction `a`, then `b`. */
  split: 2,
  /** Stores the position in slot `a`. */
  save: 3,
  /** Goes on when assertion `a` holds here. */
  assert: 4,
  /** Runs sub-program `a` here (lookaround or atomic group). */
  sub: 5,
  /** Reads what group `a` captured. */
  backref: 6,
  /** Remembers the position in loop register `a`. */
  loop: 7,
  /**
   * Goes to split `b` when the position moved since loop register `a >> 1` was set, and otherwise leaves the loop by
   * the arm of that split which does so: the second, or the first when bit 0 of `a` says that the loop is lazy.
   */
  moved: 8,
} as const

/** A zero-width test of the bytes on both sides of a position. */
export type Assertion = { what: AssertKind } | { what: 'peek'; set: ByteSet; behind: boolean; negative: boolean }

/** A part of the program that runs on its own and ends in a match. */
export interface SubProgram {
  entry: number
  atomic: boolean
  behind: boolean
  negative: boolean
  /** Lengths, in bytes, at which a lookbehind starts before the position. */
  minLength: number
  maxLength: number
}

/** A compiled program. */
export interface Program {
  op: Uint8Array
  a: Int32Array
  b: Int32Array
  sets: ByteSet[]
  assertions: Assertion[]
  subs: SubProgram[]
  /** Reference instructions compare letters without case, by instruction. */
  caselessRefs: ReadonlySet<number>
  entry: number
  /** Number of loop registers. */
  loops: number
}

/** What the program is for: `plain` drops captures, `captures` keeps them, `backtrack` also guards empty loops. */
export type ProgramMode = 'plain' | 'captures' | 'backtrack'

/** Number of instructions a tree translates to, roughly; repetitions are written out. */
export function programSize(node: Node): number {
  switch (node.kind) {
    case 'cat':
    case 'alt':
      return node.items.reduce((sum, item) => sum + programSize(item) + (node.kind === 'alt' ? 1 : 0), 0)
    case 'repeat':
      return (programSize(node.body) + 1) * Math.max(1, node.max === Number.POSITIVE_INFINITY ? node.min : node.max)
    case 'group':
      return programSize(node.body) + 2
    case 'look':
    case 'atomic':
      return programSize(node.body) + 2
    default:
      return 1
  }
}

/** Builds programs; instructions are made last to first, each knowing the one that follows it. */
export class ProgramBuilder {
  readonly #mode: ProgramMode
  readonly #op: number[] = []
  readonly #a: number[] = []
  readonly #b: number[] = []
  readonly #sets: ByteSet[] = []
  readonly #setIds = new Map<ByteSet | string, number>()
  readonly #assertions: Assertion[] = []
  readonly #subs: SubProgram[] = []
  readonly #caselessRefs = new Set<number>()
  #loops = 0

  constructor(mode: ProgramMode) {
    this.#mode = mode
  }

  /** Adds a pattern that reports `id`; returns its first instruction. */
  add(root: Node, id: number): number {
    return this.#compile(root, this.#emit(OP.match, id, 0))
  }

  /** Joins several entries into one that tries each in turn. */
  join(entries: readonly number[]): number {
    return entries.reduceRight((rest, entry) => this.#emit(OP.split, entry, rest))
  }

  /** The finished program that starts at `entry`. */
  finish(entry: number): Program {
    return {
      op: Uint8Array.from(this.#op),
      a: Int32Array.from(this.#a),
      b: Int32Array.from(this.#b),
      sets: this.#sets,
      assertions: this.#assertions,
      subs: this.#subs,
      caselessRefs: this.#caselessRefs,
      entry,
      loops: this.#loops,
    }
  }

  #emit(op: number, a: number, b: number): number {
    this.#op.push(op)
    this.#a.push(a)
    return this.#b.push(b) - 1
  }

  #setId(set: ByteSet): number {
    // Many nodes share one set object; the contents need comparing only once for each.
    let id = this.#setIds.get(set)
    if (id !== undefined) return id
    const key = set.join()
    id = this.#setIds.get(key) ?? this.#sets.push(set) - 1
    this.#setIds.set(key, id)
    this.#setIds.set(set, id)
    return id
  }

  #compile(node: Node, next: number): number {
    switch (node.kind) {
      case 'empty':
        return next
      case 'set':
        return this.#emit(OP.set, this.#setId(node.set), next)
      case 'cat':
        return node.items.reduceRight((after, item) => this.#compile(item, after), next)
      case 'alt':
        return this.join(node.items.map((item) => this.#compile(item, next)))
      case 'repeat':
        return this.#repeat(node.body, node.min, node.max, node.lazy, next)
      case 'group': {
        if (this.#mode === 'plain') return this.#compile(node.body, next)
        const close = this.#emit(OP.save, node.index * 2 + 1, next)
        return this.#emit(OP.save, node.index * 2, this.#compile(node.body, close))
      }
      case 'assert':
        return this.#emit(OP.assert, this.#assertions.push({ what: node.what }) - 1, next)
      case 'peek': {
        const { set, behind, negative } = node
        return this.#emit(OP.assert, this.#assertions.push({ what: 'peek', set, behind, negative }) - 1, next)
      }
      case 'look':
        return this.#sub(node.body, { atomic: false, behind: node.behind, negative: node.negative }, next)
      case 'atomic':
        return this.#sub(node.body, { atomic: true, behind: false, negative: false }, next)
      case 'backref': {
        const at = this.#emit(OP.backref, node.index, next)
        if (node.caseless) this.#caselessRefs.add(at)
        return at
      }
    }
  }

  #sub(body: Node, how: { atomic: boolean; behind: boolean; negative: boolean }, next: number): number {
    const entry = this.#compile(body, this.#emit(OP.match, 0, 0))
    const sub = { ...how, entry, minLength: minLength(body), maxLength: maxLength(body) }
    return this.#emit(OP.sub, this.#subs.push(sub) - 1, next)
  }

  #repeat(body: Node, min: number, max: number, lazy: boolean, next: number): number {
    let entry = next
    if (max === Number.POSITIVE_INFINITY) {
      const nullable = minLength(body) === 0
      entry = this.#atLeastOnce(body, nullable, lazy, next)
      // An iteration that reads nothing ends a loop, so a star over a nullable body is an optional plus.
      if (min === 0) entry = this.#choice(entry, next, lazy)
    } else {
      for (let i = min; i < max; i++) entry = this.#choice(this.#compile(body, entry), next, lazy)
    }
    const copies = max === Number.POSITIVE_INFINITY ? min - 1 : min
    for (let i = 0; i < copies; i++) entry = this.#compile(body, entry)
    return entry
  }

  #atLeastOnce(body: Node, nullable: boolean, lazy: boolean, next: number): number {
    const split = this.#emit(OP.split, 0, 0)
    if (!nullable || this.#mode !== 'backtrack') {
      const entry = this.#compile(body, split)
      this.#target(split, entry, next, lazy)
      return entry
    }
    const register = this.#loops++
    const moved = this.#emit(OP.moved, register * 2 + (lazy ? 1 : 0), split)
    const entry = this.#emit(OP.loop, register, this.#compile(body, moved))
    this.#target(split, entry, next, lazy)
    return entry
  }

  #choice(first: number, second: number, lazy: boolean): number {
    return lazy ? this.#emit(OP.split, second, first) : this.#emit(OP.split, first, second)
  }

  #target(split: number, first: number, second: number, lazy: boolean): void {
    this.#a[split] = lazy ? second : first
    this.#b[split] = lazy ? first : second
  }
}

/** Does the assertion hold between two bytes? -1 stands for the edge of the subject. */
export function holds(assertion: Assertion, left: number, right: number): boolean {
  switch (assertion.what) {
    case 'bos':
      return left === -1
    case 'eos':
      return right === -1
    case 'bol':
      // PCRE: not after a line feed that ends the subject.
      return left === -1 || (left === 10 && right !== -1)
    case 'eol':
      return right === -1 || right === 10
    case 'word':
      return isWord(left) !== isWord(right)
    case 'notWord':
      return isWord(left) === isWord(right)
    case 'peek': {
      const byte = assertion.behind ? left : right
      return (byte !== -1 && hasByte(assertion.set, byte)) !== assertion.negative
    }
  }
}

function isWord(byte: number): boolean {
  return byte !== -1 && hasByte(NAMED_SETS.w!, byte)
}

/** The tree that matches the mirrored strings; assertions stay, for a walk that goes backwards over the subject. */
export function mirror(node: Node): Node {
  switch (node.kind) {
    case 'cat':
      return { kind: 'cat', items: node.items.map(mirror).reverse() }
    case 'alt':
      return { kind: 'alt', items: node.items.map(mirror) }
    case 'repeat':
      return { ...node, body: mirror(node.body) }
    case 'group':
      return mirror(node.body)
    default:
      return node
  }
}
