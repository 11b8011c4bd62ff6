/** The reading position in a pattern, with the inline options in force there. */
import { RegexSyntaxError } from './types.ts'

/** Inline options; each can be switched within a pattern. */
export interface Flags {
  caseless: boolean
  multiline: boolean
  dotAll: boolean
  extended: boolean
  /** Swaps greedy and lazy (`(?U)`). */
  ungreedy: boolean
}

/** A pattern being read. */
export class Cursor {
  readonly text: string
  pos = 0
  flags: Flags
  /** RE2's syntax, not PCRE's. */
  readonly re2: boolean
  /** Inside `\Q...\E`. */
  quoting = false
  /** Capture groups opened so far. */
  groups = 0
  readonly names: Map<string, number> = new Map()
  #total: number | undefined

  constructor(text: string, flags: Flags, re2: boolean) {
    this.text = text
    this.re2 = re2
    this.flags = flags
    for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 255) throw new RegexSyntaxError('not a byte', i)
  }

  /** Is the whole pattern read? */
  get done(): boolean {
    return this.pos >= this.text.length
  }

  /** The next character, or the empty string at the end. */
  peek(): string {
    return this.text[this.pos] ?? ''
  }

  /** Reads one character. */
  next(): string {
    if (this.done) this.fail('unexpected end of pattern')
    return this.text[this.pos++]!
  }

  /** Reads `what` when it comes next. */
  eat(what: string): boolean {
    if (!this.text.startsWith(what, this.pos)) return false
    this.pos += what.length
    return true
  }

  /** Matches a sticky JavaScript expression here and reads it. */
  take(sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = this.pos
    const found = sticky.exec(this.text)
    if (found) this.pos += found[0].length
    return found
  }

  /** @throws RegexSyntaxError always */
  fail(what: string, offset: number = this.pos): never {
    throw new RegexSyntaxError(what, offset)
  }

  /** Number of capture groups in the whole pattern, which decides whether `\12` is a reference or an octal code. */
  get totalGroups(): number {
    this.#total ??= countGroups(this.text)
    return this.#total
  }
}

/** Counts opening parentheses that capture, skipping escapes and classes. */
function countGroups(text: string): number {
  const token =
    /\\Q[\s\S]*?(?:\\E|$)|\\[\s\S]|\[\^?\]?(?:\\[\s\S]|\[:\^?[a-z]+:\]|[^\]\\])*\]|\(\?P?<(?![=!])|\(\?'|\((?![?*])/g
  let count = 0
  for (const [found] of text.matchAll(token)) if (found.startsWith('(')) count++
  return count
}
