import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadRules, type RuleSet, SecLangError } from '../../src/index.ts'
import { shared } from '../shared.ts'
import { run } from './run.ts'

const byteString = (maxLength: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    fc
      .array(
        fc.constantFrom(
          '%',
          '%2',
          '%u00',
          '\\',
          '\\x',
          '&#',
          '/*',
          '..',
          '/',
          '"',
          "'",
          '<',
          'a',
          '\n',
          '\0',
          '{',
          '[',
        ),
        { maxLength },
      )
      .map((parts) => parts.join('')),
  )

const contentType = fc.constantFrom(
  'application/json',
  'application/xml',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=b',
  'multipart/form-data; boundary',
  'text/plain',
)
const multipartish = fc
  .array(
    fc.constantFrom(
      '--b',
      '--b--',
      '\r\n',
      '\n',
      'Content-Disposition: form-data; name="',
      '"',
      '; filename=',
      'x',
      ':',
      ' ',
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(''))
const jsonish = fc.oneof(
  fc.json().map((text) => Buffer.from(text).toString('latin1')),
  fc
    .array(fc.constantFrom('{', '}', '[', ']', ':', ',', '"', '\\u', 'd800', '1', 'e', 'null'), { maxLength: 60 })
    .map((p) => p.join('')),
)
const xmlish = fc
  .array(
    fc.constantFrom(
      '<a',
      '>',
      '</a>',
      '/>',
      ' x="',
      '"',
      '&lt;',
      '&#x41;',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '<!DOCTYPE',
      't',
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(''))

const request = fc.record({
  method: byteString(12),
  uri: byteString(300).map((s) => `/${s}`),
  headers: fc.array(fc.tuple(fc.constantFrom('Cookie', 'Content-Length', 'Host', 'Range', 'X'), byteString(100)), {
    maxLength: 8,
  }),
  type: contentType,
  body: fc.oneof(byteString(400), multipartish, jsonish, xmlish),
})

function inspect(
  rules: RuleSet,
  r: { method: string; uri: string; headers: [string, string][]; type: string; body: string },
): void {
  const headers = [...r.headers.flat(), 'Content-Type', r.type]
  const tx = run(rules, { method: r.method, uri: r.uri, headers, body: r.body })
  tx.responseHeaders(200, ['Content-Type', 'text/html'])
  void tx.phase3()
  tx.responseBody(Buffer.from(r.body, 'latin1'))
  void tx.phase4()
  void tx.phase5()
}

const OWN = `
SecRule REQUEST_HEADERS:Content-Type "@contains json" "id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQUEST_HEADERS:Content-Type "@contains xml" "id:2,phase:1,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule ARGS|ARGS_NAMES|REQUEST_COOKIES|XML:/*|XML://@*|FILES|MULTIPART_PART_HEADERS "@rx (?i)(a+)+$" "id:3,pass,capture,multiMatch,t:urlDecodeUni,t:htmlEntityDecode,t:jsDecode,t:cssDecode,t:normalisePathWin,t:cmdLine,setvar:tx.%{MATCHED_VAR}=%{TX.1}"
SecRule TX "@detectSQLi" "id:4,pass"
SecRule ARGS "@detectXSS" "id:5,pass,t:escapeSeqDecode,t:base64DecodeExt,t:sqlHexDecode,t:utf8toUnicode"
`

describe('random requests', () => {
  const folder = shared('crs/4.28.0')
  const sets: [string, RuleSet][] = [['own rules', loadRules({ text: OWN })]]
  if (folder !== undefined) sets.push(['the Core Rule Set', loadRules({ crs: { folder, paranoiaLevel: 4 } })])

  test.each(sets)('%s: no crash, no hang', { timeout: 30_000 }, (_name, rules) => {
    let slowest = 0
    fc.assert(
      fc.property(request, (r) => {
        const start = performance.now()
        inspect(rules, r)
        slowest = Math.max(slowest, performance.now() - start)
      }),
      { numRuns: 300 },
    )
    expect(slowest).toBeLessThan(2000)
  })

  test.skipIf(folder === undefined)('64 KB of anything passes all rules in bounded time', { timeout: 30_000 }, () => {
    const rules = sets[1]![1]
    const slow: string[] = []
    for (const shape of [
      '\n',
      'a|  ',
      '<',
      '-',
      'etc/',
      '/',
      '../',
      '"\'',
      'select ',
      '&#x',
      '\\u00',
      '`;',
      '/*',
      "'+'",
      '%25',
      'on=',
    ]) {
      const body = `x=${encodeURIComponent(shape.repeat(65_536 / shape.length))}`
      const headers = ['Content-Type', 'application/x-www-form-urlencoded']
      const start = performance.now()
      run(rules, { method: 'POST', headers, body })
      const took = performance.now() - start
      // All 600 rules together, on a machine that others use as well; one pattern has 50 ms, which its own tests check.
      if (took > 1500) slow.push(`${JSON.stringify(shape)} ${Math.round(took)} ms`)
    }
    expect(slow).toEqual([])
  })

  test('memory stays bounded over many distinct requests', { timeout: 30_000 }, () => {
    const [, rules] = sets[0]!
    const used = (): number => {
      globalThis.gc?.()
      return process.memoryUsage().heapUsed
    }
    const once = (i: number): void => {
      run(rules, { uri: `/?k${i}=${'v'.repeat(150)}${i}&${i}=x`, headers: ['Cookie', `c${i}=${i}`] })
      run(rules, { uri: `/?k${i}=${'v'.repeat(150)}${i}&${i}=x`, headers: ['Cookie', `c${i}=${i}`] })
    }
    for (let i = 0; i < 10_000; i++) once(i)
    const before = used()
    for (let i = 10_000; i < 25_000; i++) once(i)
    expect(used() - before).toBeLessThan(120 * 1024 * 1024)
  })
})

describe('random rules', () => {
  const word = fc.constantFrom(
    'SecRule',
    'SecAction',
    'SecMarker',
    'SecRuleRemoveById',
    'SecRuleUpdateTargetById',
    'SecDefaultAction',
    'Include',
    'ARGS',
    '&ARGS:a',
    '!ARGS:/x/',
    'TX:/a',
    'XML:/*',
    'IP:n',
    '"@rx a"',
    '"@rx (a"',
    '"!@pm a b"',
    '"@within %{TX.a}"',
    '"id:1,pass"',
    '"id:2,deny,chain"',
    '"phase:9"',
    '"setvar:tx.a=+%{TX.b},id:3"',
    '"msg:\'x,id:4"',
    '\\',
    '\n',
    '#',
    '"',
    "'",
    '1-',
    '1',
  )
  const rulesText = fc.oneof(
    fc.array(word, { maxLength: 40 }).map((words) => words.join(' ')),
    byteString(200),
    fc.tuple(byteString(30), byteString(30), byteString(60)).map(([a, b, c]) => `SecRule ARGS|${a} "${b}" "id:1,${c}"`),
  )

  test('load or throw SecLangError, and what loads runs', { timeout: 20_000 }, () => {
    fc.assert(
      fc.property(rulesText, request, (text, r) => {
        let rules: RuleSet
        try {
          rules = loadRules({ text })
        } catch (error) {
          expect(error).toBeInstanceOf(SecLangError)
          return
        }
        inspect(rules, r)
      }),
      { numRuns: 1500 },
    )
  })
})
