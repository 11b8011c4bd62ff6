/** Loads the rules of a block, or says what is wrong with them. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { ConfigIssue } from '@portcullis/core'
import {
  type LoadOptions,
  loadRules,
  loadRulesAsync,
  type Mistake,
  RuleFiles,
  type RuleSet,
  type RuleText,
  SecLangError,
} from '@portcullis/seclang'
import { EMBEDDED_RULES } from './embedded-rules.ts'
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
  /** The files they come from. */
  files: RuleFiles
}

/** A mistake, and whether rules around these could heal it: a marker that may stand there. */
export interface RuleIssue extends ConfigIssue {
  marker?: string
}

/** The mistakes of a source, each with its place in the block, thrown together. */
export class RuleMistakes extends Error {
  readonly issues: readonly RuleIssue[]
  /** The files that were read: when one of them changes, the mistakes may be gone. */
  readonly files: RuleFiles

  constructor(issues: readonly RuleIssue[], files: RuleFiles) {
    super(issues.map(({ place, message }) => `${place}: ${message}`).join('\n'))
    this.issues = issues
    this.files = files
  }
}

/** What the rules given as text are called, in mistakes and in matches: as the field they stand in. */
export const RULES = 'rules'
/** Those of the service, for an endpoint that adds its own. */
const INHERITED = 'rules of the service'
const FILES = '<files>'

/**
 * Loads and compiles the rules.
 *
 * @throws RuleMistakes with every mistake, each with file and line.
 */
export function loadSource(source: RuleSource, recordAll = false): LoadedRules {
  const files = new RuleFiles(source.baseDir)
  try {
    return loadedOf(loadRules({ ...optionsOf(source, files), engine: { recordAll } }), files)
  } catch (error) {
    throw mistakesOf(error, source, files)
  }
}

/** The same, a few milliseconds at a time. @param signal ends it; the promise rejects with the signal's reason. */
export async function loadSourceAsync(source: RuleSource, signal: AbortSignal): Promise<LoadedRules> {
  const files = new RuleFiles(source.baseDir)
  try {
    return loadedOf(await loadRulesAsync(optionsOf(source, files), signal), files)
  } catch (error) {
    throw mistakesOf(error, source, files)
  }
}

function loadedOf(rules: RuleSet, files: RuleFiles): LoadedRules {
  return { rules, byId: new Map(rules.all.map((rule) => [rule.id, rule])), limits: takeLimits(rules), files }
}

function mistakesOf(error: unknown, source: RuleSource, files: RuleFiles): unknown {
  if (!(error instanceof SecLangError)) return error
  const issues = error.mistakes.map((mistake) => toIssue(mistake, source))
  return new RuleMistakes(issues, files)
}

function optionsOf(source: RuleSource, access: RuleFiles): LoadOptions {
  const { baseDir, rulesFiles, rules, inherited } = source
  const text: RuleText[] = [
    { name: INHERITED, text: rules.slice(0, inherited).join('\n') },
    { name: RULES, text: rules.slice(inherited).join('\n') },
  ]
  if (source.crs !== undefined && source.crs !== 'embedded') {
    const { paranoiaLevel, inboundThreshold, outboundThreshold } = source
    const crs = {
      folder: crsFolder(source),
      variables: source.crsSettings,
      ...(paranoiaLevel === undefined ? undefined : { paranoiaLevel }),
      ...(inboundThreshold === undefined ? undefined : { inboundThreshold }),
      ...(outboundThreshold === undefined ? undefined : { outboundThreshold }),
    }
    return { crs, files: rulesFiles, text, baseDir, access }
  }
  const files = rulesFiles.map((file) => `Include "${resolve(baseDir, file)}"`)
  const head = [
    { name: '<settings>', text: settingsRule(source) },
    { name: '<embedded>', text: source.crs === 'embedded' ? EMBEDDED_RULES : '' },
    { name: FILES, text: files.join('\n') },
  ]
  return { base: true, text: [...head, ...text], baseDir, access }
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

/** Where a mistake stands in the block. */
function toIssue({ file, line, message, marker }: Mistake, source: RuleSource): RuleIssue {
  return { ...issueAt(file, line, message, source), ...(marker === undefined ? undefined : { marker }) }
}

function issueAt(file: string, line: number, message: string, source: RuleSource): ConfigIssue {
  if (file === '<crs>') return { place: '.crs', message }
  if (file === FILES) return { place: '.rules_files', message }
  if (file === RULES) {
    const inline = inlinePlace(line, source.rules.slice(source.inherited))
    return { place: `.${RULES}${inline.index}`, message: `line ${inline.line}: ${message}` }
  }
  const issue = `${placeIn(file, line, source)}: ${message}`
  if (file === INHERITED) return { place: '.rules', message: issue }
  const inFolder = source.crs !== undefined && file.startsWith(`${crsFolder(source)}/`)
  return { place: inFolder ? '.crs' : '.rules_files', message: issue }
}

/**
 * Where a rule stands, for people: `/etc/rules/own.conf:12`, or `rules[1] line 3` for one that stands in the block.
 *
 * @param file as the engine names it.
 */
export function placeIn(file: string, line: number, { rules, inherited }: RuleSource): string {
  if (file !== RULES && file !== INHERITED) return `${file}:${line}`
  const inline = inlinePlace(line, file === RULES ? rules.slice(inherited) : rules.slice(0, inherited))
  return `${file}${inline.index} line ${inline.line}`
}

/** The texts are joined, as one may go on in the next; so lines count on from one to the other. */
function inlinePlace(line: number, texts: readonly string[]): { index: string; line: number } {
  let rest = line
  for (const [i, text] of texts.entries()) {
    const lines = text.split('\n').length
    if (rest <= lines || i === texts.length - 1) return { index: texts.length === 1 ? '' : `[${i}]`, line: rest }
    rest -= lines
  }
  return { index: '', line }
}
