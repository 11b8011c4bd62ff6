import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { loadRules, type RuleSet } from '../../src/index.ts'
import { runRaw } from '../crs/in-process.ts'
import { shared } from '../shared.ts'
import { fired, rulesOf, run } from './run.ts'

const requests = shared('vectors/modsecurity/requests.json')
const folder = shared('crs/4.28.0')

/** Takes the plan away: every rule asks its operator directly about every value. */
function withoutPlan(rules: RuleSet): RuleSet {
  const open = rules as unknown as { used: Set<unknown>; plan: unknown; planned: number }
  open.used.clear()
  open.plan = undefined
  open.planned = Number.POSITIVE_INFINITY
  return rules
}

test.skipIf(requests === undefined || folder === undefined)(
  'masks and remembered answers change no outcome',
  { timeout: 60_000 },
  () => {
    const load = (): RuleSet => loadRules({ crs: { folder: folder!, paranoiaLevel: 2 }, mode: 'DetectionOnly' })
    const planned = load()
    const direct = load()
    const recorded = (JSON.parse(readFileSync(requests!, 'utf8')) as { id: string; raw: string }[]).filter(
      (_, i) => i % 8 === 0,
    )
    for (const { id, raw } of recorded) {
      const wanted = [...runRaw(withoutPlan(direct), raw).ids]
      // Twice: the second time most strings are remembered.
      expect([...runRaw(planned, raw).ids], id).toEqual(wanted)
      expect([...runRaw(planned, raw).ids], id).toEqual(wanted)
    }
  },
)

test('a pattern without literals that no automaton runs is asked', () => {
  const rules = rulesOf(String.raw`SecRule ARGS "@rx ([^a])\1" "id:1,pass"
    SecRule ARGS "@rx never" "id:2,pass"`)
  for (const [value, expected] of [
    ['xx', [1]],
    ['xy', []],
  ] as const) {
    for (let time = 0; time < 3; time++) expect(fired(run(rules, { uri: `/?a=${value}` }))).toEqual(expected)
  }
})
