/** Parser of both syntaxes: groups, alternatives, quantifiers and inline options. */
import { cat, EMPTY, maxLength, type Node, type Pattern } from './ast.ts'
import { byteSet, complement } from './bytes.ts'
import { readClass } from './char-class.ts'
import { Cursor, type Flags } from './cursor.ts'
import { byteNode, readEscape, referenceByName } from './escapes.ts'
import { checkRe2Group, RE2_MAX_REPEAT, readUtf8, toUtf8 } from './re2.ts'
import type { RegexOptions } from './types.ts'

/** Most repetitions a quantifier may name, as in PCRE. */
const MAX_REPEAT = 65_535
const QUANTIFIER = /(?:([*+?])|\{(\d+)(,(\d*))?\})([+?]?)/y
/** Deepest nesting of groups, as PCRE's default for parentheses. */
const MAX_DEPTH = 250

/**
 * Parses a pattern in the dialect of PCRE2 without UTF mode, or of RE2.
 * @param pattern one character per byte for PCRE, text for RE2
 * @throws RegexSyntaxError for a malformed pattern or a construct outside the subset
 */
export function parse(pattern: string, options: RegexOptions = {}): Pattern {
  const re2 = options.syntax === 're2'
  const { caseless = false, multiline = false, dotAll = !re2, whole = false } = options
  const flags: Flags = { caseless, multiline, dotAll, extended: false, ungreedy: false }
  const cursor = new Cursor(re2 ? toUtf8(pattern) : pattern, flags, re2)
  const tree = readAlternatives(cursor, 0)
  if (!cursor.done) cursor.fail('unmatched )')
  const root = whole ? cat([{ kind: 'assert', what: 'bos' }, tree, { kind: 'assert', what: 'eos' }]) : tree
  return { root, groups: cursor.groups, names: cursor.names }
}

/** Reads to the end of the enclosing group. Options set inside hold to that end, over later alternatives too. */
function readAlternatives(cursor: Cursor, depth: number): Node {
  if (depth > MAX_DEPTH) cursor.fail('groups are nested too deeply')
  const saved = cursor.flags
  const branches: Node[] = [readBranch(cursor, depth)]
  while (cursor.eat('|')) branches.push(readBranch(cursor, depth))
  cursor.flags = saved
  if (branches.length === 1) return branches[0]!
  return { kind: 'alt', items: branches }
}

function readBranch(cursor: Cursor, depth: number): Node {
  const items: Node[] = []
  while (!cursor.done) {
    if (!cursor.quoting && (cursor.peek() === '|' || cursor.peek() === ')')) break
    const atom = readAtom(cursor, depth)
    if (atom) items.push(readQuantifier(cursor, atom))
  }
  return cat(items)
}

/** One atom, or undefined for text that matches nothing and takes no quantifier: comments and option settings. */
function readAtom(cursor: Cursor, depth: number): Node | undefined {
  const start = cursor.pos
  if (cursor.eat('\\E')) {
    cursor.quoting = false
    return undefined
  }
  const { caseless, extended, dotAll, multiline } = cursor.flags
  const c = cursor.next()
  if (cursor.re2 && c > '\x7f') return readUtf8(cursor, c)
  if (cursor.quoting) return byteNode(c.charCodeAt(0), caseless)
  switch (c) {
    case '\\': {
      if (cursor.eat('Q')) {
        cursor.quoting = true
        return undefined
      }
      const found = readEscape(cursor)
      if ('node' in found) return found.node
      return 'byte' in found ? byteNode(found.byte, caseless) : { kind: 'set', set: found.set }
    }
    case '[':
      return { kind: 'set', set: readClass(cursor) }
    case '(':
      return readGroup(cursor, depth)
    case '.':
      return { kind: 'set', set: dotAll ? byteSet(0, 255) : complement(byteSet(10, 10)) }
    case '^':
      return { kind: 'assert', what: multiline ? 'bol' : 'bos' }
    case '$':
      return { kind: 'assert', what: multiline ? 'eol' : 'eos' }
    case '*':
    case '+':
    case '?':
      return cursor.fail('quantifier follows nothing', start)
    default:
      if (c === '{' && cursor.take(/\d+(?:,\d*)?\}/y)) cursor.fail('quantifier follows nothing', start)
      if (extended && skipExtended(cursor, c)) return undefined
      return byteNode(c.charCodeAt(0), caseless)
  }
}

/** Under `(?x)`, white space and comments to the end of the line mean nothing. */
function skipExtended(cursor: Cursor, c: string): boolean {
  if (c === '#') cursor.take(/[^\n]*\n?/y)
  return c === '#' || c === ' ' || (c >= '\t' && c <= '\r')
}

