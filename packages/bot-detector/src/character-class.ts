import {
  addAll,
  type CharacterSet,
  CLASSES,
  complement,
  foldCase,
  POSIX_CLASSES,
  setOf,
  single,
} from './character-sets.ts'
import { PatternError, type Scanner } from './scanner.ts'

const CONTROL: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 }

/**
 * What follows a backslash, where it stands for one byte of a set, inside and outside brackets.
 *
 * @throws PatternError for what RE2 does not have, and for Unicode classes.
 */
export function escapedSet(scanner: Scanner): CharacterSet {
  const char = scanner.take()
  if (char === '') throw new PatternError('a backslash at the end')
  const known = CLASSES[char.toLowerCase()]
  if (known !== undefined) return char === char.toLowerCase() ? known : complement(known)
  if (Object.hasOwn(CONTROL, char)) return single(CONTROL[char]!)
  if (char === 'x') return single(hexadecimal(scanner))
  const octal = char === '0' ? scanner.match(/[0-7]{0,2}/y) : undefined
  if (octal !== undefined) return single(Number.parseInt(`0${octal[0]}`, 8))
  if (/[1-9]/.test(char)) throw new PatternError('backreferences are not supported')
  if (/[a-z]/i.test(char)) throw new PatternError(`"\\${char}" is not supported`)
  if (char.charCodeAt(0) > 127) throw new PatternError('only ASCII characters can be escaped')
  return single(char.charCodeAt(0))
}

function hexadecimal(scanner: Scanner): number {
  const match = scanner.match(/(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,6})\})/y)
  const code = match === undefined ? -1 : Number.parseInt(match[1] ?? match[2]!, 16)
  if (code < 0 || code > 127) throw new PatternError('"\\x" takes two digits, 00 to 7F')
  return code
}

/**
 * What follows `[`, up to and with its `]`.
 *
 * @throws PatternError for a range that is none, an unknown class, and characters beyond ASCII.
 */
export function bracket(scanner: Scanner, ignoreCase: boolean): CharacterSet {
  const negated = scanner.eat('^')
  const set = setOf()
  let first = true
  while (first || scanner.char !== ']') {
    first = false
    item(scanner, set)
  }
  scanner.skip()
  const folded = ignoreCase ? foldCase(set) : set
  return negated ? complement(folded) : folded
}

function item(scanner: Scanner, set: CharacterSet): void {
  const posix = scanner.match(/\[:(\^?)(\w+):\]/y)
  if (posix !== undefined) {
    const named = Object.hasOwn(POSIX_CLASSES, posix[2]!) ? POSIX_CLASSES[posix[2]!]! : undefined
    if (named === undefined) throw new PatternError(`there is no class ${posix[0]}`)
    addAll(set, posix[1] === '^' ? complement(named) : named)
    return
  }
  const from = member(scanner)
  if (scanner.match(/-(?!\])/y) === undefined) {
    addAll(set, from)
    return
  }
  const low = onlyMember(from)
  const high = onlyMember(member(scanner))
  if (low === undefined || high === undefined || low > high) throw new PatternError('a range that is none in "[…]"')
  set.fill(1, low, high + 1)
}

function member(scanner: Scanner): CharacterSet {
  if (scanner.eat('\\')) return escapedSet(scanner)
  const char = scanner.take()
  if (char === '') throw new PatternError('a "[" without its "]"')
  if (char.charCodeAt(0) > 127) throw new PatternError('only ASCII characters can stand in "[…]"')
  return single(char.charCodeAt(0))
}

function onlyMember(set: CharacterSet): number | undefined {
  const first = set.indexOf(1)
  return first !== -1 && set.indexOf(1, first + 1) === -1 ? first : undefined
}
