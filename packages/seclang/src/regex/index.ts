/** Regular expressions for the rule language: a PCRE subset over bytes. */
import { isRegular, minLength, type Node } from './ast.ts'
import { emit } from './emit.ts'
import { parse } from './parser.ts'
import type { Regex, RegexMatch, RegexOptions } from './types.ts'

export { MatchLimitError, type Regex, type RegexMatch, type RegexOptions, RegexSyntaxError } from './types.ts'

class SimpleRegex implements Regex {
  readonly source: string
  readonly linear: boolean
  readonly literals: readonly string[] | undefined = undefined
  readonly minLength: number
  readonly byteClass: Uint32Array | undefined = undefined
  readonly #root: Node
  #re: RegExp | undefined
  constructor(pattern: string, options: RegexOptions) {
    this.source = pattern
    this.#root = parse(pattern, options).root
    this.linear = isRegular(this.#root)
    this.minLength = minLength(this.#root)
  }
  get re(): RegExp {
    this.#re ??= new RegExp(emit(this.#root), 'g')
    return this.#re
  }
  test(subject: string): boolean {
    this.re.lastIndex = 0
    return this.re.test(subject)
  }
  exec(subject: string): RegexMatch | null {
    return this.execAll(subject, 1)[0] ?? null
  }
  execAll(subject: string, max: number): RegexMatch[] {
    const found: RegexMatch[] = []
    for (const match of subject.matchAll(this.re)) {
      if (found.length >= max) break
      found.push({ index: match.index, captures: [...match] })
    }
    return found
  }
}

/** Compiles a pattern. @throws RegexSyntaxError */
export function compileRegex(pattern: string, options: RegexOptions = {}): Regex {
  return new SimpleRegex(pattern, options)
}

/** Finds which literal sets occur in a subject. */
export class LiteralScanner {
  readonly #sets: readonly { id: number; literals: readonly string[] }[]
  constructor(sets: readonly { id: number; literals: readonly string[] }[]) {
    this.#sets = sets
  }
  scan(subject: string, out: Uint32Array): void {
    const lower = subject.replace(/[A-Z]+/g, (s) => s.toLowerCase())
    for (const { id, literals } of this.#sets) {
      if (literals.some((literal) => lower.includes(literal))) out[id >>> 5]! |= 1 << (id & 31)
    }
  }
}

/** Tests several patterns. */
export class RegexGroup {
  readonly #items: readonly { id: number; regex: Regex }[]
  constructor(items: readonly { id: number; regex: Regex }[]) {
    this.#items = items
  }
  match(subject: string, out: Uint32Array): void {
    for (const { id, regex } of this.#items) if (regex.test(subject)) out[id >>> 5]! |= 1 << (id & 31)
  }
}
