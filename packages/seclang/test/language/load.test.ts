import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { loadRules, SecLangError } from '../../src/index.ts'
import { readDirectives, splitWords } from '../../src/language/lexer.ts'
import { fired, run } from '../engine/run.ts'

const base = mkdtempSync(join(tmpdir(), 'seclang-'))
afterAll(() => rmSync(base, { recursive: true }))

function mistakes(text: string): string[] {
  try {
    loadRules({ text })
  } catch (error) {
    if (error instanceof SecLangError) return error.mistakes.map((m) => `${m.line}: ${m.message}`)
    throw error
  }
  return []
}

describe('mistakes', () => {
  test.each([
    ['SecRul ARGS "@rx a" "id:1"', '1: unknown directive "SecRul"; did you mean "SecRule"?'],
    ['SecRule ARG "@rx a" "id:1"', '1: unknown variable "ARG"; did you mean "ARGS"?'],
    ['SecRule ARGS "@beginWith a" "id:1"', '1: unknown operator "@beginWith"; did you mean "@beginsWith"?'],
    ['SecRule ARGS "@rx a" "id:1,t:lowercas"', '1: unknown transformation "lowercas"; did you mean "lowercase"?'],
    ['SecRule ARGS "@rx a" "id:1,denny"', '1: unknown action "denny"; did you mean "deny"?'],
    ['SecRule ARGS "@rx a" "id:1,ctl:ruleEngin=Off"', '1: unknown ctl option "ruleEngin"; did you mean "ruleEngine"?'],
    ['SecRule ARGS "@rx a" "deny"', '1: the rule has no id'],
    ['SecRule ARGS "@rx (a" "id:1"', /^1: pattern of @rx: .* at offset \d+$/],
    ['SecRule ARGS "@rx a" "id:1,msg:\'%{ARG.a}\'"', /^1: unknown variable in a macro "ARG\.a"/],
    ['SecRule ARGS "@rx a" "id:1,skipAfter:END-X"\nSecMarker END-Y', /^1: unknown marker .* did you mean "END-Y"/],
    ['SecRule ARGS "@rx a" "id:1,chain"', '1: the chain is not finished'],
    ['SecRule ARGS "@pmFromFile nowhere.data" "id:1"', /^1: cannot read .*nowhere\.data/],
    ['SecRule ARGS "@ipMatch 10.0.0.0/40" "id:1"', '1: "10.0.0.0/40" is not an address or network'],
    ['SecRule REQUEST_METHOD:a "@rx a" "id:1"', '1: REQUEST_METHOD has no members, so it takes no selector'],
    ['SecRule XML:/a/b "@rx a" "id:1"', /^1: XML needs one of the selectors/],
    ['SecRule ARGS "@inspectFile x.sh" "id:1"', /^1: operator "@inspectFile": running programs/],
    ['SecRule ARGS "@rx a" "id:1,exec:/bin/x"', /^1: action "exec": running programs/],
    ['SecAction "id:1,phase:constructor"', '1: phase is 1 to 5, request, response or logging, not "constructor"'],
    ['SecAction "id:1,constructor"', /^1: unknown action "constructor"/],
    ['SecRule ARGS "@constructor" "id:1"', /^1: unknown operator "@constructor"/],
    ['SecRuleEngine Onn', '1: SecRuleEngine: unknown value "Onn"; did you mean "On"?'],
    ['SecAction "id:1,pass"\nSecAction "id:1,pass"', '2: rule id 1 is taken by <text>:1'],
    ['Include "nowhere/*.conf"', '1: no file matches "nowhere/*.conf"'],
  ])('%s', (text, expected) => {
    expect(mistakes(text)).toEqual([typeof expected === 'string' ? expected : expect.stringMatching(expected)])
  })

  test('are collected and carry the line where the directive starts', () => {
    const found = mistakes('# comment\nSecRule ARGS \\\n  "@rxx a" \\\n  "id:1"\n\nSecFoo On\nSecRule BAR "a" "id:2"')
    expect(found.map((m) => m.split(':')[0])).toEqual(['2', '6', '7'])
  })
})

describe('the tokenizer', () => {
  test('quotes, continuation lines and backslash pairs', () => {
    expect(splitWords(String.raw`SecRule "a \"b\" \\ \d" 'c d' e\\f`, 'pairs')).toEqual([
      'SecRule',
      String.raw`a "b" \ \d`,
      'c d',
      String.raw`e\f`,
    ])
    expect([...readDirectives('# x \\\nSecAction a\\\n b', 'f', 'pairs')]).toEqual([
      { file: 'f', line: 2, name: 'SecAction', args: ['a', 'b'] },
    ])
  })

  test.each([
    ['pairs', [1, 1, 2, 2, 3, 3, 4, 4]],
    ['keep', [1, 2, 3, 4, 5, 6, 7, 8]],
    ['meaning', [1, 2, 3, 2, 3, 4, 5, 4]],
  ] as const)('one to eight backslashes, read as %s', (reading, left) => {
    const run = (n: number): string => '\\'.repeat(n)
    left.forEach((n, i) => {
      expect(splitWords(`"${run(i + 1)}x"`, reading)).toEqual([`${run(n)}x`])
    })
    expect(splitWords(`"${run(5)}" x"`, reading)).toEqual([`${run(left[3])}" x`])
  })
})

describe('folders of the Core Rule Set', () => {
  const setup = 'SecAction "id:900000,phase:1,pass,nolog,setvar:tx.paranoia_level=1"'
  const rules = 'SecRule TX:paranoia_level "@eq 3" "id:900100,phase:1,pass,msg:\'level 3\'"'

  test.each(['release', 'Debian'])('%s: settings win over the setup file', (layout) => {
    const folder = mkdtempSync(join(base, 'rules-'))
    mkdirSync(join(folder, 'rules'))
    writeFileSync(join(folder, 'crs-setup.conf'), setup)
    writeFileSync(join(folder, 'rules', 'a.conf'), rules)
    if (layout === 'Debian') {
      const load = `Include ${folder}/crs-setup.conf\nIncludeOptional ${folder}/none.conf\nInclude ${folder}/rules/*.conf\n`
      writeFileSync(join(folder, 'owasp-crs.load'), load)
    }
    const loaded = loadRules({ crs: { folder, paranoiaLevel: 3 } })
    expect(fired(run(loaded))).toEqual([900_100])
  })
})

describe('files', () => {
  test('globs, includes relative to the file, data files beside it, exclusions', () => {
    const folder = mkdtempSync(join(base, 'rules-'))
    mkdirSync(join(folder, 'more'))
    writeFileSync(join(folder, 'a.conf'), 'Include "more/*.conf"\nSecRule ARGS "@pmFromFile words.data" "id:1,pass"')
    writeFileSync(join(folder, 'words.data'), '# comment\n\nEvil Phrase\n')
    writeFileSync(join(folder, 'more', 'b.conf'), 'SecAction "id:2,pass,tag:noise"')
    writeFileSync(join(folder, 'more', 'c.conf'), 'SecAction "id:3,pass"')
    const rules = loadRules({ files: ['*.conf'], baseDir: folder, exclude: ['noise'] })
    expect(fired(run(rules, { uri: '/?a=an+evil+phrase' }))).toEqual([3, 1])
    expect(loadRules({ files: ['*.conf'], baseDir: folder, exclude: [1, '3-4'] }).size).toBe(1)
  })
})
