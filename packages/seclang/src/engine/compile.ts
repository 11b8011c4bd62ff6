/** Turns what was read from the files into rules that can run. */

import { RegexSyntaxError } from '@portcullis/regex'
import { type Mistake, type Position, RuleMistake, unknownName } from '../errors.ts'
import type { ActionSpec } from '../language/actions.ts'
import { type Program, phaseNumber, type RuleSpec } from '../language/program.ts'
import type { Steps } from '../steps.ts'
import { applyChanges } from './changes.ts'
import { fillGeo } from './geo.ts'
import { compileLink, type LinkCompiler, type RuleTraits } from './link.ts'
import { compileMacro } from './macro.ts'
import { type Disruption, type Link, Rule } from './model.ts'
import type { RuleSet } from './ruleset.ts'

const SEVERITIES = ['EMERGENCY', 'ALERT', 'CRITICAL', 'ERROR', 'WARNING', 'NOTICE', 'INFO', 'DEBUG']
const BUILT_IN_DEFAULTS: readonly ActionSpec[] = [
  { name: 'log', argument: null },
  { name: 'auditlog', argument: null },
  { name: 'pass', argument: null },
]

interface Pending {
  rule: Rule
  spec: RuleSpec
  /** Position among the items, to find markers. */
  item: number
  skipAfter: string | null
}

function argumentOf(actions: readonly ActionSpec[], name: string): string | null {
  return actions.findLast((a) => a.name === name)?.argument ?? null
}

function ruleId(actions: readonly ActionSpec[]): number {
  const text = argumentOf(actions, 'id')
  if (text === null) throw new RuleMistake('the rule has no id')
  if (!/^\d{1,15}$/.test(text)) throw new RuleMistake(`id is a number, not "${text}"`)
  return Number(text)
}

function severity(text: string | null): number {
  if (text === null) return -1
  const n = /^[0-7]$/.test(text) ? Number(text) : SEVERITIES.indexOf(text.toUpperCase())
  if (n < 0) throw unknownName('severity', text, SEVERITIES)
  return n
}

function number(actions: readonly ActionSpec[], name: string): number {
  const text = argumentOf(actions, name)
  if (text === null) return 0
  if (!/^\d{1,9}$/.test(text)) throw new RuleMistake(`${name} is a number, not "${text}"`)
  return Number(text)
}

/** Applies log, status and disruptive actions in order; `block` stands for what the phase's defaults say. */
function applyFlow(rule: Rule, actions: readonly ActionSpec[], defaults: Disruption): void {
  for (const { name, argument } of actions) {
    if (name === 'nolog') rule.log = rule.auditLog = false
    else if (name === 'log') rule.log = rule.auditLog = true
    else if (name === 'noauditlog') rule.auditLog = false
    else if (name === 'auditlog') rule.auditLog = true
    else if (name === 'status') rule.status = statusCode(argument!)
    else if (name === 'block') rule.disruption = defaults
    else if (name === 'pass' || name === 'deny' || name === 'drop' || name === 'redirect') rule.disruption = name
    else if (name === 'allow') rule.disruption = allowed(argument)
  }
}

function statusCode(text: string): number {
  if (!/^[1-5]\d\d$/.test(text)) throw new RuleMistake(`"${text}" is not an HTTP status`)
  return Number(text)
}

function allowed(argument: string | null): Disruption {
  const low = argument?.toLowerCase()
  if (low === undefined) return 'allow'
  if (low !== 'phase' && low !== 'request') throw new RuleMistake(`allow takes phase or request, not "${argument}"`)
  return `allow:${low}`
}

/** Whether a match counts against the request; `block` says so even where the defaults only score. */
function refuses(rule: Rule, actions: readonly ActionSpec[]): boolean {
  return /^(?:deny|drop|redirect)$/.test(rule.disruption) || actions.some((a) => a.name === 'block')
}

function compileRule(spec: RuleSpec, rules: RuleSet, links: LinkCompiler): Rule {
  const { actions } = spec
  const rule = new Rule()
  rule.file = spec.file
  rule.line = spec.line
  rule.id = ruleId(actions)
  rule.phase = phaseNumber(argumentOf(actions, 'phase') ?? '2')
  const defaults = spec.defaults.get(rule.phase) ?? BUILT_IN_DEFAULTS
  applyFlow(rule, defaults, 'pass')
  applyFlow(rule, actions, rule.disruption)
  rule.rawMessage = argumentOf(actions, 'msg') ?? ''
  if (rule.rawMessage !== '') rule.message = compileMacro(rule.rawMessage, rules.slots)
  const logData = argumentOf([...actions, ...spec.links.flatMap((l) => l.actions)], 'logdata')
  if (logData !== null) rule.logData = compileMacro(logData, rules.slots)
  const redirect = argumentOf(actions, 'redirect')
  if (redirect !== null) rule.redirect = compileMacro(redirect, rules.slots)
  rule.tags = actions.filter((a) => a.name === 'tag').map((a) => a.argument!)
  rule.severity = severity(argumentOf(actions, 'severity'))
  rule.version = argumentOf(actions, 'ver') ?? ''
  rule.revision = argumentOf(actions, 'rev') ?? ''
  rule.maturity = number(actions, 'maturity')
  rule.accuracy = number(actions, 'accuracy')
  rule.skip = number([...actions, ...spec.links.flatMap((l) => l.actions)], 'skip')
  rule.unconditional = spec.variables === null
  const traits: RuleTraits = { phase: rule.phase, refuses: refuses(rule, actions) }
  const linkOf = (one: RuleSpec): Link => {
    checkServices(one, rule.tags, rules)
    const link = compileLink(links, one, traits, defaults)
    if (/^geolookup$/i.test(one.operator.name)) link.effects = [fillGeo(rules), ...link.effects]
    return link
  }
  rule.first = linkOf(spec)
  let last = rule.first
  for (const one of spec.links) {
    last.next = linkOf(one)
    last = last.next
  }
  return rule
}

