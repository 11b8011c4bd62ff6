import { describe, expect, test } from 'vitest'
import { fired, ids, rulesOf, run } from './run.ts'

describe('flow', () => {
  test('deny gives a verdict with status, id and message, and ends the phase', () => {
    const tx = run(
      rulesOf(`SecRule ARGS:a "@streq x" "id:1,phase:1,deny,status:418,msg:'no %{MATCHED_VAR}'"
        SecRule ARGS:a "@streq x" "id:2,phase:1,pass"`),
      { uri: '/?a=x' },
    )
    expect(tx.verdict).toEqual({ action: 'deny', status: 418, ruleId: 1, phase: 1, message: 'no x' })
    expect(fired(tx)).toEqual([1])
  })

  test('DetectionOnly records and never interrupts; Off runs nothing', () => {
    const rule = 'SecRule ARGS "@rx x" "id:1,deny"'
    const detect = run(rulesOf(`SecRuleEngine DetectionOnly\n${rule}`), { uri: '/?a=x' })
    expect([detect.verdict, fired(detect)]).toEqual([undefined, [1]])
    expect(ids(`SecRuleEngine Off\n${rule}`, { uri: '/?a=x' })).toEqual([])
  })

  test('redirect and drop', () => {
    const redirect = run(rulesOf(`SecAction "id:1,phase:1,redirect:'https://a.example/?from=%{REQUEST_URI}'"`), {
      uri: '/b',
    })
    expect(redirect.verdict).toMatchObject({ action: 'redirect', status: 302, location: 'https://a.example/?from=/b' })
    expect(run(rulesOf('SecAction "id:1,phase:1,drop"')).verdict).toMatchObject({ action: 'drop' })
  })

  test('block takes what the default action of the phase says', () => {
    expect(
      run(rulesOf('SecDefaultAction "phase:2,log,deny,status:451"\nSecAction "id:1,block"')).verdict,
    ).toMatchObject({ status: 451 })
    expect(run(rulesOf('SecAction "id:1,block"')).verdict).toBeUndefined()
  })

  test('skip, skipAfter and markers', () => {
    const text = `SecAction "id:1,skip:1"
      SecAction "id:2,pass"
      SecAction "id:3,skipAfter:END"
      SecAction "id:4,pass"
      SecMarker END
      SecAction "id:5,pass"`
    expect(ids(text)).toEqual([1, 3, 5])
  })

  test('allow ends all phases, allow:phase one, allow:request two', () => {
    const rest = 'SecAction "id:2,phase:1,pass"\nSecAction "id:3,phase:2,pass"'
    expect(ids(`SecAction "id:1,phase:1,allow"\n${rest}`)).toEqual([1])
    expect(ids(`SecAction "id:1,phase:1,allow:phase"\n${rest}`)).toEqual([1, 3])
    expect(ids(`SecAction "id:1,phase:1,allow:request"\n${rest}`)).toEqual([1])
  })

  test('a chain needs all links; setvar of the first runs with the first', () => {
    const text = `SecRule ARGS:a "@rx 1" "id:1,chain,setvar:tx.first=1"
        SecRule ARGS:b "@rx 2" "setvar:tx.second=1"
      SecRule TX:first "@eq 1" "id:2,pass"
      SecRule TX:second "@eq 1" "id:3,pass"`
    expect(ids(text, { uri: '/?a=1&b=2' })).toEqual([1, 2, 3])
    expect(ids(text, { uri: '/?a=1&b=0' })).toEqual([2])
  })
})

