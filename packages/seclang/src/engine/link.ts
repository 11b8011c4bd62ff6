/** Compiles one SecRule of a chain: targets, chain of transformations, operator, and what tells early that it cannot match. */

import { compileRegex, type Regex } from '@portcullis/regex'
import { RuleMistake, unknownName } from '../errors.ts'
import type { ActionSpec } from '../language/actions.ts'
import type { RuleSpec } from '../language/program.ts'
import type { VariableSpec } from '../language/variables.ts'
import { makeOperator, type Operator, type OperatorContext } from '../operators/index.ts'
import { TRANSFORMATION_NAMES, type Transformation, transformationNamed } from '../transform/index.ts'
import type { Reading } from './dialect.ts'
import { compileEffects } from './effects.ts'
import { makeGate } from './gate.ts'
import { compileMacro, type Macro } from './macro.ts'
import { Link, Predicate, type Target } from './model.ts'
import type { RuleSet } from './ruleset.ts'
import { NamePattern } from './slots.ts'
import { Chain } from './strings.ts'
import type { Transaction } from './transaction.ts'

/** What links need to know of their rule. */
export interface RuleTraits {
  readonly phase: number
  /** Whether the rule refuses what it matches, and not only notes or exempts it. */
  readonly refuses: boolean
}

/** Shares what links have in common while a rule set is compiled. */
export class LinkCompiler {
  readonly rules: RuleSet
  /** Context for operators of rules in a file; `lines` = `^` and `$` match at the ends of lines. */
  readonly context: (file: string, lines: boolean) => OperatorContext
  private readonly chains = new Map<string, Chain>()
  private readonly sourceIndex = new Map<string, number>()
  private readonly predicates = new Map<string, Predicate>()
  private readonly selectors = new Map<string, Regex>()

  constructor(rules: RuleSet, context: (file: string, lines: boolean) => OperatorContext) {
    this.rules = rules
    this.context = context
  }

  chain(steps: readonly Transformation[]): Chain {
    const key = steps.map((s) => s.id).join(',')
    let chain = this.chains.get(key)
    if (chain === undefined) {
      chain = new Chain(steps)
      this.chains.set(key, chain)
    }
    return chain
  }

  selector(pattern: string): Regex {
    let regex = this.selectors.get(pattern)
    if (regex === undefined) {
      regex = compileRegex(pattern, { caseless: true })
      this.selectors.set(pattern, regex)
    }
    return regex
  }

  private indexed(index: Map<string, number>, key: string, make: () => number): number {
    const known = index.get(key)
    if (known !== undefined) return known
    const made = make()
    index.set(key, made)
    return made
  }

  target(spec: VariableSpec): Target {
    const { info, count } = spec
    const xpath = info.name === 'XML' && spec.selector === '//*' ? '/*' : spec.selector
    const selector = spec.regex ? null : xpath
    const source = this.indexed(this.sourceIndex, `${info.id} ${selector ?? ''} ${selector === null}`, () => {
      this.rules.dependents[info.lifetime].push(this.rules.sources.length)
      return this.rules.sources.push({ info, selector }) - 1
    })
    const slot = info.name === 'TX' && selector !== null ? this.rules.slots.slotOf(selector) : -1
    const regex = spec.regex ? this.selector(spec.selector!) : null
    const names = regex !== null && info.name === 'TX' ? new NamePattern(regex) : null
    return { info, selector, regex, count, source, slot, names }
  }

  predicate(name: string, argument: string, file: string, phase: number, lines: boolean): Predicate {
    const isFile = /f(?:romfile)?$/i.test(name)
    const key = `${name.toLowerCase()} ${isFile ? file : ''} ${lines} ${argument}`
    let predicate = this.predicates.get(key)
    if (predicate === undefined) {
      predicate = new Predicate(this.rules.predicates.length, makeOperator(name, argument, this.context(file, lines)))
      this.rules.predicates.push(predicate)
      this.predicates.set(key, predicate)
    }
    if (phase <= 2) predicate.inRequest = true
    else predicate.inResponse = true
    return predicate
  }
}

