import { describe, expect, it } from 'vitest'
import { HtmlLexer } from '../../src/detect/html-lexer.ts'
import { sqliFingerprint } from '../../src/detect/sqli.ts'
import { type RecordedTokens, recordedTokens } from './corpus.ts'
import { spellFolded, spellTokens } from './spell.ts'

function spellHtml(value: string): string[] {
  const lexer = new HtmlLexer(value, 'data')
  const lines: string[] = []
  while (lexer.next()) lines.push(`${lexer.type},${lexer.end - lexer.start},${value.slice(lexer.start, lexer.end)}`)
  return lines
}

function actual({ kind, input }: RecordedTokens): string[] {
  if (kind === 'html5') return spellHtml(input)
  if (kind === 'folding') return spellFolded(input)
  if (kind !== 'sqli') return spellTokens(input)
  const fingerprint = sqliFingerprint(input)
  return fingerprint === '' ? [] : [fingerprint]
}

const trimmed = (lines: string[]): string => lines.map((line) => line.trim()).join('\n')

/** The record of an expectation whose input is empty holds the marker of its file instead. */
const isEmptyRecord = ({ input }: RecordedTokens): boolean => input.startsWith('--EXPECTED--')

describe('recorded tokens', () => {
  const recorded = recordedTokens()
  it.skipIf(recorded === undefined)('are read alike', () => {
    const counts = new Map<string, [number, number]>()
    const wrong: string[] = []
    for (const entry of recorded!) {
      const kind = entry.kind.replace(/^tokens-.*/, 'tokens')
      const count = counts.get(kind) ?? [0, 0]
      counts.set(kind, count)
      count[1]++
      const input = isEmptyRecord(entry) ? '' : entry.input
      if (trimmed(actual({ ...entry, input })) === trimmed(entry.expected)) count[0]++
      else wrong.push(`${entry.name}: ${JSON.stringify(entry.input)} gives ${actual(entry).join(' | ')}`)
    }
    console.info([...counts].map(([kind, [right, all]]) => `${kind} ${right}/${all}`).join(', '), wrong)
    expect(wrong).toEqual([])
  })
  if (recorded === undefined) console.info('recorded tokens are absent: skipped')
})

describe('SQL tokens', () => {
  it.each<[string, string[]]>([
    ["select 'it''s'", ['E select', "s 'it''s'"]],
    ['1 /* a */ -- b', ['1 1', 'c /* a */', 'c -- b']],
    ['0x1F 1e5 1e .5 $1.50', ['1 0x1F', '1 1e5', 'n 1e', '1 .5', '1 $1.50']],
    ['@@version||@`a`', ['v @@version', '& ||', 'v @`a`']],
    ["q'[a]b]' n'x' b'01' b'2'", ['s qa]bq', "s 'x'", "1 b'01'", 'n b', "s '2'"]],
    ['$tag$a $ b$tag$ c', ['s $a $ b$', 'n c']],
    [
      '0b 0b1 0xg 1e+ 1ed 1.5f 1fu .',
      ['n 0b', '1 0b1', 'n 0x', 'n g', 'n 1e+', 'n 1ed', '1 1.5f', '1 1f', 'n u', '. .'],
    ],
    ["q'\xe9a\xe9'", ['n q', "s '\xe9a\xe9'"]],
    ['[a b] `sleep` {', ['n [a b]', 'f sleep', '{ {']],
  ])('reads %j', (value, expected) => expect(spellTokens(value)).toEqual(expected))

  it.each<[string, string[]]>([
    ['(((1', ['1 1']],
    ['1 + 2 * 3 - 4', ['1 1']],
    ['1 group by 2', ['1 1', 'B group by', '1 2']],
    ['1, 2, 3 union all select 4', ['1 1', 'U union all', 'E select', '1 4']],
    ['1 begin try declare @x', ['1 1', 'T begin try declare', 'v @x']],
    ['select top 1 a', ['E select top', '1 1', 'n a']],
    ['/* a */', []],
  ])('folds %j', (value, expected) => expect(spellFolded(value)).toEqual(expected))
})

describe('HTML tokens', () => {
  it.each<[string, string[]]>([
    ['a<b>c', ['DATA_TEXT,1,a', 'TAG_NAME_OPEN,1,b', 'TAG_NAME_CLOSE,1,>', 'DATA_TEXT,1,c']],
    ['<a b=c/>', ['TAG_NAME_OPEN,1,a', 'ATTR_NAME,1,b', 'ATTR_VALUE,2,c/', 'TAG_NAME_CLOSE,1,>']],
    ['<!--a--!>b', ['TAG_COMMENT,2,a-', 'DATA_TEXT,1,b']],
    ['</>x', ['DATA_TEXT,2,>x']],
  ])('reads %j', (value, expected) => expect(spellHtml(value)).toEqual(expected))
})
