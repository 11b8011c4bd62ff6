/**
 * `security/waf`: a web application firewall that runs ModSecurity's SecRule language, such as the OWASP Core Rule Set.
 *
 * `load.ts` turns a block into compiled rules (`@portcullis/seclang`), `live-rules.ts` keeps them fresh, and for each
 * request `steps.ts` leads an `Inspection` through the five phases: what came over the wire is what the rules see and
 * what goes on. What they decide becomes a refusal (`refusals.ts`), what they notice a record (`findings.ts`).
 */
import {
  type Component,
  type ComponentInstance,
  type ComponentPlugin,
  ConfigurationError,
  type Context,
  didYouMean,
  toPlugin,
} from '@portcullis/core'
import { type CollectionStore, MemoryCollections } from '@portcullis/seclang'
import { checkConfig } from './check.ts'
import { type WafConfig, wafSchema } from './config.ts'
import type { InspectionPlan } from './inspection.ts'
import { inspectionPlan } from './inspection-plan.ts'
import { LiveRules, type LiveRulesEvents } from './live-rules.ts'
import { type LoadedRules, RuleMistakes } from './load.ts'
import { inspectMalformed } from './malformed.ts'
import { Redaction } from './redaction.ts'
import { readSettings, sourceKey, type WafSettings } from './settings.ts'
import { inspectionSteps } from './steps.ts'
import { StoreCollections } from './store-collections.ts'
import { Turns } from './turns.ts'

export { type WafConfig, wafSchema } from './config.ts'
export { explainRequest, type FiredRule, type RequestExplanation } from './explain-request.ts'

const NAMESPACE = 'security/waf'

/** The component. An endpoint's block builds on the service's: fields replace, lists add. */
export const waf: Component<WafConfig> = {
  name: 'waf',
  namespaces: [NAMESPACE],
  levels: ['service', 'endpoint'],
  schema: wafSchema,
  combine: 'replace',
  check: checkConfig,
  create(config, context): ComponentInstance {
    const settings = readSettings(config, inherited(context), context.baseDir)
    const live = liveRules(settings, context)
    const statistics = statisticsOf(context)
    const store = collections(settings.policy, context)
    const redaction = new Redaction(settings.redact)
    const made = new WeakMap<LoadedRules, InspectionPlan>()
    const planOf = (): InspectionPlan => {
      const loaded = live.current
      let plan = made.get(loaded)
      if (plan === undefined) {
        plan = makePlan(loaded, settings, context, {
          store,
          redaction,
          count: (matches) => {
            statistics.matches += matches
          },
        })
        made.set(loaded, plan)
      }
      return plan
    }
    planOf()
    return {
      steps: inspectionSteps(planOf, settings.auditParts),
      body: { capture: true },
      judgeParserRefusal: (refusal) => inspectMalformed(planOf(), refusal),
      ready: async () => live.watch(),
      reload: async () => void (await live.reload()),
      close: () => live.close(),
    }
  },
}

function inherited(context: Context): WafConfig | undefined {
  if (context.level === 'service') return undefined
  return context.serviceBlock(NAMESPACE) as WafConfig | undefined
}

/** Blocks with the same rules share one compiled set and one watch over its files. */
function liveRules(settings: WafSettings, context: Context): LiveRules {
  const { source } = settings
  try {
    return context.shared(`waf:rules:${sourceKey(source)}`, () => {
      const events: LiveRulesEvents = {
        onReload: (loaded) => context.log.info({ rules: loaded.rules.size }, 'the WAF rules were reloaded'),
        onError: (error) => context.log.error({ err: error }, 'the WAF rules are broken, the old ones stay in force'),
      }
      const live = new LiveRules(source, events, { turns: context.shared('waf:turns', () => new Turns()) })
      statisticsOf(context).sets.add(live)
      tellIgnored(live.current, context)
      return live
    })
  } catch (error) {
    if (!(error instanceof RuleMistakes)) throw error
    throw new ConfigurationError(
      error.issues.map(({ place, message }) => ({ place: context.place + place, message })),
      '@portcullis/waf',
    )
  }
}

function makePlan(
  loaded: LoadedRules,
  settings: WafSettings,
  context: Context,
  parts: Pick<InspectionPlan, 'store' | 'redaction' | 'count'>,
): InspectionPlan {
  const { log, place } = context
  const { plan, unknown } = inspectionPlan(loaded, settings, parts)
  for (const entry of unknown) {
    const near = didYouMean(String(entry), new Set(loaded.rules.all.flatMap(({ tags }) => tags)))
    log.warn({ place, entry }, `exclude_rules names no rule of the rule set${near}`)
  }
  const { engine } = loaded.rules.config
  if (engine !== 'On' && settings.mode === undefined)
    log.warn({ place }, `the rules say SecRuleEngine ${engine}: nothing is refused`)
  return plan
}

/** Directives of a configuration for ModSecurity that do nothing here are told once. */
function tellIgnored({ rules }: LoadedRules, { log, place }: Context): void {
  const { ignored } = rules.config
  if (ignored.length === 0) return
  const directives = [...new Set(ignored.map(({ name }) => name))]
  const instead = 'logs are the business of telemetry/audit-log (with "audit": true) and telemetry/logging'
  log.warn({ place, directives }, `directives of the rules have no effect here: ${instead}`)
}

/** Collections belong to the tree: they outlive a reload of the rules, and all routes count together. */
function collections(policy: 'local' | 'redis', context: Context): CollectionStore {
  return context.shared(`waf:collections:${policy}`, () => {
    if (policy === 'local') return new MemoryCollections()
    return new StoreCollections(context.store('redis'), (error) =>
      context.log.warn({ err: error }, 'a collection of the WAF could not be stored'),
    )
  })
}

interface Statistics {
  matches: number
  sets: Set<LiveRules>
}

function statisticsOf(context: Context): Statistics {
  return context.shared('waf:statistics', () => {
    const statistics: Statistics = { matches: 0, sets: new Set() }
    context.gauge({
      name: 'waf_rules',
      help: 'Rules in force, by rule set.',
      read: () =>
        [...statistics.sets].map((live, i) => ({ labels: { set: String(i) }, value: live.current.rules.size })),
    })
    context.gauge({ name: 'waf_matches', help: 'Rules that have matched.', read: () => statistics.matches })
    return statistics
  })
}

/** `app.register(waf, { crs: '/usr/share/modsecurity-crs' })` */
const plugin: ComponentPlugin<WafConfig> = toPlugin(waf)
export default plugin
