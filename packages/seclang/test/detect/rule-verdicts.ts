import { readFileSync } from 'node:fs'
import { type InjectionDetector, loadRules, type RuleSet } from '../../src/index.ts'
import { type FtwOutput, readTests, wireRequest } from '../crs/ftw.ts'
import { runRaw, TEST_SETTINGS } from '../crs/in-process.ts'
import { shared } from '../shared.ts'

/** Values of one request that rules with `@detectSQLi` asked about, and whether one of them was found to be SQL injection. */
export interface RuleVerdict {
  name: string
  values: string[]
  sqli: boolean
}

interface Recorded {
  id: string
  raw: string
  pl2: { rules: number[] } | null
}

/** The Core Rule Set's rules with `@detectSQLi`: for arguments, and for paths. */
const RULES = [942_100, 942_101]

/** Notes what it is asked and answers no. */
class Listener implements InjectionDetector {
  readonly values = new Set<string>()

  sqli(value: string): { hit: false; fingerprint: '' } {
    this.values.add(value)
    return { hit: false, fingerprint: '' }
  }

  xss(): { hit: false; fingerprint: '' } {
    return { hit: false, fingerprint: '' }
  }
}

function asked(rules: RuleSet, listener: Listener, raw: string): string[] {
  // Without the answers remembered from earlier requests.
  rules.warmUp()
  listener.values.clear()
  runRaw(rules, raw)
  return [...listener.values]
}

function fromRecordedRequests(): RuleVerdict[] {
  const folder = shared('crs/3.3.4')
  const path = shared('vectors/modsecurity/requests.json')
  if (folder === undefined || path === undefined) return []
  const listener = new Listener()
  const crs = { folder, paranoiaLevel: 2 as const }
  const rules = loadRules({ crs, mode: 'DetectionOnly', detector: listener, exclude: ['942101'] })
  return (JSON.parse(readFileSync(path, 'utf8')) as Recorded[]).flatMap(({ id, raw, pl2 }) =>
    pl2 === null ? [] : [{ name: id, values: asked(rules, listener, raw), sqli: pl2.rules.includes(942_100) }],
  )
}

function expectation({ log, log_contains, no_log_contains }: FtwOutput, id: number): boolean | undefined {
  if (log?.expect_ids?.includes(id) || log_contains?.includes(String(id))) return true
  if (log?.no_expect_ids?.includes(id) || no_log_contains?.includes(String(id))) return false
  return undefined
}

function fromRuleTests(version: string, id: number): RuleVerdict[] {
  const folder = shared(`crs/${version}`)
  if (folder === undefined) return []
  const listener = new Listener()
  const rules = loadRules({
    crs: { folder, paranoiaLevel: 4, variables: TEST_SETTINGS },
    mode: 'DetectionOnly',
    detector: listener,
    exclude: RULES.filter((other) => other !== id),
  })
  return readTests(`${folder}/tests`).flatMap((test) =>
    test.stages.flatMap((stage) => {
      const sqli = expectation(stage.output, id)
      if (sqli === undefined) return []
      return [{ name: `${version} ${test.id}`, values: asked(rules, listener, wireRequest(stage.input)), sqli }]
    }),
  )
}

/** What ModSecurity and the rule set's own tests say of requests. */
export function ruleVerdicts(): RuleVerdict[] {
  const tests = ['4.28.0', '3.3.4'].flatMap((version) => RULES.flatMap((id) => fromRuleTests(version, id)))
  return [...fromRecordedRequests(), ...tests].filter(({ values }) => values.length > 0)
}
