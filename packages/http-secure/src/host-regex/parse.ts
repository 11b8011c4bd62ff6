/** A set of ASCII characters, by code; hosts are compared in lower case. */
export type CharSet = Uint8Array

/** A pattern as a tree. */
export type Node =
  | { kind: 'set'; set: CharSet }
  | { kind: 'sequence'; items: Node[] }
  | { kind: 'choice'; items: Node[] }
  | { kind: 'repeat'; item: Node; min: number; max: number }
  | { kind: 'start' | 'end' }

const MAX_REPEAT = 255
const NAMED: Readonly<Record<string, string>> = { d: '0-9', w: 'a-z0-9_', s: ' ' }

/**
 * Reads a regular expression for hosts: literals, `.`, classes, groups, alternatives, `* + ? {n,m}`, `^` and `$`.
 * What a linear matcher cannot run (back references, look-around) is refused, as in RE2, which KrakenD uses.
 *
 * @throws SyntaxError that says what is wrong and where.
 */
export function parsePattern(source: string): Node {
  const reader = new Reader(source.replace(/^\(\?i\)/, ''))
  const node = reader.choice()
  if (!reader.atEnd) reader.fail('unmatched ")"')
  return node
}

class Reader {
  readonly #source: string
  #at = 0
  #depth = 0

  constructor(source: string) {
    this.#source = source
  }

  get atEnd(): boolean {
    return this.#at >= this.#source.length
  }

  fail(message: string): never {
    throw new SyntaxError(`${message} at position ${this.#at}`)
  }

  choice(): Node {
    const items = [this.#sequence()]
    while (this.#take('|')) items.push(this.#sequence())
    return items.length === 1 ? items[0]! : { kind: 'choice', items }
  }

  #sequence(): Node {
    const items: Node[] = []
    while (!this.atEnd && this.#peek() !== '|' && this.#peek() !== ')') items.push(this.#repeated())
    return { kind: 'sequence', items }
  }

  #repeated(): Node {
    const item = this.#atom()
    const range = this.#quantifier()
    if (range === undefined) return item
    if (item.kind === 'start' || item.kind === 'end') this.fail('nothing to repeat')
    this.#take('?')
    if ('*+?{'.includes(this.#peek() || ' ')) this.fail('two quantifiers in a row')
    return { kind: 'repeat', item, ...range }
  }

  #quantifier(): { min: number; max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Number.POSITIVE_INFINITY }
    if (this.#take('+')) return { min: 1, max: Number.POSITIVE_INFINITY }
    if (this.#take('?')) return { min: 0, max: 1 }
    if (this.#peek() !== '{') return undefined
    const match = /^\{([0-9]{1,3})(,([0-9]{0,3}))?\}/.exec(this.#source.slice(this.#at))
    if (match === null) this.fail('"{" starts no quantifier; write \\{ for the character')
    const min = Number(match[1])
    const max = match[2] === undefined ? min : match[3] === '' ? Number.POSITIVE_INFINITY : Number(match[3])
    if (min > MAX_REPEAT || (max !== Number.POSITIVE_INFINITY && (max > MAX_REPEAT || max < min))) {
      this.fail(`wrong range of a quantifier (at most ${MAX_REPEAT})`)
    }
    this.#at += match[0].length
    return { min, max }
  }

  #atom(): Node {
    const char = this.#next()
    switch (char) {
      case '(':
        return this.#group()
      case '[':
        return { kind: 'set', set: this.#class() }
      case '.':
        return { kind: 'set', set: new Uint8Array(128).fill(1) }
      case '^':
        return { kind: 'start' }
      case '$':
        return { kind: 'end' }
      case '\\':
        return this.#escape()
      case '*':
      case '+':
      case '?':
      case '{':
        this.#at--
        return this.fail('nothing to repeat')
      default:
        return { kind: 'set', set: setOf((add) => add(char)) }
    }
  }

  #group(): Node {
    if (this.#take('?')) {
      const name = /^(:|P?<[A-Za-z_]\w*>)/.exec(this.#source.slice(this.#at))
      if (name === null) this.fail('this kind of group is not supported')
      this.#at += name[0].length
    }
    if (++this.#depth > 50) this.fail('groups are nested too deeply')
    const node = this.choice()
    this.#depth--
    if (!this.#take(')')) this.fail('missing ")"')
    return node
  }

  #escape(): Node {
    const char = this.#next()
    if (char === 'A') return { kind: 'start' }
    if (char === 'z') return { kind: 'end' }
    return { kind: 'set', set: this.#escapedSet(char) }
  }

  #escapedSet(char: string): CharSet {
    const named = NAMED[char.toLowerCase()]
    if (named !== undefined) {
      const set = setOf((add) => addRanges(named, add))
      return char === char.toLowerCase() ? set : negate(set)
    }
    if (/[A-Za-z0-9]/.test(char)) this.fail(`"\\${char}" is not supported`)
    return setOf((add) => add(char))
  }

  #class(): CharSet {
    const negated = this.#take('^')
    const set = new Uint8Array(128)
    let first = true
    while (first || this.#peek() !== ']') {
      if (this.atEnd) this.fail('missing "]"')
      if (this.#peek() === '[' && this.#source[this.#at + 1] === ':') this.fail('named classes are not supported')
      const low = this.#classMember(set)
      if (low !== undefined && this.#peek() === '-' && this.#source[this.#at + 1] !== ']') {
        this.#at++
        const high = this.#classMember(set)
        if (high === undefined || high < low) this.fail('wrong range in a class')
        for (let code = low.charCodeAt(0); code <= high.charCodeAt(0); code++) fold(set, code)
      }
      first = false
    }
    this.#at++
    return negated ? negate(set) : set
  }

  /** One character of a class, returned so that it may start a range; a named set such as `\d` cannot. */
  #classMember(set: CharSet): string | undefined {
    const char = this.#next()
    if (char !== '\\') {
      fold(set, char.charCodeAt(0))
      return char
    }
    const escaped = this.#next()
    const members = this.#escapedSet(escaped)
    for (let code = 0; code < 128; code++) if (members[code] === 1) set[code] = 1
    return NAMED[escaped.toLowerCase()] === undefined ? escaped : undefined
  }

  #peek(): string {
    return this.#source[this.#at] ?? ''
  }

  #next(): string {
    if (this.atEnd) this.fail('unexpected end')
    return this.#source[this.#at++]!
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false
    this.#at++
    return true
  }
}

function setOf(fill: (add: (char: string) => void) => void): CharSet {
  const set = new Uint8Array(128)
  fill((char) => fold(set, char.charCodeAt(0)))
  return set
}

function addRanges(ranges: string, add: (char: string) => void): void {
  for (const [part] of ranges.matchAll(/.-.|./g)) {
    const last = part.charCodeAt(part.length - 1)
    for (let code = part.charCodeAt(0); code <= last; code++) add(String.fromCharCode(code))
  }
}

/** Upper case stands for lower case; what is not ASCII is in no host. */
function fold(set: CharSet, code: number): void {
  const lower = code >= 65 && code <= 90 ? code + 32 : code
  if (lower < 128) set[lower] = 1
}

function negate(set: CharSet): CharSet {
  return set.map((member) => 1 - member)
}