describe('variables', () => {
  test('selectors, counts, exclusions and patterns for names', () => {
    const uri = '/?token=1&Token=2&x_1=3&y=4'
    expect(ids('SecRule ARGS:TOKEN "@eq 2" "id:1,pass"', { uri })).toEqual([1])
    expect(ids('SecRule &ARGS:token "@eq 2" "id:1,pass"', { uri })).toEqual([1])
    expect(ids('SecRule &ARGS "@eq 4" "id:1,pass"', { uri })).toEqual([1])
    expect(ids('SecRule ARGS|!ARGS:y "@eq 4" "id:1,pass"', { uri })).toEqual([])
    expect(ids('SecRule ARGS:/^x_/ "@eq 3" "id:1,pass"', { uri })).toEqual([1])
    expect(ids('SecRule ARGS|!ARGS:/^x_/ "@eq 3" "id:1,pass"', { uri })).toEqual([])
  })

  test('a negated operator matches when any value does not', () => {
    expect(ids('SecRule ARGS "!@streq 1" "id:1,pass"', { uri: '/?a=1&b=2' })).toEqual([1])
    expect(ids('SecRule ARGS "!@streq 1" "id:1,pass"', { uri: '/?a=1' })).toEqual([])
  })

  test('setvar adds for each value that matches; captures and matched names are there', () => {
    const tx = run(
      rulesOf(`SecRule ARGS "@rx ^(\\d)(\\d)$" "id:1,pass,capture,setvar:tx.n=+%{TX.1},setvar:'tx.last=%{MATCHED_VAR_NAME} %{TX.2}'"
        SecRule TX:n "@eq 4" "id:2,pass,msg:'%{TX.last}'"
        SecRule MATCHED_VARS_NAMES "@rx ." "id:3,pass"`),
      { uri: '/?a=12&b=34' },
    )
    expect(fired(tx)).toEqual([1, 2])
    expect(tx.matches[1]!.message).toBe('ARGS:b 4')
  })

  test('bytes are bytes', () => {
    expect(ids('SecRule ARGS:a "@rx ^\\xff\\x00$" "id:1,pass"', { uri: '/?a=%ff%00' })).toEqual([1])
    expect(ids('SecRule ARGS:a "@streq Å" "id:1,pass"', { uri: '/?a=%c3%85' })).toEqual([1])
  })

  test('multiMatch looks before and after each change', () => {
    const text = (more: string): string => `SecRule ARGS "@contains %3c" "id:1,pass,t:urlDecode,t:lowercase${more}"`
    expect(ids(text(''), { uri: '/?a=%253c' })).toEqual([])
    expect(ids(text(',multiMatch'), { uri: '/?a=%253c' })).toEqual([1])
  })
})

describe('ctl and updates', () => {
  const rules = `SecRule ARGS "@rx x" "id:10,pass,tag:one"
    SecRule ARGS "@rx x" "id:11,pass,tag:two,msg:'second'"`

  test.each([
    ['ruleRemoveById=10', [11]],
    ['ruleRemoveById=10-11', []],
    ['ruleRemoveByTag=two', [10]],
    ['ruleRemoveByMsg=second', [10]],
    ['ruleRemoveTargetById=10;ARGS:a', [11]],
    ['ruleRemoveTargetByTag=two;ARGS', [10]],
    ['ruleRemoveTargetById=10;ARGS:/^A$/', [11]],
    ['ruleEngine=Off', []],
  ])('ctl:%s', (control, expected) => {
    expect(ids(`SecAction "id:1,phase:1,nolog,pass,ctl:${control}"\n${rules}`, { uri: '/?a=x' })).toEqual(expected)
  })

  test.each([
    ['SecRuleRemoveById 10', [11]],
    ['SecRuleRemoveById "9-10"', [11]],
    ['SecRuleRemoveByTag two', [10]],
    ['SecRuleRemoveByMsg second', [10]],
    ['SecRuleUpdateTargetById 10 "!ARGS:a"', [11]],
    ['SecRuleUpdateTargetByTag two "!ARGS:a"', [10]],
    ['SecRuleUpdateActionById 10 "nolog"', [11]],
  ])('%s', (directive, expected) => {
    expect(ids(`${rules}\n${directive}`, { uri: '/?a=x' })).toEqual(expected)
  })
})

describe('responses', () => {
  test('phases 3 and 4 see status, headers and a body of a listed type', () => {
    const rules = rulesOf(`SecResponseBodyAccess On
      SecRule RESPONSE_STATUS "@eq 500" "id:1,phase:3,pass"
      SecRule RESPONSE_HEADERS:X-Powered-By "@rx php" "id:2,phase:3,pass,t:lowercase"
      SecRule RESPONSE_BODY "@rx stack trace" "id:3,phase:4,deny,status:502"
      SecAction "id:4,phase:5,pass"`)
    const tx = run(rules)
    tx.responseHeaders(500, ['Content-Type', 'text/html; charset=utf-8', 'X-Powered-By', 'PHP'])
    void tx.phase3()
    expect(tx.wantsResponseBody).toBe(true)
    tx.responseBody(Buffer.from('a stack trace'))
    expect(tx.phase4()).toMatchObject({ status: 502, ruleId: 3 })
    void tx.phase5()
    expect(fired(tx)).toEqual([1, 2, 3, 4])
  })
})