/**
 * A rule that asks for a service which is not there would never match. The Core Rule Set has some that are switched off
 * until somebody sets them up.
 */
function checkServices({ operator, variables }: RuleSpec, tags: readonly string[], { config }: RuleSet): void {
  if (tags.includes('OWASP_CRS')) return
  if (/^rbl$/i.test(operator.name))
    throw new RuleMistake('operator "@rbl": rules make no DNS lookups; see deny_file of security/ip-filter')
  const wantsGeo = /^geolookup$/i.test(operator.name) || variables?.some(({ info }) => info.name === 'GEO') === true
  if (wantsGeo && config.geoFile === undefined)
    throw new RuleMistake('@geoLookup and GEO need a database: SecGeoLookupDb, with the path of a .mmdb file')
}

/** Compiles a program into the rule set, in steps of one rule, adding what is wrong to the program's mistakes. */
export function* compileProgram(program: Program, rules: RuleSet, links: LinkCompiler): Steps<void> {
  const { mistakes } = program
  const removed = guarded(mistakes, { file: '', line: 0 }, () => applyChanges(program)) ?? new Set<RuleSpec>()
  const pending: Pending[] = []
  const ids = new Map<number, Position>()
  for (const [item, entry] of program.items.entries()) {
    if (entry.kind !== 'rule') continue
    const { rule: spec } = entry
    if (removed.has(spec)) continue
    yield
    const rule = guarded(mistakes, spec, () => compileRule(spec, rules, links))
    if (rule === undefined) continue
    const twin = ids.get(rule.id)
    if (twin !== undefined)
      mistakes.push({ ...at(spec), message: `rule id ${rule.id} is taken by ${twin.file}:${twin.line}` })
    ids.set(rule.id, spec)
    const skipAfter = argumentOf([...spec.actions, ...spec.links.flatMap((l) => l.actions)], 'skipafter')
    pending.push({ rule, spec, item, skipAfter })
  }
  for (const { rule } of pending) {
    rule.index = rules.all.length
    rules.all.push(rule)
    rule.place = rules.phases[rule.phase]!.length
    rules.phases[rule.phase]!.push(rule)
  }
  resolveSkips(program, pending)
}

function at({ file, line }: Position): Position {
  return { file, line }
}

function guarded<T>(mistakes: Mistake[], position: Position, run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof RuleMistake || error instanceof RegexSyntaxError)) throw error
    mistakes.push({ ...at(position), message: error.message })
    return undefined
  }
}

/**
 * Finds where each skipAfter leads: the first rule of its phase behind the marker (or behind the rule of that id). Where
 * only another file has the marker, before this rule, nothing is left to find: what is left of the phase is skipped.
 */
function resolveSkips(program: Program, pending: readonly Pending[]): void {
  const markers = placesOf(program)
  // Items of the rules of each phase, in order.
  const behind = Array.from({ length: 6 }, (): number[] => [])
  for (const { rule, item } of pending) behind[rule.phase]!.push(item)
  for (const { rule, spec, item, skipAfter } of pending) {
    if (skipAfter === null) continue
    const marks = markers.get(skipAfter) ?? []
    let target = marks.find((mark) => mark.item > item)?.item
    target ??= pending.find((p) => p.item > item && String(p.rule.id) === skipAfter)?.item
    const before = marks.at(-1)
    if (target === undefined && before !== undefined && before.at.file !== spec.file) target = program.items.length
    if (target === undefined) program.mistakes.push(noMarker(spec, skipAfter, before?.at, markers.keys()))
    else rule.skipTo = countUpTo(behind[rule.phase]!, target)
  }
}

interface Mark {
  item: number
  at: Position
}

function placesOf({ items }: Program): Map<string, Mark[]> {
  const places = new Map<string, Mark[]>()
  for (const [item, entry] of items.entries()) {
    if (entry.kind !== 'marker') continue
    const known = places.get(entry.name)
    if (known === undefined) places.set(entry.name, [{ item, at: entry.at }])
    else known.push({ item, at: entry.at })
  }
  return places
}

function noMarker(spec: Position, name: string, before: Position | undefined, names: Iterable<string>): Mistake {
  const message =
    before === undefined
      ? unknownName('marker', name, names).message
      : `marker "${name}" stands before this rule, in line ${before.line}: skipAfter leads forward`
  return { ...at(spec), message, marker: name }
}

/** How many of the numbers, which ascend, are not above a bound. */
function countUpTo(ascending: readonly number[], bound: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ascending[middle]! <= bound) low = middle + 1
    else high = middle
  }
  return low
}
