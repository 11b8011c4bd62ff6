import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LinearPattern } from '../src/pattern/linear-pattern.ts'
import { Budget, BudgetError } from '../src/schema/budget.ts'

const compile = (source: string, budget = new Budget()) => new LinearPattern(source, budget)

const PATTERNS = [
  '^[a-z0-9-]+$',
  '^\\d{3}-\\d{4}$',
  'a|b',
  '^(?:a|bc)*$',
  '(a+)+b',
  'x{2,4}',
  '^a{0}$',
  '\\bcat\\b',
  '\\Bat',
  '^$',
  '',
  'a.c',
  '[^a-c]',
  '^(?=.*\\d)(?=.*[a-z]).{4,}$',
  '^(?!foo)\\w+$',
  '\\.',
  '\\u0041',
  '[\\d\\s]',
  '^\\p{L}+$',
  '^(\\w+\\s?)*$',
  '(?<year>\\d+)',
  'a??b',
  'a*?b',
  '[\\]x]',
  'a$|^b',
  '(^a|b)c',
  '^[\\w.+-]+@\\w+\\.\\w{2,}$',
  '\\-x',
  '[\\w-.]',
  'a{,2}',
  '^.$',
  '^\\u{1F600}?$',
]

describe('patterns mean what they mean in ECMA-262', () => {
  const texts = fc.string({ unit: fc.constantFrom(...'aabcx-. 19@fot\n_É😀]{,2}'), maxLength: 12 })
  it.each(PATTERNS)('%s', (source) => {
    const linear = compile(source)
    let reference: RegExp
    try {
      reference = new RegExp(source, 'u')
    } catch {
      reference = new RegExp(source)
    }
    fc.assert(
      fc.property(texts, (text) => linear.test(text) === reference.test(text)),
      { numRuns: 300 },
    )
    for (const text of ['cat', 'a cat!', 'concat', 'abc1', 'foox', 'bar', 'a@b.co', '2024', '😀', 'a\nb', 'Éa']) {
      expect(linear.test(text)).toBe(reference.test(text))
    }
  })
})

describe('no pattern hangs', () => {
  it.each([
    ['^(a+)+$', `${'a'.repeat(50_000)}!`],
    ['^(a|a)*$', `${'a'.repeat(50_000)}!`],
    ['^(\\w+\\s?)*$', `${'a'.repeat(50_000)}!`],
    ['[a-z]+@', 'a'.repeat(50_000)],
    ['a*a*a*a*a*b', 'a'.repeat(50_000)],
    ['^(.*)*$', `${'a'.repeat(50_000)}\n`],
  ])('%s', (source, text) => {
    const started = performance.now()
    expect(compile(source).test(text)).toBe(false)
    expect(performance.now() - started).toBeLessThan(50)
  })

  it('gives up, rather than guess, on a pattern that needs too many states', () => {
    const pattern = compile('(?:x.{900}y)$')
    let seed = 1
    const noise = () => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % 2 === 0 ? 'x' : 'z'
    }
    const text = Array.from({ length: 60_000 }, noise).join('')
    const started = performance.now()
    expect(() => pattern.test(text)).toThrow(BudgetError)
    expect(performance.now() - started).toBeLessThan(1000)
  })
})

describe('patterns that are refused at start', () => {
  it.each([
    ['(', 'is not a regular expression'],
    ['(a)\\1', 'back reference'],
    ['(?<n>a)\\k<n>', 'back reference'],
    ['(?<=a)b', 'lookbehind'],
    ['a(?=b)', 'lookahead'],
    ['^(?=a)b|c', 'lookahead'],
    ['(?:a{1,100}){1,100}', 'repeats too much'],
    ['a'.repeat(6000), 'longer than'],
    [`${'('.repeat(300)}${')'.repeat(300)}`, 'nests'],
  ])('%.20s: %s', (source, message) => {
    expect(() => compile(source)).toThrow(message)
  })
})
