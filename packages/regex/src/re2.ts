/**
 * What RE2's syntax (its wiki page "Syntax") has otherwise than PCRE's: fewer constructs, none of which needs
 * backtracking, and patterns in UTF-8. Not in the subset: `\p`, `\C`, and characters beyond ASCII in classes.
 */
import { cat, type Node } from './ast.ts'
import { byteSet, complement } from './bytes.ts'
import type { Cursor } from './cursor.ts'

/** Most repetitions a quantifier may name. */
export const RE2_MAX_REPEAT = 1000

/** `\s` has no vertical tab here. */
const SPACE = byteSet(9, 10, 12, 13, 32, 32)
const IN_CLASS = 'dDwWsSafnrtvx0'
const OUTSIDE = `${IN_CLASS}AzbBQ`

/** The bytes of a pattern, one character each. */
export function toUtf8(pattern: string): string {
  return Buffer.from(pattern, 'utf8').toString('latin1')
}

/**
 * Looks at an escape, whose backslash is read.
 * @returns what it stands for when that differs from PCRE; undefined, with nothing read, when it does not
 * @throws RegexSyntaxError for an escape that RE2 does not have
 */
export function readRe2Escape(cursor: Cursor, inClass: boolean): { byte: number } | { set: Uint32Array } | undefined {
  const start = cursor.pos - 1
  const c = cursor.peek()
  if (/[1-9]/.test(c)) cursor.fail('backreferences are not supported', start)
  if (c > '\x7f') cursor.fail('only ASCII characters can be escaped', start)
  if (/[a-zA-Z]/.test(c) && !(inClass ? IN_CLASS : OUTSIDE).includes(c)) cursor.fail(`unsupported escape \\${c}`, start)
  if (cursor.eat('v')) return { byte: 11 }
  if (cursor.eat('s')) return { set: SPACE }
  if (cursor.eat('S')) return { set: complement(SPACE) }
  if (c !== 'x') return undefined
  const digits = cursor.take(/x(?:([0-7][0-9a-fA-F])|\{0*([0-7]?[0-9a-fA-F])\})/y)
  if (!digits) cursor.fail('\\x takes the code of an ASCII character, 00 to 7F', start)
  return { byte: Number.parseInt(digits[1] ?? digits[2]!, 16) }
}

/**
 * Looks at what follows an opening parenthesis; reads nothing.
 * @throws RegexSyntaxError for a group that RE2 does not have
 */
export function checkRe2Group(cursor: Cursor): void {
  const start = cursor.pos - 1
  const from = cursor.text.slice(cursor.pos, cursor.pos + 100)
  if (!from.startsWith('?')) return
  if (/^\?<?[=!]/.test(from)) cursor.fail('look-around is not supported', start)
  if (!/^\?(?:P?<[A-Za-z_]|[imsU]*(?:-[imsU]+)?[:)])/.test(from)) cursor.fail('unsupported group', start)
}

/** A character beyond ASCII, whose first byte is read: a quantifier after it repeats all its bytes. */
export function readUtf8(cursor: Cursor, first: string): Node {
  const bytes = first + cursor.take(/[\x80-\xbf]*/y)![0]
  return cat([...bytes].map((c) => ({ kind: 'set', set: byteSet(c.charCodeAt(0), c.charCodeAt(0)) })))
}
