/** Rules that only compare a TX variable and lead elsewhere. */
import { expect, it } from 'vitest'
import { ids, rulesOf, run } from './run.ts'

const gated = (gate: string, before = ''): number[] =>
  ids(`
    SecAction "id:1,phase:1,pass,nolog,setvar:tx.level=2,setvar:tx.limit=2${before}"
    ${gate}
    SecAction "id:8,phase:2,pass"
    SecMarker END
    SecAction "id:9,phase:2,pass"`)

it.each([
  ['TX:LEVEL "@lt 3"', true],
  ['TX:LEVEL "@lt 2"', false],
  ['TX:LEVEL "@le 2"', true],
  ['TX:LEVEL "@le 1"', false],
  ['TX:LEVEL "@eq 2"', true],
  ['TX:LEVEL "@eq 20"', false],
  ['TX:LEVEL "@ge 2"', true],
  ['TX:LEVEL "@ge 3"', false],
  ['TX:LEVEL "@gt 1"', true],
  ['TX:LEVEL "@gt 2"', false],
  ['TX:LEVEL "!@gt 2"', true],
  ['TX:LEVEL "!@eq 2"', false],
  ['TX:LEVEL "@eq %{tx.limit}"', true],
  ['TX:LEVEL "@lt %{tx.limit}"', false],
  ['TX:NONE "@eq 0"', false],
  ['TX:NONE "!@eq 1"', false],
  ['&TX:NONE "@eq 0"', true],
  ['&TX:LEVEL "@eq 0"', false],
  ['&TX:LEVEL "!@eq 0"', true],
])('%s leads past the rules in between: %j', (condition, leads) => {
  const wanted = leads ? [9] : [8, 9]
  expect(gated(`SecRule ${condition} "id:2,phase:2,pass,nolog,skipAfter:END"`)).toEqual(wanted)
  expect(gated(`SecRule ${condition} "id:2,phase:2,pass,nolog,skip:1"`)).toEqual(wanted)
  expect(gated(`SecRule ${condition} "id:2,phase:2,pass,log,skipAfter:END"`)).toEqual(leads ? [2, 9] : wanted)
})

it('leads nowhere once it is taken out, or its variable is', () => {
  const rule = 'SecRule TX:LEVEL "@eq 2" "id:2,phase:2,pass,nolog,skipAfter:END"'
  expect(gated(rule, ',ctl:ruleRemoveById=2')).toEqual([8, 9])
  expect(gated(rule, ',ctl:ruleRemoveById=3')).toEqual([9])
  expect(gated(rule, ',ctl:ruleRemoveTargetById=2;TX:level')).toEqual([8, 9])
  expect(gated(rule, ',ctl:ruleRemoveTargetById=3;TX:level')).toEqual([9])
})

it('is what MATCHED_VAR speaks of afterwards', () => {
  const tx = run(
    rulesOf(`
      SecAction "id:1,phase:2,pass,nolog,setvar:tx.level=2"
      SecRule TX:LEVEL "@eq 2" "id:2,phase:2,pass,nolog"
      SecRule MATCHED_VAR_NAME "@rx ." "id:3,phase:2,pass,msg:'%{MATCHED_VAR}'"`),
  )
  expect(tx.matches.map(({ ruleId, value }) => [ruleId, value])).toEqual([[3, 'TX:level']])
})
