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
  #pike: PikeVm | undefined
  #backtracker: Backtracker | undefined

  /** @throws RegexSyntaxError for a malformed, unsupported or too large pattern */
  constructor(source: string, options: RegexOptions) {
    this.source = source
    this.#pattern = parse(source, options)
    const root = this.#pattern.root
    if (programSize(root) > MAX_PROGRAM) throw new RegexSyntaxError('the pattern is too large', source.length)
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
    const starts = this.#startsIn(bytes, subject.length, max)
    const found: RegexMatch[] = []
    if (starts.length === 0) return found
    if (!this.linear) this.#beginBacktracking(bytes, subject.length)
    let from = 0
    // Starts come last first.
    for (let i = starts.length - 1; i >= 0 && found.length < max; i--) {
      const start = starts[i]!
      if (start < from) continue
      const slots = this.#matchAt(bytes, start, subject.length)
      if (!slots) continue
      found.push(toMatch(subject, slots))
      from = Math.max(slots[1]!, start + 1)
    }
    return found
  }

  /** Positions at which a match may start, in descending order: for a linear pattern those at which one does. */
  #startsIn(bytes: Uint8Array, length: number, max: number): number[] {
    this.#starts ??= newDfa(this.regular, 'starts')
    const starts: number[] = []
    // The leftmost start is all that a single match of a linear pattern needs.
    const single = max === 1 && this.linear
    this.#starts.dfa.walk(bytes, length - 1, -1, -1, 0, (index) => {
      if (single) starts[0] = index + 1
      else starts.push(index + 1)
    })
    return starts
  }

  /** The preferred match at a position, as slots. */
  #matchAt(bytes: Uint8Array, start: number, length: number): Int32Array | null {
    if (!this.linear) return this.#backtracker!.match(start)
    this.#ends ??= newDfa(this.regular, 'ends')
    const { dfa, automaton } = this.#ends
    const context = start === 0 ? 0 : automaton.contextOf[automaton.classOf[bytes[start - 1]!]!]!
    let end = -1
    dfa.walk(bytes, start, length, 1, context, (index) => {
      end = index
    })
    if (end < 0) return null
    const groups = this.#pattern.groups
    if (groups === 0) return Int32Array.of(start, end)
    this.#pike ??= new PikeVm(newProgram(this.#pattern.root, 'captures'), groups)
    return this.#pike.match(bytes, start, end, length)
  }

  #beginBacktracking(bytes: Uint8Array, length: number): void {
    if (length > this.#limitBytes) throw new MatchLimitError(`subject longer than ${this.#limitBytes} bytes`)
    const { root, groups } = this.#pattern
    this.#backtracker ??= new Backtracker(newProgram(root, 'backtrack'), groups)
    this.#backtracker.begin(bytes, length)
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

/** The automaton that tells whether there is a match, where matches start, or where a match that starts here ends. */
function newDfa(root: Node, task: 'search' | 'starts' | 'ends'): Walker {
  const backwards = task === 'starts'
  const automaton = new Automaton(newProgram(backwards ? mirror(root) : root, 'plain'), backwards)
  const anchored = startsWith(backwards ? mirror(root) : root, backwards ? 'eos' : 'bos')
  const mode = task === 'search' ? 'search' : task === 'starts' ? 'collect' : 'ordered'
  return { dfa: new LazyDfa(automaton, mode, anchored), automaton }
}

function toMatch(subject: string, slots: Int32Array): RegexMatch {
  const captures: (string | undefined)[] = []
  for (let i = 0; i < slots.length; i += 2) {
    captures.push(slots[i]! < 0 || slots[i + 1]! < 0 ? undefined : subject.slice(slots[i], slots[i + 1]))
  }
  return { index: slots[0]!, captures }
}
