/** The `ctl` action: settings and exclusions for one transaction. */

import { compileRegex } from '@portcullis/regex'
import { RuleMistake, unknownName } from '../errors.ts'
import { parseVariables } from '../language/variables.ts'
import { PROCESSOR_NAMES } from './body.ts'
import type { Effect, Exclusion, Rule } from './model.ts'
import type { RuleSet } from './ruleset.ts'
import type { Transaction } from './transaction.ts'

type Compile = (argument: string, rules: RuleSet) => Effect

function onOff(set: (tx: Transaction, on: boolean) => void): Compile {
  return (argument) => {
    const low = argument.toLowerCase()
    if (low !== 'on' && low !== 'off') throw new RuleMistake(`"${argument}" is neither On nor Off`)
    return (tx) => set(tx, low === 'on')
  }
}

function bytes(set: (tx: Transaction, limit: number) => void): Compile {
  return (argument) => {
    if (!/^\d{1,15}$/.test(argument)) throw new RuleMistake(`"${argument}" is not a number of bytes`)
    return (tx) => set(tx, Number(argument))
  }
}

function oneOf<T extends string>(choices: readonly T[], set: (tx: Transaction, choice: T) => void): Compile {
  return (argument) => {
    const choice = choices.find((c) => c.toLowerCase() === argument.toLowerCase())
    if (choice === undefined) throw unknownName('value of ctl', argument, choices)
    return (tx) => set(tx, choice)
  }
}

const NO_EFFECT: Compile = () => () => undefined

/** What can be switched off, since it never is on. */
const OFF_ONLY: Compile = (argument) => {
  if (argument.toLowerCase() !== 'off') throw new RuleMistake('hash enforcement is not supported')
  return () => undefined
}

/** Ids and ranges, separated by commas or white space: `941100`, `942000-942999`. */
function idMatcher(text: string): (id: number) => boolean {
  const ranges = text
    .split(/[\s,]+/)
    .filter((part) => part !== '')
    .map((part) => {
      const range = /^"?(\d+)(?:-(\d+))?"?$/.exec(part)
      if (range === null) throw new RuleMistake(`"${part}" is not a rule id or range of ids`)
      return [Number(range[1]), Number(range[2] ?? range[1])] as const
    })
  return (id) => ranges.some(([from, to]) => id >= from && id <= to)
}

/** Chooses rules by id list, by a pattern found in one of their tags, or in their message. */
export function ruleMatcher(by: 'id' | 'tag' | 'msg', text: string): (rule: RuleFacts) => boolean {
  if (by === 'id') {
    const matches = idMatcher(text)
    return (rule) => matches(rule.id)
  }
  const regex = compileRegex(text)
  if (by === 'msg') return (rule) => rule.rawMessage === text || regex.test(rule.rawMessage)
  return (rule) => rule.tags.some((tag) => tag === text || regex.test(tag))
}

/** What rules can be chosen by. */
export type RuleFacts = Pick<Rule, 'id' | 'tags' | 'rawMessage'>

/** 1 for each rule chosen; made at the first use, when all rules are known. */
function chosen(by: 'id' | 'tag' | 'msg', text: string, rules: RuleSet): () => Uint8Array {
  const matches = ruleMatcher(by, text)
  let map: Uint8Array | undefined
  return () => {
    map ??= Uint8Array.from(rules.all, (rule) => Number(matches(rule)))
    return map
  }
}

function remove(by: 'id' | 'tag' | 'msg'): Compile {
  return (argument, rules) => {
    const map = chosen(by, argument, rules)
    return (tx) => {
      const more = map()
      if (tx.removed === null) tx.removed = more.slice()
      else for (let i = 0; i < more.length; i++) tx.removed[i]! |= more[i]!
    }
  }
}

function removeTarget(by: 'id' | 'tag' | 'msg'): Compile {
  return (argument, rules) => {
    const semicolon = argument.indexOf(';')
    if (semicolon < 0) throw new RuleMistake(`"${argument}" lacks ";VARIABLE"`)
    const map = chosen(by, argument.slice(0, semicolon), rules)
    const exclusions = parseVariables(argument.slice(semicolon + 1), true).map(
      (spec): Exclusion => ({
        variable: spec.info.id,
        selector: spec.regex ? null : spec.selector,
        regex: spec.regex ? compileRegex(spec.selector!, { caseless: true }) : null,
      }),
    )
    return (tx) => {
      for (const exclusion of exclusions) tx.exclusions.push({ rules: map(), exclusion })
    }
  }
}

function auditLogParts(argument: string): Effect {
  const [, sign, parts] = /^([+-]?)([A-Za-z]+)$/.exec(argument) ?? []
  if (parts === undefined) throw new RuleMistake(`"${argument}" is not a list of audit log parts`)
  return (tx) => {
    const kept = [...tx.auditLogParts].filter((part) => !parts.includes(part)).join('')
    tx.auditLogParts = sign === '+' ? kept + parts : sign === '-' ? kept : parts
  }
}

const CONTROLS: Record<string, Compile> = {
  auditEngine: oneOf(['On', 'Off', 'RelevantOnly'], (tx, v) => {
    tx.auditEngine = v
  }),
  auditLogParts,
  debugLogLevel: NO_EFFECT,
  forceRequestBodyVariable: onOff((tx, on) => {
    tx.forceBodyVariable = on
  }),
  hashEnforcement: OFF_ONLY,
  hashEngine: OFF_ONLY,
  parseXmlIntoArgs: oneOf(['Off', 'On', 'OnlyArgs'], (tx, mode) => {
    tx.xmlArguments = mode
  }),
  requestBodyAccess: onOff((tx, on) => {
    tx.requestBodyAccess = on
  }),
  requestBodyLimit: bytes((tx, limit) => {
    tx.requestBodyLimit = limit
  }),
  requestBodyProcessor: oneOf(PROCESSOR_NAMES, (tx, name) => {
    tx.setProcessor(name)
  }),
  responseBodyAccess: onOff((tx, on) => {
    tx.responseBodyAccess = on
  }),
  responseBodyLimit: bytes((tx, limit) => {
    tx.responseBodyLimit = limit
  }),
  ruleEngine: oneOf(['On', 'DetectionOnly', 'Off'], (tx, mode) => {
    tx.engine = mode
  }),
  ruleRemoveById: remove('id'),
  ruleRemoveByMsg: remove('msg'),
  ruleRemoveByTag: remove('tag'),
  ruleRemoveTargetById: removeTarget('id'),
  ruleRemoveTargetByMsg: removeTarget('msg'),
  ruleRemoveTargetByTag: removeTarget('tag'),
}

const BY_NAME = new Map(Object.entries(CONTROLS).map(([name, compile]) => [name.toLowerCase(), compile]))

/**
 * Compiles the argument of a `ctl` action.
 * @throws RuleMistake for an unknown option or value, or a macro, which is not expanded here
 */
export function compileControl(argument: string, rules: RuleSet): Effect {
  const equals = argument.indexOf('=')
  const name = (equals < 0 ? argument : argument.slice(0, equals)).trim()
  const compile = BY_NAME.get(name.toLowerCase())
  if (/^(?:responseBodyProcessor|forceResponseBodyVariable)$/i.test(name))
    throw new RuleMistake(`ctl:${name} is Coraza’s: bodies of responses are looked at as they are, in RESPONSE_BODY`)
  if (compile === undefined) throw unknownName('ctl option', name, Object.keys(CONTROLS))
  if (argument.includes('%{')) throw new RuleMistake('macros are not expanded in ctl')
  return compile(equals < 0 ? '' : argument.slice(equals + 1).trim(), rules)
}