/** The transformations of a link: those of the defaults, then its own; `t:none` forgets what came before. */
function transformations(actions: readonly ActionSpec[]): Transformation[] {
  let chain: Transformation[] = []
  for (const { name, argument } of actions) {
    if (name !== 't') continue
    if (argument!.toLowerCase() === 'none') chain = []
    else {
      const found = transformationNamed(argument!)
      if (found === undefined) throw unknownName('transformation', argument!, TRANSFORMATION_NAMES)
      chain.push(found)
    }
  }
  return chain
}

/** Operators made for expanded arguments, at most this many for each link. */
const MAX_DYNAMIC = 32

function dynamicOperator(name: string, argument: Macro, context: OperatorContext): (tx: Transaction) => Operator {
  const made = new Map<string, Operator>()
  const never = makeOperator('noMatch', '', context)
  let lastText: string | undefined
  let last = never
  return (tx) => {
    const text = argument.expand(tx)
    if (text === lastText) return last
    let operator = made.get(text)
    if (operator === undefined) {
      try {
        operator = makeOperator(name, text, context)
      } catch (error) {
        // What a request put into the argument may be no valid pattern; then nothing can match it.
        if (!(error instanceof RuleMistake)) throw error
        operator = never
      }
      if (made.size >= MAX_DYNAMIC) made.clear()
      made.set(text, operator)
    }
    lastText = text
    last = operator
    return operator
  }
}

/** Whether `^` and `$` of a link's pattern match at the ends of lines. */
function matchesLines(anchors: Reading['anchors'], negated: boolean, refuses: boolean): boolean {
  return anchors === 'strict' ? refuses && !negated : anchors === 'line'
}

function setOperator(link: Link, compiler: LinkCompiler, spec: RuleSpec, of: RuleTraits): void {
  const { name, negated } = spec.operator
  const lines = /^rx/i.test(name) && matchesLines(compiler.rules.reading.anchors, negated, of.refuses)
  const argument = compileMacro(spec.operator.argument, compiler.rules.slots)
  link.negated = negated
  if (argument.constant === undefined) {
    link.dynamic = dynamicOperator(name, argument, compiler.context(spec.file, lines))
  } else {
    link.predicate = compiler.predicate(name, argument.constant, spec.file, of.phase, lines)
  }
  link.gate = makeGate(link, name, argument)
  const filtered = link.predicate !== null && link.predicate.operator.prefilter.kind !== 'none'
  link.filterable = !negated && filtered && !link.targets.some((t) => t.count || t.info.lifetime === 'volatile')
}

/**
 * Compiles a link.
 * @param defaults default actions of the phase, for their transformations
 * @throws RuleMistake for anything wrong with it
 */
export function compileLink(
  compiler: LinkCompiler,
  spec: RuleSpec,
  of: RuleTraits,
  defaults: readonly ActionSpec[],
): Link {
  const link = new Link()
  const steps = transformations([...defaults, ...spec.actions])
  link.chain = compiler.chain(steps)
  link.capture = spec.actions.some((a) => a.name === 'capture')
  const included = (spec.variables ?? []).filter((v) => !v.excluded)
  link.targets = included.map((v) => compiler.target(v))
  link.exclusions = (spec.variables ?? [])
    .filter((v) => v.excluded)
    .map((v) => ({
      variable: v.info.id,
      selector: v.regex ? null : v.selector,
      regex: v.regex ? compiler.selector(v.selector!) : null,
    }))
  if (spec.actions.some((a) => a.name === 'multimatch')) {
    link.stages = [...steps.keys(), steps.length].map((n) => compiler.chain(steps.slice(0, n)))
  }
  if (spec.variables !== null) {
    if (included.length === 0) throw new RuleMistake('the rule has only exclusions')
    setOperator(link, compiler, spec, of)
  }
  link.effects = compileEffects(spec.actions, compiler.rules)
  return link
}
