import { describe, expect, it } from 'vitest'
import { cacheUse } from '../src/budget.ts'
import { compileRegex, LiteralScanner, MatchLimitError, RegexGroup } from '../src/index.ts'
import { Random } from './generate.ts'
import { cpuTime } from './pump.ts'

describe('Regex', () => {
  it('tells captures as PCRE does', () => {
    expect(compileRegex('(a)|(b)').exec('xb')).toEqual({ index: 1, captures: ['b', undefined, 'b'] })
    expect(compileRegex('(\\w+)@(\\w+)\\.com').exec('to ann@site.com!')).toEqual({
      index: 3,
      captures: ['ann@site.com', 'ann', 'site'],
    })
    // A group keeps what it captured in an earlier round of a loop.
    expect(compileRegex('(?:(a)|b)+').exec('ab')!.captures).toEqual(['ab', 'a'])
    expect(compileRegex('(?:(a)|b)+(?!c)').exec('ab')!.captures).toEqual(['ab', 'a'])
  })

  it('finds successive matches', () => {
    const all = (pattern: string, subject: string, max: number = 10): string[] =>
      compileRegex(pattern)
        .execAll(subject, max)
        .map(({ index, captures }) => `${index}:${captures[0]}`)
    expect(all('\\d+', 'a1b22c333')).toEqual(['1:1', '3:22', '6:333'])
    expect(all('\\d+', 'a1b22c333', 2)).toEqual(['1:1', '3:22'])
    expect(all('\\bx', 'x xx x')).toEqual(['0:x', '2:x', '5:x'])
    expect(all('^x', 'xxx')).toEqual(['0:x'])
    expect(all('x*', 'axx')).toEqual(['0:', '1:xx', '3:'])
    expect(all('a(?=b)', 'abaab')).toEqual(['0:a', '3:a'])
  })

  it('knows literals, least length and needed bytes', () => {
    expect(compileRegex('(?i)union\\s+SELECT').literals).toEqual(['select'])
    expect(compileRegex('(?i)(?:Sleep|benchmark)\\(').literals).toEqual(['sleep(', 'benchmark('])
    expect(compileRegex('[a-z]+').literals).toBeUndefined()
    expect(compileRegex('a?').byteClass).toBeUndefined()
    expect(compileRegex('\\d{4}-(?:ab|c)').minLength).toBe(6)
    const { byteClass } = compileRegex('\\w*<\\w')
    expect([...byteClass!]).toEqual([0, 1 << 28, 0, 0, 0, 0, 0, 0])
  })

  it('stays linear where a backtracking engine explodes', () => {
    const start = cpuTime()
    expect(compileRegex('^(?:a+)+$').test(`${'a'.repeat(65_536)}b`)).toBe(false)
    expect(compileRegex('(?:.*,){20}x').test('a,'.repeat(32_768))).toBe(false)
    expect(compileRegex('(a|a?)+b').exec('a'.repeat(20_000))).toBe(null)
    expect(cpuTime() - start).toBeLessThan(500)
  })

  it('runs large counted repeats', () => {
    const regex = compileRegex('^[^\\n]{0,2000}$')
    expect(regex.test('x'.repeat(2000))).toBe(true)
    expect(regex.test('x'.repeat(2001))).toBe(false)
    expect(compileRegex('x.{100}y').test(`x${'x'.repeat(5000)}y`)).toBe(true)
  })

  it('bounds the patterns no automaton can run', () => {
    const regex = compileRegex('^(?:a+)+(?!bc)bc')
    expect(regex.linear).toBe(false)
    const start = cpuTime()
    expect(regex.test('a'.repeat(30_000))).toBe(false)
    expect(() => regex.test(`${'a'.repeat(60)}bc`)).toThrow(MatchLimitError)
    expect(() => regex.exec(`${'a'.repeat(30_000)}bc`)).toThrow(MatchLimitError)
    expect(cpuTime() - start).toBeLessThan(400)
    expect(() => compileRegex('(a)\\1', { matchLimitBytes: 10 }).test('a'.repeat(11))).toThrow(MatchLimitError)
    // No automaton match at all needs no backtracking, whatever the length.
    expect(compileRegex('(a)\\1', { matchLimitBytes: 10 }).test('b'.repeat(11))).toBe(false)
  })

  it('holds its caches within the budget under a flood of states', () => {
    const random = new Random(5)
    const text = Array.from({ length: 100_000 }, () => 'ab'[random.below(2)]).join('')
    for (let i = 0; i < 12; i++) {
      const regex = compileRegex(`a.{${14 + i}}[^ab]`)
      expect(regex.test(text)).toBe(false)
      expect(regex.test(`${text}axxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`)).toBe(true)
      expect(cacheUse().used).toBeLessThanOrEqual(cacheUse().limit)
    }
  })
})

describe('LiteralScanner', () => {
  it('finds literals of every length, whatever the case', () => {
    const literals = ['', '<', '--', '../', 'select', 'sel', '\xe9t\xe9', 'elect ', 'union']
    const scanner = new LiteralScanner(literals.map((literal, id) => ({ id: id + 30, literals: [literal] })))
    const marked = (subject: string): string[] => {
      const out = new Uint32Array(2)
      scanner.scan(subject, out)
      return literals.filter((_, id) => ((out[(id + 30) >>> 5]! >>> ((id + 30) & 31)) & 1) === 1)
    }
    expect(marked('')).toEqual([''])
    expect(marked('a -- SELECT b')).toEqual(['', '--', 'select', 'sel', 'elect '])
    expect(marked('../<unio\xe9t\xe9')).toEqual(['', '<', '../', '\xe9t\xe9'])
    expect(marked('UNION')).toEqual(['', 'union'])
    expect(marked('\xc9T\xc9')).toEqual([''])
  })

  it('finds just what stands in the subject', () => {
    const random = new Random(11)
    // Few letters and a NUL, so that fragments overlap, repeat and meet the edges.
    const word = (length: number): string => Array.from({ length }, () => 'abc\0'[random.below(4)]).join('')
    for (let round = 0; round < 300; round++) {
      const literals = Array.from({ length: 20 }, () => word(random.below(8)))
      const scanner = new LiteralScanner(literals.map((literal, id) => ({ id, literals: [literal] })))
      const subject = word(random.below(24))
      const out = new Uint32Array(1)
      scanner.scan(subject, out)
      const wanted = literals.reduce((bits, literal, id) => bits | (Number(subject.includes(literal)) << id), 0)
      expect(out[0], JSON.stringify({ literals, subject })).toBe(wanted >>> 0)
    }
  })
})

describe('RegexGroup', () => {
  it('marks every pattern that matches', () => {
    const sources = ['a+b', '^x', 'y$', '\\bz\\b', '', '(?i)q']
    const group = new RegexGroup(sources.map((source, id) => ({ id, regex: compileRegex(source) })))
    const marked = (subject: string): number[] => {
      const out = new Uint32Array(1)
      group.match(subject, out)
      return sources.flatMap((_, id) => (((out[0]! >>> id) & 1) === 1 ? [id] : []))
    }
    expect(marked('')).toEqual([4])
    expect(marked('xaab z y')).toEqual([0, 1, 2, 3, 4])
    expect(marked(' xQ zz yab ')).toEqual([0, 4, 5])
  })

  it('takes linear patterns only, and none at all too', () => {
    expect(() => new RegexGroup([{ id: 0, regex: compileRegex('(a)\\1') }])).toThrow(TypeError)
    const out = new Uint32Array(1)
    new RegexGroup([]).match('abc', out)
    expect(out[0]).toBe(0)
  })
})
