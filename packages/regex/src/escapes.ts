/** Backslash escapes, as PCRE2 reads them outside and inside a class. */
import type { AssertKind, Node } from './ast.ts'
import { type ByteSet, byteSet, complement, foldCase, NAMED_SETS } from './bytes.ts'
import type { Cursor } from './cursor.ts'
import { readRe2Escape } from './re2.ts'

/** What an escape stands for. */
export type Escape = { byte: number } | { set: ByteSet } | { node: Node }

const CONTROL: Readonly<Record<string, number>> = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9 }
const ASSERTS: Readonly<Record<string, AssertKind>> = { A: 'bos', z: 'eos', b: 'word', B: 'notWord' }

/** Nodes for single bytes, each made once: plain ones and, from 256 on, those of both cases. */
const BYTE_NODES: Node[] = []

/** A node for one byte, both cases of a letter when `caseless`. */
export function byteNode(byte: number, caseless: boolean): Node {
  const key = caseless ? byte + 256 : byte
  let node = BYTE_NODES[key]
  if (node === undefined) {
    const set = byteSet(byte, byte)
    node = { kind: 'set', set: caseless ? foldCase(set) : set }
    BYTE_NODES[key] = node
  }
  return node
}

/** Reads an escape outside a class; the backslash is already read. */
export function readEscape(cursor: Cursor): Escape {
  const different = cursor.re2 ? readRe2Escape(cursor, false) : undefined
  if (different) return different
  const start = cursor.pos - 1
  const c = cursor.next()
  const assertion = ASSERTS[c]
  if (assertion) return { node: { kind: 'assert', what: assertion } }
  if (c >= '1' && c <= '9') return referenceOrOctal(cursor, start)
  if (c === 'Z') return { node: endOrFinalNewline() }
  if (c === 'R') return { node: lineEnding() }
  if (c === 'N') {
    if (cursor.peek() === '{') cursor.fail('unsupported escape \\N{', start)
    return { set: complement(byteSet(10, 10)) }
  }
  if (c === 'C') return { set: byteSet(0, 255) }
  if (c === 'k' || c === 'g') return { node: namedReference(cursor, c, start) }
  return commonEscape(cursor, c, start)
}

/** Reads an escape inside a class; the backslash is already read. */
export function readClassEscape(cursor: Cursor): { byte: number } | { set: ByteSet } {
  const different = cursor.re2 ? readRe2Escape(cursor, true) : undefined
  if (different) return different
  const start = cursor.pos - 1
  const c = cursor.next()
  if (c === 'b') return { byte: 8 }
  if (c >= '1' && c <= '7') return { byte: octal(cursor, start + 1) }
  return commonEscape(cursor, c, start)
}

/** Escapes that mean the same in and outside a class. */
function commonEscape(cursor: Cursor, c: string, start: number): { byte: number } | { set: ByteSet } {
  const control = CONTROL[c]
  if (control !== undefined) return { byte: control }
  if ('dwshv'.includes(c)) return { set: NAMED_SETS[c]! }
  if ('DWSHV'.includes(c)) return { set: complement(NAMED_SETS[c.toLowerCase()]!) }
  if (c === '0') return { byte: octal(cursor, start + 1) }
  if (c === 'x') return { byte: hexadecimal(cursor, start) }
  if (c === 'o') {
    const digits = cursor.take(/\{([0-7]+)\}/y)
    return { byte: byteValue(cursor, Number.parseInt(digits?.[1] ?? '', 8), start) }
  }
  if (c === 'c') {
    const code = cursor.next().toUpperCase().charCodeAt(0)
    if (code < 32 || code > 126) cursor.fail('\\c wants a printable ASCII character', start)
    return { byte: code ^ 64 }
  }
  if (/[a-zA-Z]/.test(c)) cursor.fail(`unsupported escape \\${c}`, start)
  return { byte: c.charCodeAt(0) }
}

function octal(cursor: Cursor, from: number): number {
  cursor.pos = from
  const digits = cursor.take(/[0-7]{1,3}/y)![0]
  return byteValue(cursor, Number.parseInt(digits, 8), from - 1)
}

function hexadecimal(cursor: Cursor, start: number): number {
  if (cursor.peek() === '{') {
    const braced = cursor.take(/\{([0-9a-fA-F]+)\}/y)
    return byteValue(cursor, Number.parseInt(braced?.[1] ?? '', 16), start)
  }
  const digits = cursor.take(/[0-9a-fA-F]{0,2}/y)![0]
  return digits === '' ? 0 : Number.parseInt(digits, 16)
}

function byteValue(cursor: Cursor, value: number, start: number): number {
  if (!(value <= 255)) cursor.fail('not the code of a byte', start)
  return value
}

/** `\1`-`\9` are references; longer numbers only when there are that many groups, and octal codes otherwise. */
function referenceOrOctal(cursor: Cursor, start: number): Escape {
  cursor.pos = start + 1
  const digits = cursor.take(/\d+/y)![0]
  const index = Number(digits)
  if (index < 10 || index <= cursor.totalGroups) return { node: reference(cursor, index, start) }
  if (digits.startsWith('8') || digits.startsWith('9')) cursor.fail('reference to a group that does not exist', start)
  return { byte: octal(cursor, start + 1) }
}

function reference(cursor: Cursor, index: number, start: number): Node {
  if (index < 1 || index > cursor.totalGroups) cursor.fail('reference to a group that does not exist', start)
  return { kind: 'backref', index, caseless: cursor.flags.caseless }
}

/** `\k<name>`, `\k{name}`, `\k'name'`, `\g{name}`, `\g{-1}`, `\g2`. */
function namedReference(cursor: Cursor, letter: string, start: number): Node {
  const numeric = letter === 'g' ? (cursor.take(/\{(-?\d+)\}/y) ?? cursor.take(/(-?\d+)/y)) : null
  if (numeric) {
    const number = Number(numeric[1])
    return reference(cursor, number < 0 ? cursor.groups + 1 + number : number, start)
  }
  const name = cursor.take(/\{(\w+)\}/y) ?? (letter === 'k' ? cursor.take(/<(\w+)>|'(\w+)'/y) : null)
  if (!name) cursor.fail(`unsupported escape \\${letter}`, start)
  return referenceByName(cursor, name[1] ?? name[2]!, start)
}

/** A reference to the group of that name, which must come before. */
export function referenceByName(cursor: Cursor, name: string, start: number): Node {
  const index = cursor.names.get(name)
  if (index === undefined) cursor.fail(`reference to unknown group "${name}"`, start)
  return reference(cursor, index, start)
}

/** `\Z`: the end of the subject, or before a line feed that ends it. */
function endOrFinalNewline(): Node {
  const newline: Node = { kind: 'set', set: byteSet(10, 10) }
  const end: Node = { kind: 'assert', what: 'eos' }
  const body: Node = { kind: 'alt', items: [end, { kind: 'cat', items: [newline, end] }] }
  return { kind: 'look', body, behind: false, negative: false }
}

/** `\R`, the atomic group `(?>\r\n|\n|\x0b|\f|\r|\x85)`, written without one. */
function lineEnding(): Node {
  const set = (...ranges: number[]): Node => ({ kind: 'set', set: byteSet(...ranges) })
  const loneReturn: Node = {
    kind: 'cat',
    items: [set(13, 13), { kind: 'peek', set: byteSet(10, 10), behind: false, negative: true }],
  }
  return {
    kind: 'alt',
    items: [{ kind: 'cat', items: [set(13, 13), set(10, 10)] }, set(10, 12, 0x85, 0x85), loneReturn],
  }
}
