import { size } from '@portcullis/core'
import type { WafConfig } from './config.ts'

/** What decides which rules are loaded: blocks that agree in it share one compiled rule set. */
export interface RuleSource {
  baseDir: string
  /** Folder, `embedded`, or nothing. */
  crs: string | undefined
  rulesFiles: readonly string[]
  /** The texts of `rules`, in order. */
  rules: readonly string[]
  /** How many of the texts are the service's, when an endpoint adds its own; else 0. */
  inherited: number
  paranoiaLevel: 1 | 2 | 3 | 4 | undefined
  inboundThreshold: number | undefined
  outboundThreshold: number | undefined
  crsSettings: Readonly<Record<string, string | number>>
}

/** A block with what it inherits, in the units the inspection works with. */
export interface WafSettings {
  source: RuleSource
  policy: 'local' | 'redis'
  exclude: readonly (number | string)[]
  inspectResponses: boolean
  /** Bytes; undefined = what the rules say. */
  requestBodyLimit: number | undefined
  responseBodyLimit: number | undefined
  bodyLimitAction: 'reject' | 'process_partial' | undefined
  /** Parts of the audit entry, `''` for those the rules name; undefined = no entries. */
  auditParts: string | undefined
  redact: readonly string[]
  /** The mode, where a block states one. */
  mode: 'enforce' | 'monitor' | undefined
}

/**
 * A block's settings. An endpoint's block builds on the service's: what it states counts instead, lists (rules, files,
 * exclusions, redacted names) are added.
 */
export function readSettings(config: WafConfig, service: WafConfig | undefined, baseDir: string): WafSettings {
  const whole: WafConfig = { ...service, ...config }
  const both = <T>(list: (block: WafConfig) => readonly T[] | undefined): T[] => [
    ...((service && list(service)) ?? []),
    ...(list(config) ?? []),
  ]
  const { audit = false } = whole
  const texts = (block: WafConfig | undefined): string[] => [block?.rules ?? []].flat()
  return {
    source: {
      baseDir,
      crs: whole.crs,
      rulesFiles: both((block) => block.rules_files),
      rules: [...texts(service), ...texts(config)],
      inherited: texts(config).length > 0 ? texts(service).length : 0,
      paranoiaLevel: whole.paranoia_level,
      inboundThreshold: whole.anomaly_threshold_inbound,
      outboundThreshold: whole.anomaly_threshold_outbound,
      crsSettings: { ...service?.crs_settings, ...config.crs_settings },
    },
    policy: whole.policy ?? 'local',
    exclude: both((block) => block.exclude_rules),
    inspectResponses: whole.inspect_responses ?? false,
    requestBodyLimit: size(whole.request_body_limit),
    responseBodyLimit: size(whole.response_body_limit),
    bodyLimitAction: whole.body_limit_action,
    auditParts: audit === false ? undefined : audit === true ? '' : audit,
    redact: both((block) => block.redact),
    mode: whole.mode,
  }
}

/** Does the source name any rules? */
export function namesRules(source: RuleSource): boolean {
  return source.crs !== undefined || source.rulesFiles.length > 0 || source.rules.length > 0
}

/** Equal for sources that load the same rules. */
export function sourceKey(source: RuleSource): string {
  return JSON.stringify(source)
}
