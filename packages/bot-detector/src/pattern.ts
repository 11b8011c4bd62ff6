import { bracket, escapedSet } from './character-class.ts'
import { type CharacterSet, complement, foldCase, setOf, single } from './character-sets.ts'
import { PatternError, Scanner } from './scanner.ts'

/** A parsed regular expression. Groups leave no trace: only whether it matches is asked. */
export type Pattern =
  | { kind: 'set'; set: CharacterSet }
  | { kind: 'assert'; at: 'start' | 'end' | 'word' | 'not-word' }
  | { kind: 'sequence'; parts: readonly Pattern[] }
  | { kind: 'choice'; options: readonly Pattern[] }
  | { kind: 'repeat'; of: Pattern; min: number; max: number }

interface Flags {
  ignoreCase: boolean
  dotAll: boolean
}

const MAX_REPEAT = 1000
const MAX_DEPTH = 200
const NEWLINE = single(10)

/**
 * Parses RE2's syntax, which has nothing that needs backtracking: no look-around, no backreferences.
 *
 * @throws PatternError with what is wrong and what RE2 does not have.
 */
export function parsePattern(text: string): Pattern {
  return new Parser(text).parse()
}

class Parser {
  readonly #scanner: Scanner
  #depth = 0
  #flags: Flags = { ignoreCase: false, dotAll: false }

  constructor(text: string) {
    this.#scanner = new Scanner(text)
  }

  parse(): Pattern {
    const pattern = this.#choice()
    if (!this.#scanner.done) throw new PatternError('a ")" without its "("')
    return pattern
  }

  #choice(): Pattern {
    const options = [this.#sequence()]
    while (this.#scanner.eat('|')) options.push(this.#sequence())
    return options.length === 1 ? options[0]! : { kind: 'choice', options }
  }

  #sequence(): Pattern {
    const parts: Pattern[] = []
    while (!this.#scanner.done && !'|)'.includes(this.#scanner.char)) {
      const atom = this.#atom()
      if (atom !== undefined) parts.push(this.#repeated(atom))
    }
    return parts.length === 1 ? parts[0]! : { kind: 'sequence', parts }
  }

  /** One item; undefined for what matches nothing by itself, such as `(?i)`. */
  #atom(): Pattern | undefined {
    const char = this.#scanner.char
    switch (char) {
      case '(':
        this.#scanner.skip()
        return this.#group()
      case '[':
        this.#scanner.skip()
        return { kind: 'set', set: bracket(this.#scanner, this.#flags.ignoreCase) }
      case '.':
        this.#scanner.skip()
        return this.#set(this.#flags.dotAll ? setOf('\x00\xff') : complement(NEWLINE))
      case '^':
        this.#scanner.skip()
        return { kind: 'assert', at: 'start' }
      case '$':
        this.#scanner.skip()
        return { kind: 'assert', at: 'end' }
      case '\\':
        this.#scanner.skip()
        return this.#escape()
      case '*':
      case '+':
      case '?':
        throw new PatternError(`nothing to repeat before "${char}"`)
      default:
        return this.#literal()
    }
  }

  /** A character as the bytes that it has on the wire. */
  #literal(): Pattern {
    const char = this.#scanner.take()
    const code = char.codePointAt(0)!
    if (code < 128) return this.#set(single(code))
    const parts = [...Buffer.from(char)].map((byte) => this.#set(single(byte)))
    return { kind: 'sequence', parts }
  }

  #set(set: CharacterSet): Pattern {
    return { kind: 'set', set: this.#flags.ignoreCase ? foldCase(set) : set }
  }

  #repeated(of: Pattern): Pattern {
    const bounds = this.#bounds()
    if (bounds === undefined) return of
    this.#scanner.eat('?')
    if (!this.#scanner.done && ('*+?'.includes(this.#scanner.char) || this.#bounds() !== undefined)) {
      throw new PatternError('one repetition directly after another')
    }
    return { kind: 'repeat', of, ...bounds }
  }

  #bounds(): { min: number; max: number } | undefined {
    if (this.#scanner.eat('*')) return { min: 0, max: Number.POSITIVE_INFINITY }
    if (this.#scanner.eat('+')) return { min: 1, max: Number.POSITIVE_INFINITY }
    if (this.#scanner.eat('?')) return { min: 0, max: 1 }
    const match = this.#scanner.match(/\{([0-9]{1,5})(?:(,)([0-9]{1,5})?)?\}/y)
    if (match === undefined) return undefined
    const min = Number(match[1])
    const max = match[2] === undefined ? min : match[3] === undefined ? Number.POSITIVE_INFINITY : Number(match[3])
    if (max < min || min > MAX_REPEAT || (max > MAX_REPEAT && Number.isFinite(max))) {
      throw new PatternError(`${match[0]}: repetitions go up to ${MAX_REPEAT}, the smaller number first`)
    }
    return { min, max }
  }

  #group(): Pattern | undefined {
    if (++this.#depth > MAX_DEPTH) throw new PatternError(`more than ${MAX_DEPTH} groups in each other`)
    const before = this.#flags
    if (this.#scanner.eat('?') && this.#groupHead()) {
      // (?i) holds until the end of the group around it.
      this.#depth--
      return undefined
    }
    const inside = this.#choice()
    if (!this.#scanner.eat(')')) throw new PatternError('a "(" without its ")"')
    this.#flags = before
    this.#depth--
    return inside
  }

  /** What follows `(?`. True when that was all: flags without a group. */
  #groupHead(): boolean {
    if (this.#scanner.match(/<?[=!]/y) !== undefined) throw new PatternError('look-around is not supported')
    if (this.#scanner.match(/P?<[A-Za-z_]\w*>/y) !== undefined) return false
    const match = this.#scanner.match(/([imsU]*)(?:-([imsU]+))?([:)])/y)
    if (match === undefined) throw new PatternError('an unknown kind of group after "(?"')
    const [, on = '', off = '', end] = match
    // Of the others, U changes only which of several matches is found, and m matters only where there are lines.
    this.#flags = {
      ignoreCase: (this.#flags.ignoreCase || on.includes('i')) && !off.includes('i'),
      dotAll: (this.#flags.dotAll || on.includes('s')) && !off.includes('s'),
    }
    return end === ')'
  }

  /** What follows a backslash outside brackets. */
  #escape(): Pattern {
    const char = this.#scanner.char
    if (char === 'b' || char === 'B') {
      this.#scanner.skip()
      return { kind: 'assert', at: char === 'b' ? 'word' : 'not-word' }
    }
    if (char === 'A' || char === 'z') {
      this.#scanner.skip()
      return { kind: 'assert', at: char === 'A' ? 'start' : 'end' }
    }
    if (char === 'Q') return this.#quoted()
    return this.#set(escapedSet(this.#scanner))
  }

  /** `\Q` to `\E`: every character stands for itself. */
  #quoted(): Pattern {
    const parts: Pattern[] = []
    this.#scanner.skip()
    while (!this.#scanner.done && this.#scanner.match(/\\E/y) === undefined) parts.push(this.#literal())
    return { kind: 'sequence', parts }
  }
}
