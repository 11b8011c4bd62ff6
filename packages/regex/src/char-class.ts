/** Bracketed character classes. */
import { addRange, addSet, type ByteSet, complement, foldCase, NAMED_SETS } from './bytes.ts'
import type { Cursor } from './cursor.ts'
import { readClassEscape } from './escapes.ts'

/** Reads a class; the opening bracket is already read. A `]` first in the class and any `[` are literal, as in PCRE. */
export function readClass(cursor: Cursor): ByteSet {
  const start = cursor.pos - 1
  const negated = cursor.eat('^')
  const set: ByteSet = new Uint32Array(8)
  for (let first = true; ; first = false) {
    if (cursor.done) cursor.fail('missing ] for class', start)
    if (cursor.peek() === ']' && !first && !cursor.quoting) break
    const low = readMember(cursor)
    if (low === undefined) {
      // \Q and \E are no members: a ] after them is still the first.
      first = first && cursor.peek() === ']'
      continue
    }
    if (typeof low !== 'number') addSet(set, low)
    else addMember(cursor, set, low)
  }
  cursor.pos++
  const folded = cursor.flags.caseless ? foldCase(set) : set
  return negated ? complement(folded) : folded
}

/** Adds a byte, or a range when one follows. */
function addMember(cursor: Cursor, set: ByteSet, low: number): void {
  const dash = cursor.pos
  if (cursor.quoting || !cursor.eat('-') || cursor.peek() === ']') {
    cursor.pos = dash
    addRange(set, low, low)
    return
  }
  if (cursor.done) cursor.fail('missing ] for class')
  const high = readMember(cursor)
  if (typeof high !== 'number') {
    if (cursor.re2) cursor.fail('a class cannot end a range', dash - 1)
    // A class cannot end a range: the dash is a literal one, as PCRE has it.
    cursor.pos = dash + 1
    cursor.quoting = false
    addRange(set, low, low)
    addRange(set, 45, 45)
    return
  }
  if (high < low) cursor.fail('range out of order in class', dash - 1)
  addRange(set, low, high)
}

/** One member: a byte, a set, or undefined for `\Q` and `\E`, which only switch quoting. */
function readMember(cursor: Cursor): number | ByteSet | undefined {
  if (cursor.eat('\\E')) {
    cursor.quoting = false
    return undefined
  }
  if (cursor.quoting) return cursor.next().charCodeAt(0)
  if (cursor.eat('\\Q')) {
    cursor.quoting = true
    return undefined
  }
  const posix = cursor.take(/\[:(\^?)([a-zA-Z]+):\]/y)
  if (posix) {
    const named = posix[2]!.length > 1 ? NAMED_SETS[posix[2]!] : undefined
    if (!named) cursor.fail(`unknown POSIX class "${posix[2]}"`, cursor.pos - posix[0].length)
    // Under caseless matching lower and upper are the same class.
    const folded = cursor.flags.caseless ? foldCase(named) : named
    return posix[1] === '^' ? complement(folded) : folded
  }
  if (cursor.take(/\[([.=])[^\]]*\1\]/y)) cursor.fail('POSIX collating elements are not supported')
  const c = cursor.next()
  if (cursor.re2 && c > '\x7f') cursor.fail('only ASCII characters can stand in a class', cursor.pos - 1)
  if (c !== '\\') return c.charCodeAt(0)
  const found = readClassEscape(cursor)
  return 'byte' in found ? found.byte : found.set
}
