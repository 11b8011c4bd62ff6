import { describe, expect, it } from 'vitest'
import { Automaton } from '../src/automaton.ts'
import { parsePattern } from '../src/pattern.ts'
import { PatternError } from '../src/scanner.ts'

const matches = (pattern: string, text: string) => new Automaton([parsePattern(pattern)]).test(text)

describe('patterns', () => {
  it.each([
    ['bot', 'a bot here', true],
    ['bot', 'bo t', false],
    ['^bot$', 'bot', true],
    ['^bot$', 'bots', false],
    ['\\Abot\\z', 'bot', true],
    ['', 'anything', true],
    ['a||b', '', true],
    ['(?i)GoogleBot', 'googlebot/2.1', true],
    ['(?i:Google)Bot', 'GOOGLEBot', true],
    ['(?i:Google)Bot', 'GOOGLEbot', false],
    ['(a(?i)b)c', 'aBc', true],
    ['(a(?i)b)c', 'aBC', false],
    ['(?i)a(?-i)b', 'Ab', true],
    ['(?i)a(?-i)b', 'AB', false],
    ['(?P<name>bot)s?', 'bots', true],
    ['(?<name>bot)', 'bot', true],
    ['Pingdom.com_bot_version_[0-9]+\\.[0-9]+', 'Pingdom.com_bot_version_1.14', true],
    ['facebookexternalhit\\/.*', 'facebookexternalhit/1.2.3', true],
    ['a.c', 'a\nc', false],
    ['(?s)a.c', 'a\nc', true],
    ['\\bcurl\\b', 'my curl/8', true],
    ['\\bcurl\\b', 'mycurl/8', false],
    ['\\Bcurl', 'mycurl', true],
    ['[^a-z ]', 'abc def', false],
    ['(?i)[^a-z]', 'ABC', false],
    ['[]a]', ']', true],
    ['[a\\]-]+$', 'a]-', true],
    ['[[:digit:][:upper:]]{3}', 'x9A8', true],
    ['^[[:^digit:]]+$', 'abc', true],
    ['^\\Qa.b*\\E$', 'a.b*', true],
    ['\\Qa.b', 'axb', false],
    ['\\x41\\x{42}\\0103?', 'AB\x08', true],
    ['x{2,3}y', 'xxy', true],
    ['^x{2,3}y', 'xxxxy', false],
    ['x{,3}', 'x{,3}', true],
    ['a{2}', 'aa', true],
    ['(ab){2,}', 'ababab', true],
    ['é', Buffer.from('café').toString('latin1'), true],
    ['\\-\\_\\/\\"', '-_/"', true],
    ['a+?b*?c??$', 'aab', true],
  ])('%s in %j: %s', (pattern, text, expected) => expect(matches(pattern, text)).toBe(expected))

  it.each([
    ['(?=a)', 'look-around is not supported'],
    ['(?!a)', 'look-around is not supported'],
    ['(?<=a)', 'look-around is not supported'],
    ['(?<!a)', 'look-around is not supported'],
    ['(a)\\1', 'backreferences are not supported'],
    ['[a-', 'a "[" without its "]"'],
    ['\\é', 'only ASCII characters can be escaped'],
    ['(a', 'a "(" without its ")"'],
    ['a)', 'a ")" without its "("'],
    ['[a', 'a "[" without its "]"'],
    ['[', 'a "[" without its "]"'],
    ['[z-a]', 'a range that is none in "[…]"'],
    ['[\\d-z]', 'a range that is none in "[…]"'],
    ['[[:nope:]]', 'there is no class [:nope:]'],
    ['[é]', 'only ASCII characters can stand in "[…]"'],
    ['*a', 'nothing to repeat before "*"'],
    ['a**', 'one repetition directly after another'],
    ['a{2}{3}', 'one repetition directly after another'],
    ['a{3,2}', '{3,2}: repetitions go up to 1000, the smaller number first'],
    ['a{1001}', '{1001}: repetitions go up to 1000, the smaller number first'],
    ['\\', 'a backslash at the end'],
    ['\\pL', '"\\p" is not supported'],
    ['\\Z', '"\\Z" is not supported'],
    ['\\x{100}', '"\\x" takes two digits, 00 to 7F'],
    ['(?x)a', 'an unknown kind of group after "(?"'],
    ['((a{100}){100}){100}', 'the pattern is too large'],
    ['('.repeat(300) + ')'.repeat(300), 'more than 200 groups in each other'],
  ])('%s is refused: %s', (pattern, message) => {
    expect(() => new Automaton([parsePattern(pattern)])).toThrow(PatternError)
    expect(() => new Automaton([parsePattern(pattern)])).toThrow(message)
  })

  it('agrees with JavaScript on random patterns and texts', () => {
    let seed = 7
    const next = (below: number) => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((seed / 2 ** 32) * below)
    }
    const pick = (values: readonly string[]) => values[next(values.length)]!
    const make = (depth: number): string => {
      const atom = () =>
        pick([
          'a',
          'b',
          'c',
          '.',
          '[ab]',
          '[^b]',
          '\\w',
          '\\b',
          '\\B',
          '^',
          '$',
          ' ',
          depth > 0 ? `(${make(depth - 1)})` : 'a',
        ])
      let text = ''
      for (let i = next(4); i >= 0; i--) {
        const item = atom()
        text +=
          item +
          (['\\b', '\\B', '^', '$'].includes(item) ? '' : pick(['', '', '', '*', '+', '?', '{2}', '{1,2}', '*?']))
      }
      return next(4) === 0 && depth > 0 ? `${text}|${make(depth - 1)}` : text
    }
    for (let round = 0; round < 1500; round++) {
      const pattern = make(2)
      const automaton = new Automaton([parsePattern(pattern)])
      const reference = new RegExp(pattern)
      for (let i = 0; i < 8; i++) {
        const text = Array.from({ length: next(8) }, () => pick(['a', 'b', 'c', ' '])).join('')
        expect([pattern, text, automaton.test(text)]).toEqual([pattern, text, reference.test(text)])
      }
    }
  })

  it('finds any of several patterns', () => {
    const automaton = new Automaton(['^curl/', 'wget', 'bot$'].map(parsePattern))
    expect(['curl/8', 'x wget x', 'a bot', 'my curl/8', 'bots'].map((text) => automaton.test(text))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ])
  })

  it.each(['(a+)+$', '(a|a)*$', '(a|aa)+$', '.*.*.*.*.*x$', '(.*a){20}$', '(x+x+)+y'])(
    'stays linear: %s',
    (pattern) => {
      const automaton = new Automaton([parsePattern(pattern)])
      const text = `${'a'.repeat(1000)}${'x'.repeat(1000)}!`
      const start = performance.now()
      for (let i = 0; i < 20; i++) automaton.test(text)
      expect(performance.now() - start).toBeLessThan(1000)
    },
  )

  it('keeps its table of states bounded under hostile texts', () => {
    const automaton = new Automaton([parsePattern('(a|b)*a(a|b){16}c')])
    let seed = 1
    const text = () =>
      Array.from({ length: 2000 }, () => {
        seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
        return seed > 2 ** 31 ? 'a' : 'b'
      }).join('')
    const start = performance.now()
    for (let i = 0; i < 5; i++) expect(automaton.test(text())).toBe(false)
    expect(automaton.test(`${text()}a${'b'.repeat(16)}c`)).toBe(true)
    expect(performance.now() - start).toBeLessThan(3000)
  })
})
