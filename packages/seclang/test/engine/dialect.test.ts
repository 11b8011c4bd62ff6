import { describe, expect, test } from 'vitest'
import { fired, rulesOf, run } from './run.ts'

const DIALECTS = ['portcullis', 'modsecurity2', 'libmodsecurity3'] as const

/** Which dialects fire rule 1 of a text. */
function firing(text: string, request: Parameters<typeof run>[1]): string[] {
  return DIALECTS.filter((dialect) => fired(run(rulesOf(text, { engine: { dialect } }), request)).includes(1))
}

const [mixed, two, three] = DIALECTS

describe('the default dialect takes the reading that refuses more', () => {
  test('a pattern that counts against the request matches at line ends', () => {
    for (const action of ['deny', 'block', "redirect:'/x'"])
      expect(firing(`SecRule ARGS "@rx ^b$" "id:1,${action}"`, { uri: '/?a=a%0ab%0ac' })).toEqual([mixed, three])
  })

  test('a pattern that exempts or allows matches whole values', () => {
    const lines = { uri: '/?a=a%0ab%0ac' }
    expect(firing('SecRule ARGS "@rx ^b$" "id:1,pass,ctl:ruleRemoveById=2"', lines)).toEqual([three])
    expect(firing('SecRule ARGS "@rx ^b$" "id:1,allow"', lines)).toEqual([three])
    expect(firing('SecRule ARGS "!@rx ^b$" "id:1,deny"', lines)).toEqual([mixed, two])
  })

  test('both readings of one pattern live side by side', () => {
    const text = 'SecRule ARGS "@rx ^b$" "id:2,pass"\nSecRule ARGS "@rx ^b$" "id:1,block"'
    expect(fired(run(rulesOf(text), { uri: '/?a=a%0ab' }))).toEqual([1])
  })

  test('a rule that denies by default counts against the request too', () => {
    const text = 'SecDefaultAction "phase:2,deny,log"\nSecRule ARGS "@rx ^b$" "id:1"'
    expect(firing(text, { uri: '/?a=a%0ab' })).toEqual([mixed, three])
  })

  test('REQUEST_URI is decoded, REQUEST_URI_RAW never', () => {
    const request = { uri: '/%61dmin?x=1+%2B' }
    expect(firing('SecRule REQUEST_URI "@streq /admin?x=1++" "id:1,phase:1,deny"', request)).toEqual([mixed, three])
    expect(firing('SecRule REQUEST_URI_RAW "@contains admin" "id:1,phase:1,deny"', request)).toEqual([])
  })
})

describe('backslashes', () => {
  test.each<[pattern: string, dialects: string[]]>([
    [String.raw`^a\\b$`, [mixed, three]],
    [String.raw`^a\\\\b$`, [mixed, two]],
  ])('%s', (pattern, expected) => {
    expect(firing(`SecRule ARGS "@rx ${pattern}" "id:1,deny"`, { uri: '/?x=a%5cb' })).toEqual(expected)
  })
})

test('REQUEST_BODY of a body that a processor reads is there in libmodsecurity 3 only', () => {
  const request = { uri: '/', headers: ['Content-Type', 'multipart/form-data; boundary=B'], body: '--B--\r\n' }
  expect(firing('SecRule REQUEST_BODY "@contains B" "id:1,deny"', request)).toEqual([three])
})
