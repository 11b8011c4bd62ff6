/** What is remembered from one request to the next is never another request's. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { MemoryCollections } from '../../src/index.ts'
import { cmdLine, normalisePath } from '../../src/transform/normalise.ts'
import { fired, rulesOf, run } from './run.ts'

const logged = (text: string): ((headers: string[]) => string[]) => {
  const rules = rulesOf(text)
  return (headers) =>
    run(rules, { headers }).matches.map((match) => `${match.message} ${match.variable}=${match.value}`)
}

describe('headers at the places where they stood before', () => {
  it('are those of this request: names in their case, values, and all of them', () => {
    const matches = logged(`
      SecRule REQUEST_HEADERS|REQUEST_HEADERS_NAMES "@rx attack" "id:1,phase:1,pass,msg:'seen'"
      SecRule REQUEST_HEADERS:x-b "@rx attack" "id:2,phase:1,pass,msg:'b'"`)
    expect(matches(['Host', 'a', 'X-B', 'an attack'])).toEqual([
      'seen REQUEST_HEADERS:X-B=an attack',
      'b REQUEST_HEADERS:X-B=an attack',
    ])
    expect(matches(['Host', 'a', 'x-b', 'an attack'])).toEqual([
      'seen REQUEST_HEADERS:x-b=an attack',
      'b REQUEST_HEADERS:x-b=an attack',
    ])
    expect(matches(['Host', 'a', 'x-b', 'harmless'])).toEqual([])
    expect(matches(['Host', 'a', 'x-attack', 'harmless'])).toEqual(['seen REQUEST_HEADERS_NAMES:x-attack=x-attack'])
    expect(matches(['x-b', 'an attack'])).toHaveLength(2)
    expect(matches(['Host', 'a'])).toEqual([])
  })

  it('cookies and the body processor follow the header, remembered or not', () => {
    const rules = rulesOf(`
      SecRule REQUEST_COOKIES:a "@streq 1" "id:1,phase:1,pass"
      SecRule ARGS_POST:p "@streq 1" "id:2,phase:2,pass"`)
    const form = ['Cookie', 'a=1', 'Content-Type', 'application/x-www-form-urlencoded']
    const request = (headers: string[]) => fired(run(rules, { method: 'POST', headers, body: 'p=1' }))
    for (let time = 0; time < 3; time++) expect(request(form)).toEqual([1, 2])
    expect(request(['Cookie', 'a=2', 'Content-Type', 'text/plain'])).toEqual([])
    expect(request(form)).toEqual([1, 2])
  })
})

describe('texts and names made at run time', () => {
  const rules = rulesOf(`
    SecRule ARGS_NAMES "@rx ^(.*)$" "id:1,phase:2,pass,nolog,capture,t:lowercase,setvar:'tx.arg_%{tx.1}=<%{tx.1}>',chain"
      SecRule TX:/^arg_/ "@rx ^<evil" "setvar:'tx.bad=%{MATCHED_VAR}'"
    SecRule TX:bad "@rx ." "id:2,phase:2,pass,msg:'%{tx.bad}'"`)
  const message = (uri: string): string | undefined => run(rules, { uri }).matches.find((m) => m.ruleId === 2)?.message

  it('are right beyond what is remembered', () => {
    for (let i = 0; i < 1500; i++) {
      expect(message(`/?n${i}=1`)).toBeUndefined()
      if (i % 100 === 0) expect(message(`/?EVIL${i}=1`)).toBe(`<evil${i}>`)
    }
    expect(message('/?evil1=1')).toBe('<evil1>')
    expect(message(`/?evil${'x'.repeat(100)}=1`)).toBe(`<evil${'x'.repeat(100)}>`)
  })

  it('captures are those of the operator that asks', () => {
    const two = rulesOf(`
      SecRule ARGS:a "@rx ^(.)" "id:1,phase:2,pass,capture,msg:'%{tx.1}'"
      SecRule ARGS:a "@rx (.)$" "id:2,phase:2,pass,capture,msg:'%{tx.1}'"`)
    for (let time = 0; time < 3; time++) {
      expect(run(two, { uri: '/?a=xyz' }).matches.map(({ message }) => message)).toEqual(['x', 'z'])
    }
  })
})

describe('what is remembered of a large body', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void

  it.each([
    ['values', 'SecRule ARGS "@rx attack" "id:1,phase:2,pass"'],
    ['captures', `SecRule ARGS:token "@rx ^(.*)$" "id:1,phase:2,pass,nolog,capture,setvar:'tx.x=<%{tx.1}>'"`],
    [
      'names of TX variables',
      `SecRule ARGS:token "@rx ." "id:1,phase:2,pass,nolog,setvar:'tx.%{MATCHED_VAR}=1'"
       SecRule TX:/^none/ "@rx ." "id:2,phase:2,pass"`,
    ],
    [
      'collections',
      `SecAction "id:1,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR}"
       SecRule ARGS:token "@rx ." "id:2,phase:2,pass,nolog,setvar:'ip.last=%{MATCHED_VAR}'"`,
    ],
  ])('%s: does not keep the body', (_what, text) => {
    const rules = rulesOf(text, { collections: new MemoryCollections() })
    const filler = 'word+'.repeat(40_000)
    const headers = ['Content-Type', 'application/x-www-form-urlencoded']
    const send = (i: number): void => {
      const body = `token=value-of-request-${i}&filler=${filler}`
      run(rules, { method: 'POST', headers, body, clientIp: `10.0.${i >> 8}.${i & 255}` })
    }
    send(0)
    collect()
    const before = process.memoryUsage().heapUsed
    // Twice each: what comes once is not remembered.
    for (let i = 1; i <= 200; i++) for (let time = 0; time < 2; time++) send(i)
    collect()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(10 * 2 ** 20)
  })
})

describe('transformations that look before they change', () => {
  it.each([
    ['a "\',; b', 'a b'],
    ['C^at\t/etc ( X', 'cat/etc( x'],
    ['a ', 'a '],
    ['a"', 'a'],
    ['"', ''],
    [' ;/x', '/x'],
    ['plain', 'plain'],
    ['', ''],
  ])('cmdLine %j', (value, expected) => {
    expect(cmdLine(value)).toBe(expected)
  })

  it.each([
    ['/a/b/', '/a/b/'],
    ['/a//b/./c/../d', '/a/b/d'],
    ['../a', '../a'],
    ['/../a', '/a'],
    ['a/..', ''],
    ['./', ''],
    ['.', ''],
    ['/', '/'],
    ['a.b/c..d', 'a.b/c..d'],
  ])('normalisePath %j', (value, expected) => {
    expect(normalisePath(value)).toBe(expected)
  })
})
