import { statSync } from 'node:fs'
import { type ConfigIssue, type Level, size } from '@portcullis/core'
import type { WafConfig } from './config.ts'
import { parseRange } from './exclusions.ts'
import { crsFolder, isCrsFolder, RULES, RuleMistakes } from './load.ts'
import { compiled } from './rule-cache.ts'
import { namesRules, readSettings, type WafSettings } from './settings.ts'

/** Fields that speak to a rule set that scores. */
const SCORING = ['paranoia_level', 'anomaly_threshold_inbound', 'anomaly_threshold_outbound', 'crs_settings'] as const

/**
 * The mistakes of a block that its schema cannot see. The rules are compiled here, so that every mistake in them is
 * told with file and line; `create` uses what was compiled. An endpoint's block that only adds to the service's is
 * compiled in `create`, where both are known.
 */
export function checkConfig(config: WafConfig, context: { level: Level; baseDir: string }): ConfigIssue[] {
  const settings = readSettings(config, undefined, context.baseDir)
  const issues = [...checkLimits(config), ...checkExclusions(config)]
  const found = checkCrs(settings)
  issues.push(...found)
  if (context.level === 'service') issues.push(...checkService(config, settings))
  if (found.length > 0 || !namesRules(settings.source)) return issues
  try {
    const { rules } = compiled(settings.source, config)
    if (context.level === 'service') issues.push(...checkPhases(config, rules.all))
  } catch (error) {
    if (!(error instanceof RuleMistakes)) throw error
    // A marker that an endpoint's rules lack may be the service's: `create` tells.
    const certain = error.issues.filter(({ marker }) => marker === undefined || context.level === 'service')
    issues.push(...certain.map(({ place, message }) => ({ place, message })))
  }
  return issues
}

function checkService(config: WafConfig, { source }: WafSettings): ConfigIssue[] {
  if (!namesRules(source)) {
    return [{ place: '', message: 'names no rules: expected "crs", "rules_files" or "rules"' }]
  }
  if (source.crs !== undefined || source.rulesFiles.length > 0) return []
  return SCORING.filter((field) => config[field] !== undefined).map((field) => ({
    place: `.${field}`,
    message: 'has no effect without a rule set that scores: expected "crs" or "rules_files"',
  }))
}

function checkCrs({ source }: WafSettings): ConfigIssue[] {
  if (source.crs === undefined || source.crs === 'embedded') return []
  const folder = crsFolder(source)
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    return [{ place: '.crs', message: `there is no folder ${folder}` }]
  }
  if (isCrsFolder(folder)) return []
  return [
    { place: '.crs', message: `${folder} is no Core Rule Set: expected a folder "rules" or a file "owasp-crs.load"` },
  ]
}

function checkLimits(config: WafConfig): ConfigIssue[] {
  return (['request_body_limit', 'response_body_limit'] as const)
    .filter((field) => size(config[field]) === 0)
    .map((field) => ({ place: `.${field}`, message: 'expected a size above 0' }))
}

function checkExclusions({ exclude_rules = [] }: WafConfig): ConfigIssue[] {
  return exclude_rules.flatMap((entry, i): ConfigIssue[] => {
    const range = parseRange(entry)
    if (range === undefined || range.from <= range.to) return []
    return [{ place: `.exclude_rules[${i}]`, message: `the range ends before it begins: ${entry}` }]
  })
}

/** A rule of one's own about response bodies would silently never run. */
function checkPhases(config: WafConfig, rules: readonly { id: number; phase: number; file: string }[]): ConfigIssue[] {
  if (config.inspect_responses !== undefined) return []
  const own = rules.filter(({ phase, file }) => phase === 4 && file === RULES)
  return own.map(({ id }) => ({
    place: '.rules',
    message: `rule ${id} is of phase 4 (response bodies): state "inspect_responses", true to run it`,
  }))
}
