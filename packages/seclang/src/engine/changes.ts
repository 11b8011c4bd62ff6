/** SecRuleRemoveBy…, SecRuleUpdateTargetBy… and SecRuleUpdateActionById, applied to rules as they were read. */

import { RuleMistake } from '../errors.ts'
import type { ActionSpec } from '../language/actions.ts'
import type { Change, Program, RuleSpec } from '../language/program.ts'
import type { VariableSpec } from '../language/variables.ts'
import { type RuleFacts, ruleMatcher } from './control.ts'

/** Actions of which a rule has one; an update replaces it. */
const SINGLE = new Set([
  'id',
  'phase',
  'msg',
  'logdata',
  'severity',
  'rev',
  'ver',
  'status',
  'maturity',
  'accuracy',
  'skip',
  'skipafter',
])
const DISRUPTIVE = new Set(['pass', 'deny', 'drop', 'redirect', 'allow', 'block'])

function facts(spec: RuleSpec): RuleFacts {
  const of = (name: string): string => spec.actions.find((a) => a.name === name)?.argument ?? ''
  return {
    id: Number(of('id')),
    rawMessage: of('msg'),
    tags: spec.actions.filter((a) => a.name === 'tag').map((a) => a.argument!),
  }
}

function updated(before: readonly ActionSpec[], more: readonly ActionSpec[]): ActionSpec[] {
  const replaced = (action: ActionSpec): boolean =>
    more.some(
      (m) => (SINGLE.has(m.name) && m.name === action.name) || (DISRUPTIVE.has(m.name) && DISRUPTIVE.has(action.name)),
    )
  return [...before.filter((a) => !replaced(a)), ...more]
}

/** `ID:2` names the third link of a chain. */
function linkOf(spec: RuleSpec, change: Change): [match: string, link: RuleSpec | undefined] {
  const [, id, offset] = /^(\d+):(\d+)$/.exec(change.match) ?? []
  if (change.by !== 'id' || id === undefined) return [change.match, spec]
  return [id, Number(offset) === 0 ? spec : spec.links[Number(offset) - 1]]
}

function isSame(a: VariableSpec, b: VariableSpec): boolean {
  return (
    a.info === b.info &&
    a.selector === b.selector &&
    a.regex === b.regex &&
    a.count === b.count &&
    a.excluded === b.excluded
  )
}

function apply(change: Change, spec: RuleSpec): void {
  const link = linkOf(spec, change)[1]
  if (link === undefined) throw new RuleMistake(`the rule has no link "${change.match}"`)
  const open = link as { variables: unknown; actions: unknown }
  if (change.what === 'targets') {
    if (link.variables === null) throw new RuleMistake('a SecAction has no targets to update')
    const { replaced = [], variables = [] } = change
    const kept = link.variables.filter((one) => !replaced.some((other) => isSame(one, other)))
    if (replaced.length > 0 && kept.length === link.variables.length) return
    open.variables = [...kept, ...variables]
  } else open.actions = updated(link.actions, change.actions!)
}

/**
 * Applies all changes; they reach rules before and behind them.
 * @returns the rules that are removed
 */
export function applyChanges(program: Program): Set<RuleSpec> {
  const removed = new Set<RuleSpec>()
  const rules = program.items.flatMap((item) =>
    item.kind === 'rule' ? [{ spec: item.rule, facts: facts(item.rule) }] : [],
  )
  for (const change of program.changes) {
    try {
      const matches = ruleMatcher(change.by, change.match.replace(/^(\d+):\d+$/, '$1'))
      for (const { spec, facts: known } of rules) {
        if (!matches(known)) continue
        if (change.what === 'remove') removed.add(spec)
        else apply(change, spec)
      }
    } catch (error) {
      if (!(error instanceof RuleMistake)) throw error
      program.mistakes.push({ file: change.file, line: change.line, message: error.message })
    }
  }
  return removed
}