function readQuantifier(cursor: Cursor, atom: Node): Node {
  // The end of a quotation may lie between an atom and its quantifier.
  while (cursor.eat('\\E')) cursor.quoting = false
  if (cursor.quoting) return atom
  if (cursor.flags.extended) cursor.take(/(?:[\t-\r ]|#[^\n]*\n?)+/y)
  const start = cursor.pos
  const found = cursor.take(QUANTIFIER)
  if (!found) return atom
  const [, sign, low, comma, high, suffix] = found
  const min = sign ? (sign === '+' ? 1 : 0) : Number(low)
  const max = sign ? (sign === '?' ? 1 : Infinity) : comma ? (high ? Number(high) : Infinity) : min
  const most = cursor.re2 ? RE2_MAX_REPEAT : MAX_REPEAT
  if (min > most || (max > most && max !== Infinity)) cursor.fail('number too big in {}', start)
  if (max < min) cursor.fail('numbers out of order in {}', start)
  const after = cursor.pos
  if (cursor.take(QUANTIFIER) || (cursor.re2 && suffix === '+')) cursor.fail('quantifier follows a quantifier', after)
  return repeat(atom, min, max, suffix === '+', (suffix === '?') !== cursor.flags.ungreedy)
}

function repeat(body: Node, min: number, max: number, possessive: boolean, lazy: boolean): Node {
  if (max === 0) return EMPTY
  // Zero-width items hold at any number of repetitions, so one stands for them all.
  if (maxLength(body) === 0 && body.kind !== 'group') return min === 0 ? EMPTY : body
  if (min === 1 && max === 1) return possessive ? { kind: 'atomic', body } : body
  if (!possessive) return { kind: 'repeat', body, min, max, lazy }
  const loop: Node = { kind: 'repeat', body, min, max, lazy: false }
  // A possessive run of one set is a run not followed by that set, which automata can do.
  if (body.kind !== 'set' || max !== Infinity) return { kind: 'atomic', body: loop }
  return { kind: 'cat', items: [loop, { kind: 'peek', set: body.set, behind: false, negative: true }] }
}

/** Reads a group; the opening parenthesis is already read. */
function readGroup(cursor: Cursor, depth: number): Node | undefined {
  const start = cursor.pos - 1
  if (cursor.re2) checkRe2Group(cursor)
  if (cursor.take(/\*(?=[A-Za-z:])/y)) cursor.fail('verbs are not supported', start)
  if (!cursor.eat('?')) return readCapture(cursor, depth, undefined, start)
  const named = cursor.take(/P?<(\w+)>|'(\w+)'/y)
  if (named) return readCapture(cursor, depth, named[1] ?? named[2]!, start)
  const back = cursor.take(/P=(\w+)\)/y)
  if (back) return referenceByName(cursor, back[1]!, start)
  if (cursor.eat('#')) {
    if (!cursor.take(/[^)]*\)/y)) cursor.fail('missing ) after comment', start)
    return undefined
  }
  const look = cursor.take(/(<?)([=!])/y)
  if (look) return lookaround(readBody(cursor, depth, start), look[1] === '<', look[2] === '!', cursor, start)
  if (cursor.eat('>')) return { kind: 'atomic', body: readBody(cursor, depth, start) }
  const options = cursor.take(/(\^?)([a-zA-Z]*)(?:-([a-zA-Z]*))?([:)])/y)
  if (!options) cursor.fail('unsupported group', start)
  const flags = withOptions(cursor, options, start)
  if (options[4] === ')') {
    cursor.flags = flags
    return undefined
  }
  const saved = cursor.flags
  cursor.flags = flags
  const body = readBody(cursor, depth, start)
  cursor.flags = saved
  return body
}

function readBody(cursor: Cursor, depth: number, start: number): Node {
  const body = readAlternatives(cursor, depth + 1)
  if (!cursor.eat(')')) cursor.fail('missing )', start)
  return body
}

function readCapture(cursor: Cursor, depth: number, name: string | undefined, start: number): Node {
  const index = ++cursor.groups
  if (name !== undefined) {
    if (/^\d/.test(name)) cursor.fail('a group name starts with a letter', start)
    if (cursor.names.has(name)) cursor.fail(`two groups named "${name}"`, start)
    cursor.names.set(name, index)
  }
  return { kind: 'group', body: readBody(cursor, depth, start), index }
}

function lookaround(body: Node, behind: boolean, negative: boolean, cursor: Cursor, start: number): Node {
  if (body.kind === 'set') return { kind: 'peek', set: body.set, behind, negative }
  if (behind && !branchesOf(body).every((branch) => Number.isFinite(maxLength(branch)))) {
    cursor.fail('lookbehind is not of bounded length', start)
  }
  return { kind: 'look', body, behind, negative }
}

/** The alternatives of a node, itself alone when there are none. */
function branchesOf(node: Node): readonly Node[] {
  return node.kind === 'alt' ? node.items : [node]
}

/** The options in force after `(?i-s)` and the like. */
function withOptions(cursor: Cursor, found: RegExpExecArray, start: number): Flags {
  const [, reset, on, off] = found
  const flags = { ...cursor.flags }
  if (reset) Object.assign(flags, { caseless: false, multiline: false, dotAll: false, extended: false })
  const apply = (letters: string, value: boolean): void => {
    for (const letter of letters) {
      if (letter === 'i') flags.caseless = value
      else if (letter === 'm') flags.multiline = value
      else if (letter === 's') flags.dotAll = value
      else if (letter === 'x') flags.extended = value
      else if (letter === 'U') flags.ungreedy = value
      else cursor.fail(`unsupported option "${letter}"`, start)
    }
  }
  apply(on ?? '', true)
  apply(off ?? '', false)
  return flags
}
