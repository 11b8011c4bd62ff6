/** Reads rule files into a list of rules, markers and changes, collecting every mistake on the way. */

import type { EngineConfig } from '../engine/config.ts'
import type { Reading } from '../engine/dialect.ts'
import { type Mistake, type Position, RuleMistake } from '../errors.ts'
import { checkOperator } from '../operators/index.ts'
import type { Steps } from '../steps.ts'
import { type ActionSpec, parseActions } from './actions.ts'
import { type Directive, readDirectives } from './lexer.ts'
import { applySetting } from './settings.ts'
import { parseVariables, type VariableSpec } from './variables.ts'

/** A rule's operator as written. */
export interface OperatorSpec {
  /** Without `@`. */
  readonly name: string
  readonly negated: boolean
  readonly argument: string
}

/** A SecRule, or a SecAction when it has no variables. */
export interface RuleSpec extends Position {
  readonly variables: readonly VariableSpec[] | null
  readonly operator: OperatorSpec
  readonly actions: readonly ActionSpec[]
  /** Further links of the chain. */
  readonly links: RuleSpec[]
  /** Default actions of its phase at this place in the files, by phase. */
  readonly defaults: ReadonlyMap<number, readonly ActionSpec[]>
}

/** Something in the order of the files. */
type Item =
  | { readonly kind: 'rule'; readonly rule: RuleSpec }
  | { readonly kind: 'marker'; readonly name: string; readonly at: Position }

/** What a SecRuleRemoveBy… or SecRuleUpdate… changes; `match` is an id list, a tag or message pattern. */
export interface Change extends Position {
  readonly what: 'remove' | 'targets' | 'actions'
  readonly by: 'id' | 'tag' | 'msg'
  readonly match: string
  readonly variables?: readonly VariableSpec[]
  /** Variables that the new ones stand in for, where the rule has them. */
  readonly replaced?: readonly VariableSpec[]
  readonly actions?: readonly ActionSpec[]
}

/** All files together. */
export interface Program {
  readonly items: Item[]
  readonly changes: Change[]
  readonly config: EngineConfig
  readonly mistakes: Mistake[]
  /** Files and texts in the order in which they were read first. */
  readonly sources: Set<string>
}

/** How files are found and read. */
export interface FileAccess {
  /** Files a glob names, in order; relative to the folder of `from`. */
  find(pattern: string, from: string): string[]
  /** Bytes of a file as a byte string. */
  read(path: string): string
  /** The same as they are, for databases. */
  bytes(path: string): Buffer
}

const ALWAYS: OperatorSpec = { name: 'unconditionalMatch', negated: false, argument: '' }
const MAX_INCLUDE_DEPTH = 20

/** Reads directives into a {@link Program}. */
export class ProgramReader {
  readonly program: Program
  private readonly access: FileAccess
  private defaults: ReadonlyMap<number, readonly ActionSpec[]> = new Map()
  private openChain: RuleSpec | undefined
  private depth = 0

  private readonly backslashes: Reading['backslashes']

  /** @param backslashes how backslashes in arguments are read */
  constructor(config: EngineConfig, access: FileAccess, backslashes: Reading['backslashes']) {
    this.backslashes = backslashes
    this.program = { items: [], changes: [], config, mistakes: [], sources: new Set() }
    this.access = access
  }

  /** Reads a text as if it were a file of that name, in steps of one directive. */
  *text(text: string, file: string): Steps<void> {
    this.program.sources.add(file)
    for (const directive of readDirectives(text, file, this.backslashes)) {
      if (/^include(?:optional)?$/i.test(directive.name)) yield* this.include(directive)
      else this.directive(directive)
      yield
    }
    if (this.openChain !== undefined && this.depth === 0) this.mistake(this.openChain, 'the chain is not finished')
    if (this.depth === 0) this.openChain = undefined
  }

  /** Reads the files that a glob names. */
  *files(pattern: string, from: Position, optional: boolean): Steps<void> {
    if (this.depth >= MAX_INCLUDE_DEPTH) {
      this.mistake(from, 'files include each other without end')
      return
    }
    const paths = this.access.find(pattern, from.file)
    if (paths.length === 0 && !optional) this.mistake(from, `no file matches "${pattern}"`)
    for (const path of paths) {
      let text: string
      try {
        text = this.access.read(path)
      } catch (error) {
        this.mistake(from, `cannot read ${path}: ${(error as Error).message}`)
        continue
      }
      this.depth++
      yield* this.text(text, path)
      this.depth--
    }
  }

  private *include(directive: Directive): Steps<void> {
    const { name, args } = directive
    if (args.length === 1) yield* this.files(args[0]!, directive, name.toLowerCase() === 'includeoptional')
    else this.mistake(directive, wrongCount(directive, 1, 1))
  }

  private mistake(at: Position, message: string): void {
    this.program.mistakes.push({ file: at.file, line: at.line, message })
  }

