/** Several patterns in one automaton. */
import { startsWith } from './ast.ts'
import { Automaton } from './automaton.ts'
import { LazyDfa } from './lazy-dfa.ts'
import { ProgramBuilder } from './program.ts'
import { CompiledRegex } from './regex.ts'
import { loadSubject } from './subject.ts'
import type { Regex } from './types.ts'

/** Tests several linear patterns with a single walk over the subject. */
export class RegexGroup {
  readonly #automaton: Automaton
  readonly #anchored: boolean
  #which: LazyDfa | undefined
  #any: LazyDfa | undefined

  /**
   * @param items patterns made by `compileRegex`, with the bit each has in `out`
   * @throws TypeError when a pattern is not linear
   */
  constructor(items: readonly { id: number; regex: Regex }[]) {
    const builder = new ProgramBuilder('plain')
    const roots = items.map(({ regex }) => {
      if (!(regex instanceof CompiledRegex) || !regex.linear) throw new TypeError(`not linear: ${regex.source}`)
      return regex.regular
    })
    const entries = roots.map((root, i) => builder.add(root, items[i]!.id))
    if (entries.length === 0) entries.push(builder.add({ kind: 'set', set: new Uint32Array(8) }, 0))
    this.#anchored = roots.every((root) => startsWith(root, 'bos'))
    this.#automaton = new Automaton(builder.finish(builder.join(entries)), false)
  }

  /**
   * Marks in `out` the id of every pattern that matches.
   * @param out a bitset over the ids; marks are added, nothing is cleared
   */
  match(subject: string, out: Uint32Array): void {
    this.#which ??= new LazyDfa(this.#automaton, 'which', this.#anchored)
    this.#which.walk(loadSubject(subject), 0, subject.length, 1, 0, (_index, ids) => {
      for (const id of ids) out[id >>> 5]! |= 1 << (id & 31)
    })
  }

  /** Does any of the patterns match? */
  test(subject: string): boolean {
    this.#any ??= new LazyDfa(this.#automaton, 'search', this.#anchored)
    return this.#any.walk(loadSubject(subject), 0, subject.length, 1, 0)
  }
}
