/** Which rules fire on a request, and why: for the command line and for tests of one's own rules. */
import { type ConfigIssue, ConfigurationError } from '@portcullis/core'
import { type Explanation, explain, MemoryCollections, type Verdict } from '@portcullis/seclang'
import type { WafConfig } from './config.ts'
import { pointsOf, scoreOf, severityName, thresholdOf } from './findings.ts'
import { Inspection } from './inspection.ts'
import { inspectionPlan } from './inspection-plan.ts'
import { loadSource, placeIn, RuleMistakes } from './load.ts'
import { parseRequest, type RawRequest } from './raw-request.ts'
import { Redaction } from './redaction.ts'
import { feed } from './request-head.ts'
import { readSettings } from './settings.ts'

/** A rule that fired. */
export interface FiredRule extends Explanation {
  /** `CRITICAL`; undefined when the rule names none. */
  severity: string | undefined
  /** What it added to the score, in rule sets that score. */
  points: number | undefined
  tags: readonly string[]
  /** `/etc/rules/own.conf:12`, or `rules[1] line 3` for one that stands in the block. */
  place: string
}

/** What the rules say of one request. */
export interface RequestExplanation {
  /** What they want done; undefined = it passes. */
  verdict: Verdict | undefined
  /** The inbound score and the one at which a request is refused, for rules that score. */
  score: number | undefined
  threshold: number | undefined
  /** The rules that fired, in order; those that only steer are left out. */
  fired: readonly FiredRule[]
  /** Rules in the set, and how many of them this block leaves out. */
  rules: number
  excluded: number
  /** Entries of `exclude_rules` that no rule answers to. */
  unknownExclusions: readonly (number | string)[]
  /** `monitor`: what the verdict says would only be recorded. */
  mode: 'enforce' | 'monitor'
}

/**
 * Runs the rules of a block over one request, as it would come over the wire, without any server: those of phases 1
 * and 2, with empty collections. Values are shown as they are, secrets too.
 *
 * @param config the block; for an endpoint that builds on the service's, give both.
 * @param baseDir where relative file names start.
 * @param request bytes of an HTTP/1.1 request: head, empty line, body. Lines may end in LF alone.
 * @param service the service's block that `config` builds on.
 * @throws ConfigurationError when the rules are broken, RangeError when the request has no request line.
 */
export async function explainRequest(
  config: WafConfig,
  baseDir: string,
  request: Buffer,
  service?: WafConfig,
): Promise<RequestExplanation> {
  const settings = readSettings(config, service, baseDir)
  const loaded = load(settings)
  const parsed = parseRequest(request)
  if (parsed === undefined) throw new RangeError('the request has no request line: expected "GET /path HTTP/1.1"')
  const { plan, unknown } = inspectionPlan(loaded, settings, {
    store: new MemoryCollections(),
    redaction: new Redaction(settings.redact),
    count: () => undefined,
  })
  const recorder = { record: () => undefined }
  const inspection = new Inspection({ ...plan, monitor: false, enforced: true }, 'test', CLIENT, recorder)
  const verdict = await run(inspection, parsed)
  const { tx } = inspection
  const texts = explain(tx)
  const matches = tx.matches.filter(({ logged }) => logged)
  return {
    verdict,
    score: scoreOf(tx, 1),
    threshold: scoreOf(tx, 1) === undefined ? undefined : thresholdOf(tx),
    fired: matches.map((match, i) => ({
      ...texts[i]!,
      severity: match.severity < 0 ? undefined : severityName(match.severity),
      points: match.disruption === 'pass' ? pointsOf(tx, match.severity) : undefined,
      tags: match.tags,
      place: placeIn(match.file, match.line, settings.source),
    })),
    rules: loaded.rules.size,
    excluded: plan.excluded?.reduce((sum, flag) => sum + flag, 0) ?? 0,
    unknownExclusions: unknown,
    mode: plan.monitor ? 'monitor' : 'enforce',
  }
}

const CLIENT = { clientIp: '127.0.0.1', uniqueId: 'test' }

async function run(inspection: Inspection, { body, ...head }: RawRequest): Promise<Verdict | undefined> {
  const { tx, plan } = inspection
  feed(tx, head)
  await inspection.head()
  if (tx.verdict !== undefined) return tx.verdict
  const limit = inspection.bodyLimit(tx.header('content-type'))
  if (body.length > limit && plan.limits.requestAction === 'reject')
    return { action: 'deny', status: 413, ruleId: 0, phase: 2, message: `the body is larger than ${limit} bytes` }
  await inspection.body(body.length > 0 ? body.subarray(0, limit) : undefined)
  return tx.verdict
}

function load(settings: ReturnType<typeof readSettings>): ReturnType<typeof loadSource> {
  try {
    return loadSource(settings.source)
  } catch (error) {
    if (!(error instanceof RuleMistakes)) throw error
    throw new ConfigurationError(error.issues as ConfigIssue[], 'security/waf')
  }
}