  private directive(directive: Directive): void {
    try {
      this.dispatch(directive)
    } catch (error) {
      if (!(error instanceof RuleMistake)) throw error
      this.mistake(directive, error.message)
      if (/^sec(?:rule|action)$/i.test(directive.name)) this.openChain = undefined
    }
  }

  private dispatch(directive: Directive): void {
    const { args } = directive
    switch (directive.name.toLowerCase()) {
      case 'secrule':
        expect(directive, 2, 3)
        this.secRule(directive)
        break
      case 'secaction':
        expect(directive, 1, 1)
        this.rule(directive, null, ALWAYS, parseActions(args[0]!))
        break
      case 'secmarker':
        expect(directive, 1, 1)
        this.program.items.push({ kind: 'marker', name: args[0]!, at: directive })
        break
      case 'secdefaultaction':
        expect(directive, 1, 1)
        this.defaultAction(parseActions(args[0]!))
        break
      default:
        this.other(directive)
    }
  }

  private secRule(directive: Directive): void {
    const [variables, operator, actions = ''] = directive.args
    // The operator first: what is wrong with one that is not supported is not its variables.
    const what = parseOperator(operator!)
    this.rule(directive, parseVariables(variables!), what, parseActions(actions))
  }

  private rule(
    at: Position,
    variables: readonly VariableSpec[] | null,
    operator: OperatorSpec,
    actions: readonly ActionSpec[],
  ): void {
    const { file, line } = at
    const spec: RuleSpec = { file, line, variables, operator, actions, links: [], defaults: this.defaults }
    const goesOn = actions.some((a) => a.name === 'chain')
    if (this.openChain === undefined) {
      this.program.items.push({ kind: 'rule', rule: spec })
      if (goesOn) this.openChain = spec
    } else {
      this.openChain.links.push(spec)
      if (!goesOn) this.openChain = undefined
    }
  }

  private defaultAction(actions: readonly ActionSpec[]): void {
    const phase = phaseNumber(actions.find((a) => a.name === 'phase')?.argument ?? '2')
    this.defaults = new Map([...this.defaults, [phase, actions]])
  }

  private other(directive: Directive): void {
    const { file, line, args } = directive
    const change = /^secrule(remove|update(?:target|action))by(id|tag|msg)$/i.exec(directive.name)
    if (change === null) {
      applySetting(this.program.config, directive)
      return
    }
    const by = change[2]!.toLowerCase() as Change['by']
    const kind = change[1]!.toLowerCase()
    if (kind === 'remove') {
      expect(directive, 1, 100)
      const matches = by === 'id' ? [args.join(' ')] : args
      for (const match of matches) this.program.changes.push({ file, line, what: 'remove', by, match })
    } else if (kind === 'updatetarget') {
      expect(directive, 2, 3)
      const targets = (text: string): VariableSpec[] => parseVariables(text.replaceAll(/,(?=\s*[!&A-Za-z])/g, '|'))
      const replaced = args[2] === undefined ? [] : targets(args[2])
      const variables = targets(args[1]!)
      this.program.changes.push({ file, line, what: 'targets', by, match: args[0]!, variables, replaced })
    } else {
      expect(directive, 2, 2)
      this.program.changes.push({ file, line, what: 'actions', by, match: args[0]!, actions: parseActions(args[1]!) })
    }
  }
}

/** @throws RuleMistake when a directive has too few or too many arguments */
function expect(directive: Directive, least: number, most: number): void {
  const n = directive.args.length
  if (n < least || n > most) throw new RuleMistake(wrongCount(directive, least, most))
}

function wrongCount({ name, args }: Directive, least: number, most: number): string {
  const range = least === most ? String(least) : `${least} to ${most}`
  return `${name} takes ${range} argument${most === 1 ? '' : 's'}, not ${args.length}`
}

const PHASE_NAMES = new Map([
  ['request', 2],
  ['response', 4],
  ['logging', 5],
])

/**
 * A phase by number or name.
 * @throws RuleMistake for anything else
 */
export function phaseNumber(text: string): number {
  const n = PHASE_NAMES.get(text.toLowerCase()) ?? (/^[1-5]$/.test(text) ? Number(text) : 0)
  if (n === 0) throw new RuleMistake(`phase is 1 to 5, request, response or logging, not "${text}"`)
  return n
}

function parseOperator(text: string): OperatorSpec {
  const [, bang, rest] = /^\s*(!?)\s*(.*)$/s.exec(text)!
  const named = /^@([A-Za-z0-9_]*)\s*(.*)$/s.exec(rest!)
  if (named === null) return { name: 'rx', negated: bang === '!', argument: rest! }
  checkOperator(named[1]!)
  const name = named[1]!.toLowerCase()
  // Trailing space belongs to a pattern but to no other argument.
  const argument = name === 'rx' || name === 'rxglobal' ? named[2]! : named[2]!.trim()
  return { name: named[1]!, negated: bang === '!', argument }
}
