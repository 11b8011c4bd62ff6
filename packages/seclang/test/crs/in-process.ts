/** Runs go-ftw tests against the engine without any HTTP in between. */
import type { RuleSet } from '../../src/index.ts'
import {
  type FtwResult,
  type FtwTest,
  judge,
  logLine,
  type ParsedRequest,
  parseRequest,
  reflect,
  wireRequest,
} from './ftw.ts'

/** Values that the Core Rule Set's tests presuppose (its action 900005). */
export const TEST_SETTINGS: Record<string, string> = {
  crs_validate_utf8_encoding: '1',
  arg_name_length: '100',
  arg_length: '400',
  total_arg_length: '64000',
  max_num_args: '255',
  max_file_size: '64100',
  combined_file_sizes: '65535',
  crs_xml_attr_inspect: '1',
}

/** What any HTTP server does with a malformed request before a rule sees it (RFC 9112, RFC 9110). */
function refused({ method, target, version, headers }: ParsedRequest): boolean {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(method) || !/^HTTP\/\d\.\d$/.test(version)) return true
  if (method === 'CONNECT' ? !/^[^/]+:\d+$/.test(target) : !/^(?:\/|\*$|[a-z]+:\/\/)/i.test(target)) return true
  if (/[#\\"<>\x00-\x20]/.test(target)) return true
  const values = (name: string): string[] =>
    headers.filter((_, i) => i % 2 === 1 && headers[i - 1]!.toLowerCase() === name)
  if (headers.some((h) => /[\r\n\0]/.test(h))) return true
  if (values('content-length').some((v) => !/^\d+$/.test(v))) return true
  return (
    version === 'HTTP/1.1' &&
    (values('host').length !== 1 || /[^\w.:[\]-]/.test(values('host')[0]!) || values('host')[0] === '')
  )
}

/** Runs one raw request through all phases. */
export function runRaw(rules: RuleSet, raw: string): FtwResult {
  const request = parseRequest(raw)
  const tx = rules.transaction({ clientIp: '127.0.0.1', clientPort: 40000, serverIp: '127.0.0.1', serverPort: 80 })
  tx.requestLine(request.method, request.target, request.version)
  tx.requestHeaders(request.headers)
  void tx.phase1()
  tx.requestBody(Buffer.from(request.body, 'latin1'))
  void tx.phase2()
  const answer = reflect(request.target, request.body)
  tx.responseHeaders(answer.status, answer.headers)
  void tx.phase3()
  if (tx.wantsResponseBody) tx.responseBody(answer.body)
  void tx.phase4()
  void tx.phase5()
  const logged = tx.matches.filter((m) => m.logged)
  const ids = new Set(logged.map((m) => m.ruleId))
  // In DetectionOnly nothing is blocked; what would be is told by the blocking rules.
  const blocked = ids.has(949110) || ids.has(959100)
  return { ids, log: logged.map(logLine).join('\n'), status: refused(request) ? 400 : blocked ? 403 : answer.status }
}

/** Why a test failed; undefined when it passed. */
export function runTest(rules: RuleSet, test: FtwTest): string | undefined {
  for (const stage of test.stages) {
    const failure = judge(stage.output, runRaw(rules, wireRequest(stage.input)))
    if (failure !== undefined) return failure
  }
  return undefined
}
