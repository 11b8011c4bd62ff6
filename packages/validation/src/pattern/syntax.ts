/** What a pattern is made of. `set` is one character, tested by `sets[set]`. */
export type PatternNode =
  | { kind: 'set'; set: number }
  | { kind: 'assert'; what: 'start' | 'end' | 'word' | 'not-word' }
  | { kind: 'sequence'; items: readonly PatternNode[] }
  | { kind: 'choice'; items: readonly PatternNode[] }
  | { kind: 'repeat'; item: PatternNode; min: number; max: number }

/** A condition that stands before the pattern: `^(?=.*[0-9])`. */
interface Lookahead {
  negated: boolean
  node: PatternNode
}

/** A pattern, read. */
export interface PatternSyntax {
  node: PatternNode
  lookaheads: readonly Lookahead[]
  /** One-character tests, by a code point (a code unit without `unicode`). */
  sets: readonly ((code: number) => boolean)[]
  /** Is it read with the flag `u`? Patterns that are only valid without it are read without. */
  unicode: boolean
}

/** A pattern that is no regular expression, or one that cannot be matched in linear time. */
export class PatternError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'PatternError'
  }
}

const LONGEST_PATTERN = 5000
const ASSERTIONS = { '\\b': 'word', '\\B': 'not-word' } as const

/**
 * Reads an ECMA-262 regular expression. What cannot be matched in linear time is refused: back references, lookbehind,
 * and lookahead other than right after a leading `^`, where it is only a further condition.
 *
 * @throws PatternError
 */
export function parsePattern(source: string): PatternSyntax {
  if (source.length > LONGEST_PATTERN) throw new PatternError(`is longer than ${LONGEST_PATTERN} characters`)
  const unicode = isRegExp(source, 'u')
  if (!unicode && !isRegExp(source, '')) throw new PatternError('is not a regular expression')
  return new PatternParser(source, unicode).parse()
}

function isRegExp(source: string, flags: string): boolean {
  try {
    new RegExp(source, flags)
    return true
  } catch {
    return false
  }
}

class PatternParser {
  readonly #source: string
  readonly #unicode: boolean
  readonly #sets: ((code: number) => boolean)[] = []
  readonly #setBySource = new Map<string, number>()
  readonly #lookaheads: Lookahead[] = []
  #at = 0
  #depth = 0

  constructor(source: string, unicode: boolean) {
    this.#source = source
    this.#unicode = unicode
  }

