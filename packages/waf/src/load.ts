/** Loads the rules of a block, or says what is wrong with them. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { ConfigIssue } from '@portcullis/core'
import { BASE_RULES, type LoadOptions, loadRules, type Mistake, type RuleSet, SecLangError } from '@portcullis/seclang'
import { EMBEDDED_RULES } from './embedded-rules.ts'
import { textsOf } from './rule-files.ts'
import type { RuleSource } from './settings.ts'

/** What the rules themselves say of bodies; a block's fields win over it. */
export interface RuleLimits {
  requestBody: number
  /** For bodies that are not multipart. */
  requestBodyWithoutFiles: number
  requestAction: 'reject' | 'process_partial'
  responseBody: number
  responseAction: 'reject' | 'process_partial'
}

/** Compiled rules with what the host needs to know of them. */
export interface LoadedRules {
  rules: RuleSet
  byId: ReadonlyMap<number, RuleSet['all'][number]>
  limits: RuleLimits
}

/** The mistakes of a source, each with its place in the block, thrown together. */
export class RuleMistakes extends Error {
  readonly issues: readonly ConfigIssue[]

  constructor(issues: readonly ConfigIssue[]) {
    super(issues.map(({ place, message }) => `${place}: ${message}`).join('\n'))
    this.issues = issues
  }
}

/** Rules with an id that the base rules use too: they were taken along from ModSecurity's recommended file. */
const OWN_BASE_RULES = /\bid:\s*'?20000[0-6]\b/
/**
 * Loads and compiles the rules.
 *
 * @throws RuleMistakes with every mistake, each with file and line.
 */
export function loadSource(source: RuleSource, recordAll = false): LoadedRules {
  try {
    const rules = loadRules({ ...optionsOf(source), baseDir: source.baseDir, engine: { recordAll } })
    return { rules, byId: new Map(rules.all.map((rule) => [rule.id, rule])), limits: takeLimits(rules) }
  } catch (error) {
    if (!(error instanceof SecLangError)) throw error
    throw new RuleMistakes(error.mistakes.map((mistake) => toIssue(mistake, source)))
  }
}

function optionsOf(source: RuleSource): LoadOptions {
  const texts = [...textsOf(source), ...source.rules]
  const base = !texts.some((text) => OWN_BASE_RULES.test(text))
  const own = source.rules.join('\n')
  if (source.crs !== undefined && source.crs !== 'embedded') {
    const { paranoiaLevel, inboundThreshold, outboundThreshold } = source
    const crs = {
      folder: crsFolder(source),
      base,
      variables: source.crsSettings,
      ...(paranoiaLevel === undefined ? undefined : { paranoiaLevel }),
      ...(inboundThreshold === undefined ? undefined : { inboundThreshold }),
      ...(outboundThreshold === undefined ? undefined : { outboundThreshold }),
    }
    return { crs, files: source.rulesFiles, text: ['', own] }
  }
  const head = [base ? BASE_RULES : '', settingsRule(source), source.crs === 'embedded' ? EMBEDDED_RULES : '']
  const files = source.rulesFiles.map((file) => `Include "${resolve(source.baseDir, file)}"`)
  return { text: [[...head, ...files].join('\n'), own] }
}

/** The folder that `crs` names. */
export function crsFolder(source: RuleSource): string {
  return resolve(source.baseDir, source.crs!)
}

/** Does a folder look like a Core Rule Set, in the upstream layout or Debian's? */
export function isCrsFolder(folder: string): boolean {
  return existsSync(join(folder, 'rules')) || existsSync(join(folder, 'owasp-crs.load'))
}

/** Levels and thresholds as TX variables, under the names of both generations of the Core Rule Set. */
function settingsRule(source: RuleSource): string {
  const { paranoiaLevel, inboundThreshold, outboundThreshold } = source
  const values: Record<string, string | number | undefined> = {
    paranoia_level: paranoiaLevel,
    blocking_paranoia_level: paranoiaLevel,
    inbound_anomaly_score_threshold: inboundThreshold,
    outbound_anomaly_score_threshold: outboundThreshold,
    ...source.crsSettings,
  }
  const set = Object.entries(values).filter(([, value]) => value !== undefined)
  if (set.length === 0) return ''
  const actions = set.map(([name, value]) => `setvar:'tx.${name}=${String(value).replace(/['"\\]/g, '')}'`)
  return `SecAction "id:90000,phase:1,t:none,pass,nolog,${actions.join(',')}"`
}

/** The host keeps the limits: routes that share the rules may differ in them. The engine looks at what it is given. */
function takeLimits({ config }: RuleSet): RuleLimits {
  const limits: RuleLimits = {
    requestBody: config.requestBodyLimit,
    requestBodyWithoutFiles: config.requestBodyNoFilesLimit,
    requestAction: config.requestBodyLimitAction === 'Reject' ? 'reject' : 'process_partial',
    responseBody: config.responseBodyLimit,
    responseAction: config.responseBodyLimitAction === 'Reject' ? 'reject' : 'process_partial',
  }
  config.requestBodyNoFilesLimit = Number.POSITIVE_INFINITY
  config.requestBodyLimitAction = 'ProcessPartial'
  config.responseBodyLimitAction = 'ProcessPartial'
  return limits
}

/** The engine names texts by number: the second holds what the block's `rules` say, one after the other. */
function toIssue(mistake: Mistake, source: RuleSource): ConfigIssue {
  const { file, line, message } = mistake
  if (file === '<text 2>') return inlineIssue(line, message, source.rules)
  if (file === '<crs>') return { place: '.crs', message }
  if (file === '<files>' || file === '<text 1>') return { place: '.rules_files', message }
  const inFolder = source.crs !== undefined && file.startsWith(`${crsFolder(source)}/`)
  return { place: inFolder ? '.crs' : '.rules_files', message: `${file}:${line}: ${message}` }
}

function inlineIssue(line: number, message: string, rules: readonly string[]): ConfigIssue {
  let rest = line
  for (const [i, text] of rules.entries()) {
    const lines = text.split('\n').length
    if (rest <= lines || i === rules.length - 1) {
      return { place: rules.length === 1 ? '.rules' : `.rules[${i}]`, message: `line ${rest}: ${message}` }
    }
    rest -= lines
  }
  return { place: '.rules', message: `line ${line}: ${message}` }
}
