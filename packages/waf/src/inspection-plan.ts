import { excludedRules } from './exclusions.ts'
import type { InspectionPlan } from './inspection.ts'
import type { LoadedRules, RuleLimits } from './load.ts'
import type { WafSettings } from './settings.ts'

/**
 * What holds for all requests of a block.
 *
 * @returns the plan, and the entries of `exclude_rules` that no rule answers to.
 */
export function inspectionPlan(
  loaded: LoadedRules,
  settings: WafSettings,
  parts: Pick<InspectionPlan, 'store' | 'redaction' | 'count'>,
): { plan: InspectionPlan; unknown: (number | string)[] } {
  const { flags, unknown } = excludedRules(loaded.rules, settings.exclude)
  const { engine } = loaded.rules.config
  const plan = {
    ...parts,
    loaded,
    excluded: flags,
    limits: limitsOf(settings, loaded.limits),
    inspectResponses: settings.inspectResponses,
    monitor: settings.mode === 'monitor' || (settings.mode === undefined && engine === 'DetectionOnly'),
    enforced: settings.mode === 'enforce',
  }
  return { plan, unknown }
}

function limitsOf(settings: WafSettings, limits: RuleLimits): RuleLimits {
  const { requestBodyLimit, responseBodyLimit, bodyLimitAction } = settings
  return {
    requestBody: requestBodyLimit ?? limits.requestBody,
    requestBodyWithoutFiles: requestBodyLimit ?? limits.requestBodyWithoutFiles,
    requestAction: bodyLimitAction ?? limits.requestAction,
    responseBody: responseBodyLimit ?? limits.responseBody,
    responseAction: bodyLimitAction ?? limits.responseAction,
  }
}