  parse(): PatternSyntax {
    const node = this.#choice()
    if (this.#lookaheads.length > 0 && node.kind === 'choice') {
      throw new PatternError('has a lookahead in one of several alternatives, which cannot be matched in linear time')
    }
    return { node, lookaheads: this.#lookaheads, sets: this.#sets, unicode: this.#unicode }
  }

  #choice(): PatternNode {
    if (++this.#depth > 200) throw new PatternError('nests more than 200 groups')
    const items: PatternNode[] = [this.#sequence()]
    while (this.#take('|')) items.push(this.#sequence())
    this.#depth--
    return items.length === 1 ? items[0]! : { kind: 'choice', items }
  }

  #sequence(): PatternNode {
    const items: PatternNode[] = []
    while (this.#at < this.#source.length && !'|)'.includes(this.#source[this.#at]!)) {
      if (this.#takeLookahead(items)) continue
      items.push(this.#quantified(this.#term()))
    }
    return { kind: 'sequence', items }
  }

  #takeLookahead(items: readonly PatternNode[]): boolean {
    const opening = this.#source.slice(this.#at, this.#at + 3)
    if (opening !== '(?=' && opening !== '(?!') return false
    const first = items[0]
    const leading = this.#depth === 1 && items.length === 1 && first?.kind === 'assert' && first.what === 'start'
    if (!leading) {
      throw new PatternError(
        'has a lookahead that does not follow a leading "^", which cannot be matched in linear time',
      )
    }
    this.#at += 3
    const node = this.#choice()
    this.#at++
    this.#lookaheads.push({ negated: opening === '(?!', node })
    return true
  }

  #term(): PatternNode {
    const char = this.#source[this.#at]!
    if (char === '^' || char === '$') {
      this.#at++
      return { kind: 'assert', what: char === '^' ? 'start' : 'end' }
    }
    if (char === '(') return this.#group()
    if (char === '[') return this.#set(this.#classSource())
    if (char === '\\') return this.#escape()
    if (char === '.') {
      this.#at++
      return this.#set('.')
    }
    return this.#literal()
  }

  #group(): PatternNode {
    const opening = /^\((?:\?(?::|<?[=!]|<[^>]*>|[^)]*:)?)?/.exec(this.#source.slice(this.#at, this.#at + 100))![0]
    if (opening.startsWith('(?<=') || opening.startsWith('(?<!')) {
      throw new PatternError('has a lookbehind, which cannot be matched in linear time')
    }
    const named = opening.startsWith('(?<')
    if (opening !== '(' && opening !== '(?:' && !named) throw new PatternError('has a kind of group that is not known')
    this.#at += opening.length
    const node = this.#choice()
    this.#at++
    return node
  }

  #escape(): PatternNode {
    const rest = this.#source.slice(this.#at, this.#at + 100)
    const assertion = rest.slice(0, 2)
    if (assertion === '\\b' || assertion === '\\B') {
      this.#at += 2
      return { kind: 'assert', what: ASSERTIONS[assertion] }
    }
    if (/^\\(?:[1-9]|k<|0[0-9])/.test(rest)) {
      throw new PatternError('has a back reference or an octal escape, which cannot be matched in linear time')
    }
    const length =
      /^\\(?:u\{[0-9a-fA-F]+\}|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|[pP]\{[^}]*\}|.)/su.exec(
        rest,
      )![0].length
    const source = rest.slice(0, length)
    this.#at += length
    return this.#set(source)
  }

  #literal(): PatternNode {
    const code = this.#unicode ? this.#source.codePointAt(this.#at)! : this.#source.charCodeAt(this.#at)
    this.#at += code > 0xffff ? 2 : 1
    const key = `= ${code}`
    let index = this.#setBySource.get(key)
    if (index === undefined) {
      index = this.#sets.push((other) => other === code) - 1
      this.#setBySource.set(key, index)
    }
    return { kind: 'set', set: index }
  }

  /** A set is what the engine itself says of one character, so that every class means exactly what it means there. */
  #set(source: string): PatternNode {
    let index = this.#setBySource.get(source)
    if (index === undefined) {
      const test = new RegExp(`^${source}$`, this.#unicode ? 'u' : '')
      const text = this.#unicode ? String.fromCodePoint : String.fromCharCode
      index = this.#sets.push((code) => test.test(text(code))) - 1
      this.#setBySource.set(source, index)
    }
    return { kind: 'set', set: index }
  }

  #classSource(): string {
    const start = this.#at
    for (this.#at++; this.#source[this.#at] !== ']'; this.#at++) if (this.#source[this.#at] === '\\') this.#at++
    this.#at++
    return this.#source.slice(start, this.#at)
  }

  #quantified(item: PatternNode): PatternNode {
    const found = /^(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})\??/.exec(this.#source.slice(this.#at, this.#at + 50))
    if (found === null) return item
    const [text, least, comma, most] = found
    this.#at += text.length
    if (least === undefined)
      return { kind: 'repeat', item, min: text[0] === '+' ? 1 : 0, max: text[0] === '?' ? 1 : Infinity }
    const min = Number(least)
    const max = comma === undefined ? min : most === '' ? Number.POSITIVE_INFINITY : Number(most)
    return { kind: 'repeat', item, min, max }
  }

  #take(char: string): boolean {
    if (this.#source[this.#at] !== char) return false
    this.#at++
    return true
  }
}
