/** Compiled patterns: which automaton answers which question. */
import { isRegular, minLength, type Node, type Pattern, relax, startsWith } from './ast.ts'
import { Automaton } from './automaton.ts'
import { Backtracker } from './backtracker.ts'
import { LazyDfa } from './lazy-dfa.ts'
import { requiredBytes, requiredLiterals } from './literals.ts'
import { parse } from './parser.ts'
import { PikeVm } from './pike.ts'
import { mirror, ProgramBuilder, type ProgramMode, programSize } from './program.ts'
import { loadSubject } from './subject.ts'
import { MatchLimitError, type Regex, type RegexMatch, type RegexOptions, RegexSyntaxError } from './types.ts'

/** Most instructions a pattern may translate to; PCRE has a limit of this kind too. */
const MAX_PROGRAM = 200_000
const DEFAULT_LIMIT_BYTES = 1 << 18

/** A pattern compiled to lazily made automata. */
export class CompiledRegex implements Regex {
  readonly source: string
  readonly linear: boolean
  readonly size: number
  readonly literals: readonly string[] | undefined
  readonly minLength: number
  readonly byteClass: Uint32Array | undefined
  /** The tree that automata run: the pattern itself, or for a non-linear one a tree that matches at least as much. */
  readonly regular: Node
  readonly #pattern: Pattern
  readonly #limitBytes: number
  #search: LazyDfa | undefined
  #starts: Walker | undefined
  #ends: Walker | undefined
  #back: Walker | undefined
  #pike: PikeVm | undefined
  #backtracker: Backtracker | undefined

  /** @throws RegexSyntaxError for a malformed, unsupported or too large pattern */
  constructor(source: string, options: RegexOptions) {
    this.source = source
    this.#pattern = parse(source, options)
    const root = this.#pattern.root
    this.size = programSize(root)
    if (this.size > MAX_PROGRAM) throw new RegexSyntaxError('the pattern is too large', source.length)
    this.linear = isRegular(root)
    this.regular = this.linear ? root : relax(root)
    this.minLength = minLength(root)
    this.literals = requiredLiterals(root)
    this.byteClass = requiredBytes(root)
    this.#limitBytes = options.matchLimitBytes ?? DEFAULT_LIMIT_BYTES
  }

  test(subject: string): boolean {
    if (subject.length < this.minLength) return false
    this.#search ??= newDfa(this.regular, 'search').dfa
    if (!this.#search.walk(loadSubject(subject), 0, subject.length, 1, 0)) return false
    return this.linear || this.exec(subject) !== null
  }

  exec(subject: string): RegexMatch | null {
    return this.execAll(subject, 1)[0] ?? null
  }

  execAll(subject: string, max: number): RegexMatch[] {
    if (subject.length < this.minLength || max <= 0) return []
    const bytes = loadSubject(subject)
    const length = subject.length
    const found: RegexMatch[] = []
    const matches = this.linear ? this.#linearMatches(bytes, length) : this.#guardedMatches(bytes, length)
    for (const slots of matches) {
      found.push(toMatch(subject, slots))
      if (found.length >= max) break
    }
    return found
  }

  /**
   * Matches of a linear pattern as slots: a walk from the left gives the end of the preferred match that starts
   * leftmost, a walk back from there its start, and only then, between the two, the captures are followed.
   */
  *#linearMatches(bytes: Uint8Array, length: number): Generator<Int32Array> {
    this.#ends ??= newDfa(this.regular, 'ends')
    this.#back ??= newDfa(this.regular, 'back')
    const { root, groups } = this.#pattern
    for (let from = 0; from <= length; ) {
      const end = lastMatch(this.#ends, bytes, from, length, 1, from > 0 ? bytes[from - 1]! : -1)
      if (end < 0) return
      // The byte before the first allowed start is read too, for the assertions at that start.
      const stop = Math.max(from - 2, -1)
      const start = lastMatch(this.#back, bytes, end - 1, stop, -1, end < length ? bytes[end]! : -1, from)
      if (groups > 0) this.#pike ??= new PikeVm(newProgram(root, 'captures'), groups)
      yield this.#pike?.match(bytes, start, end, length) ?? Int32Array.of(start, end)
      from = Math.max(end, start + 1)
    }
  }

  /** Matches of a non-linear pattern: the backtracker tries the positions an automaton leaves over. */
  *#guardedMatches(bytes: Uint8Array, length: number): Generator<Int32Array> {
    this.#starts ??= newDfa(this.regular, 'starts')
    const starts: number[] = []
    this.#starts.dfa.walk(bytes, length - 1, -1, -1, 0, (index) => {
      starts.push(index + 1)
    })
    if (starts.length === 0) return
    const backtracker = this.#beginBacktracking(bytes, length)
    let from = 0
    // Starts come last first.
    for (let i = starts.length - 1; i >= 0; i--) {
      const slots = starts[i]! < from ? null : backtracker.match(starts[i]!)
      if (!slots) continue
      yield slots
      from = Math.max(slots[1]!, starts[i]! + 1)
    }
  }

  #beginBacktracking(bytes: Uint8Array, length: number): Backtracker {
    if (length > this.#limitBytes) throw new MatchLimitError(`subject longer than ${this.#limitBytes} bytes`)
    const { root, groups } = this.#pattern
    this.#backtracker ??= new Backtracker(newProgram(root, 'backtrack'), groups)
    this.#backtracker.begin(bytes, length)
    return this.#backtracker
  }
}

interface Walker {
  dfa: LazyDfa
  automaton: Automaton
}

function newProgram(root: Node, mode: ProgramMode): ReturnType<ProgramBuilder['finish']> {
  const builder = new ProgramBuilder(mode)
  return builder.finish(builder.add(root, 0))
}

/**
 * The automaton for one question: is there a match, where does the preferred one end, where does one that ends here
 * start (`back`), where does any start?
 */
function newDfa(root: Node, task: 'search' | 'ends' | 'back' | 'starts'): Walker {
  const backwards = task === 'back' || task === 'starts'
  const tree = backwards ? mirror(root) : root
  const automaton = new Automaton(newProgram(tree, 'plain'), backwards)
  const anchored = task === 'back' || startsWith(tree, backwards ? 'eos' : 'bos')
  const mode = task === 'search' ? 'search' : task === 'ends' ? 'ordered' : 'collect'
  return { dfa: new LazyDfa(automaton, mode, anchored), automaton }
}

/**
 * Walks and returns the last position at which a match was seen, -1 for none.
 * @param before the byte before the first, in the direction of the walk; -1 at the edge of the subject
 * @param least smallest position of interest
 */
function lastMatch(
  { dfa, automaton }: Walker,
  bytes: Uint8Array,
  from: number,
  to: number,
  delta: 1 | -1,
  before: number,
  least: number = 0,
): number {
  const context = before === -1 ? 0 : automaton.contextOf[automaton.classOf[before]!]!
  let last = -1
  dfa.walk(bytes, from, to, delta, context, (index) => {
    const position = delta > 0 ? index : index + 1
    if (position >= least) last = position
  })
  return last
}

function toMatch(subject: string, slots: Int32Array): RegexMatch {
  const captures: (string | undefined)[] = []
  for (let i = 0; i < slots.length; i += 2) {
    captures.push(slots[i]! < 0 || slots[i + 1]! < 0 ? undefined : subject.slice(slots[i], slots[i + 1]))
  }
  return { index: slots[0]!, captures }
}
