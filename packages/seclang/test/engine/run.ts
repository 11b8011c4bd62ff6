/** Runs a request through rules given as text. */
import { type LoadOptions, loadRules, type RuleSet, type Transaction } from '../../src/index.ts'

/** A request; everything has a default. */
export interface Request {
  method?: string
  uri?: string
  headers?: string[]
  body?: string
  clientIp?: string
}

/** Loads rules from text. */
export function rulesOf(text: string, options: LoadOptions = {}): RuleSet {
  return loadRules({ text, ...options })
}

/** Runs phases 1 and 2 synchronously. */
export function run(rules: RuleSet, request: Request = {}): Transaction {
  const tx = rules.transaction({ clientIp: request.clientIp ?? '203.0.113.9' })
  tx.requestLine(request.method ?? 'GET', request.uri ?? '/', 'HTTP/1.1')
  tx.requestHeaders(request.headers ?? ['Host', 'a.example'])
  void tx.phase1()
  if (request.body !== undefined) tx.requestBody(Buffer.from(request.body, 'latin1'))
  void tx.phase2()
  return tx
}

/** Ids of the rules that fired and were logged. */
export function fired(tx: Transaction): number[] {
  return tx.matches.filter((m) => m.logged).map((m) => m.ruleId)
}

/** Runs a text of rules over one request. */
export function ids(text: string, request: Request = {}): number[] {
  return fired(run(rulesOf(text), request))
}
