import { readFileSync } from 'node:fs'
import { explainRequest, type LoadOptions, loadConfig, type RequestExplanation } from '@portcullis/gateway'

const NAMESPACE = 'security/waf'

/** What the WAF of a configuration says of one request. */
export interface WafTestResult extends RequestExplanation {
  /** The endpoint whose block counted beside the service's; undefined = the service's alone. */
  endpoint: string | undefined
}

/**
 * Runs the WAF's rules over a request from a file, without any server: which rules fire, and why.
 *
 * @param config path of the configuration.
 * @param requestFile path of a file with an HTTP/1.1 request as it comes over the wire.
 * @throws ConfigurationError when the configuration or its rules are broken, Error when it has no WAF or the file
 * holds no request.
 */
export async function wafTest(config: string, requestFile: string, options: LoadOptions = {}): Promise<WafTestResult> {
  const loaded = loadConfig(config, options)
  const request = readFileSync(requestFile)
  const [method = '', target = '/'] = request.toString('latin1', 0, 4096).split(/[ \r\n]/, 2)
  const endpoint = loaded.document.endpoints?.find((one) => answers(one, method, target))
  const service = loaded.document.extra_config?.[NAMESPACE] as object | undefined
  const own = endpoint?.extra_config?.[NAMESPACE] as object | false | undefined
  if (own === false) throw new Error(`endpoint ${endpoint!.endpoint} switches the WAF off`)
  if (service === undefined && own === undefined)
    throw new Error(`the configuration has no "${NAMESPACE}" for this request`)
  const explanation = await explainRequest(own ?? {}, loaded.baseDir, request, service)
  return { ...explanation, endpoint: own === undefined ? undefined : endpoint!.endpoint }
}

/** Would this endpoint answer the request? `{name}` stands for one segment, `/*` at the end for the rest. */
function answers(endpoint: { endpoint: string; method?: string | string[] }, method: string, target: string): boolean {
  const methods = [endpoint.method ?? 'GET'].flat()
  const fits = methods.includes('*') || methods.includes(method) || (method === 'HEAD' && methods.includes('GET'))
  if (!fits) return false
  const have = target.split('?', 1)[0]!.split('/')
  const want = endpoint.endpoint.split('/')
  const isPrefix = want.at(-1) === '*'
  if (isPrefix) want.pop()
  if (isPrefix ? have.length <= want.length : have.length !== want.length) return false
  return want.every((segment, i) => segment === have[i] || (/^\{.+\}$/.test(segment) && have[i] !== ''))
}

/** The result in words, for a terminal. */
export function describe(result: WafTestResult): string {
  const { verdict, fired, endpoint, excluded, rules, unknownExclusions, mode } = result
  const lines = fired.flatMap(describeRule)
  if (fired.length === 0) lines.push('no rule fired')
  if (endpoint !== undefined) lines.push(`with the block of endpoint ${endpoint}`)
  if (excluded > 0) lines.push(`exclude_rules leaves ${excluded} of ${rules} rules out`)
  for (const entry of unknownExclusions) lines.push(`exclude_rules: no rule answers to "${entry}"`)
  lines.push(...describeScore(result))
  if (verdict === undefined) lines.push('passes')
  else {
    const { action, status, ruleId, message } = verdict
    const by = ruleId === 0 ? message : `by rule ${ruleId}`
    lines.push(`refused: ${action} with status ${status} ${by}`)
    if (mode === 'monitor') lines.push('mode monitor: it is let through, and this is recorded')
  }
  return lines.join('\n')
}

/** The rule, what of the request it matched, and where it stands. */
function describeRule(rule: WafTestResult['fired'][number]): string[] {
  const { ruleId, phase, message, variable, value, data, severity, points, place } = rule
  const margin = ' '.repeat(String(ruleId).length + 2)
  const kind = severity === undefined ? [] : [severity]
  const worth = points === undefined ? [] : [`${points} points for each match`]
  return [
    `${ruleId}  ${message || '(no message)'}`,
    `${margin}${variable === '' ? 'always' : `${variable} matched "${value}"`}`,
    ...(data === '' ? [] : [`${margin}${data}`]),
    `${margin}${[...kind, ...worth, `phase ${phase}`, place].join(', ')}`,
  ]
}

function describeScore({ score, threshold }: WafTestResult): string[] {
  if (score === undefined) return []
  return [threshold === undefined ? `score ${score}` : `score ${score}, refused from ${threshold} on`]
}
