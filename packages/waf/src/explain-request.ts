/** Which rules fire on a request, and why: for the command line and for tests of one's own rules. */
import { type ConfigIssue, ConfigurationError } from '@portcullis/core'
import { type Explanation, explain, MemoryCollections, type Verdict } from '@portcullis/seclang'
import type { WafConfig } from './config.ts'
import { excludedRules } from './exclusions.ts'
import { scoreOf } from './findings.ts'
import { loadSource, RuleMistakes } from './load.ts'
import { parseRequest } from './raw-request.ts'
import { readSettings } from './settings.ts'

/** What the rules say of one request. */
export interface RequestExplanation {
  /** What they want done; undefined = it passes. */
  verdict: Verdict | undefined
  /** The inbound score, for rules that score. */
  score: number | undefined
  /** The rules that fired, in order, each in words; those that only steer are left out. */
  fired: readonly Explanation[]
}

/**
 * Runs the rules of a block over one request, as it would come over the wire, without any server.
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
  const { rules } = load(settings)
  const parsed = parseRequest(request)
  if (parsed === undefined) throw new RangeError('the request has no request line: expected "GET /path HTTP/1.1"')
  const { method, target, version, headers, body } = parsed
  const tx = rules.transaction({ clientIp: '127.0.0.1', uniqueId: 'test' })
  tx.store = new MemoryCollections()
  tx.engine = 'On'
  const { flags } = excludedRules(rules, settings.exclude)
  if (flags !== undefined) tx.removed = flags.slice()
  tx.requestLine(method, target, version)
  tx.requestHeaders(headers)
  let verdict = await tx.phase1()
  if (verdict === undefined) {
    if (body.length > 0) tx.requestBody(body)
    verdict = await tx.phase2()
  }
  return { verdict, score: scoreOf(tx, 1), fired: explain(tx) }
}

function load(settings: ReturnType<typeof readSettings>): ReturnType<typeof loadSource> {
  try {
    return loadSource(settings.source)
  } catch (error) {
    if (!(error instanceof RuleMistakes)) throw error
    throw new ConfigurationError(error.issues as ConfigIssue[], 'security/waf')
  }
}
