import { describe, expect, it } from 'vitest'
import { compilePatterns } from '../src/patterns.ts'

const matches = (pattern: string, text: string) => compilePatterns([pattern]).test(text)

describe('patterns', () => {
  it.each([
    ['bot', 'a bot here', true],
    ['bot', 'bo t', false],
    ['^bot$', 'bots', false],
    ['', 'anything', true],
    ['(?i)GoogleBot', 'googlebot/2.1', true],
    ['(?i:Google)Bot', 'GOOGLEbot', false],
    ['Pingdom.com_bot_version_[0-9]+\\.[0-9]+', 'Pingdom.com_bot_version_1.14', true],
    ['facebookexternalhit\\/.*', 'facebookexternalhit/1.2.3', true],
    ['\\bcurl\\b', 'my curl/8', true],
    ['\\bcurl\\b', 'mycurl/8', false],
    ['[[:digit:][:upper:]]{3}', 'x9A8', true],
    ['é', Buffer.from('café').toString('latin1'), true],
  ])('%s in %j: %s', (pattern, text, expected) => expect(matches(pattern, text)).toBe(expected))

  it('agrees with JavaScript on random patterns and texts', () => {
    let seed = 7
    const next = (below: number) => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((seed / 2 ** 32) * below)
    }
    const pick = (values: readonly string[]) => values[next(values.length)]!
    const make = (depth: number): string => {
      const group = depth > 0 ? `(${make(depth - 1)})` : 'a'
      let text = ''
      for (let i = next(4); i >= 0; i--) {
        const item = pick(['a', 'b', 'c', '.', '[ab]', '[^b]', '\\w', '\\b', '\\B', '^', '$', ' ', group])
        const repeat = pick(['', '', '', '*', '+', '?', '{2}', '{1,2}', '*?'])
        text += item + (['\\b', '\\B', '^', '$'].includes(item) ? '' : repeat)
      }
      return next(4) === 0 && depth > 0 ? `${text}|${make(depth - 1)}` : text
    }
    for (let round = 0; round < 500; round++) {
      const pattern = make(2)
      const ours = compilePatterns([pattern])
      const theirs = new RegExp(pattern)
      for (let i = 0; i < 8; i++) {
        const text = Array.from({ length: next(8) }, () => pick(['a', 'b', 'c', ' '])).join('')
        expect([pattern, text, ours.test(text)]).toEqual([pattern, text, theirs.test(text)])
      }
    }
  })

  it('finds any of several patterns', () => {
    const patterns = compilePatterns(['^curl/', 'wget', 'bot$'])
    const found = ['curl/8', 'x wget x', 'a bot', 'my curl/8', 'bots'].map((text) => patterns.test(text))
    expect(found).toEqual([true, true, true, false, false])
  })

  it.each(['(a+)+$', '(a|a)*$', '(a|aa)+$', '.*.*.*.*.*x$', '(.*a){20}$', '(x+x+)+y', '(a|b)*a(a|b){16}c'])(
    'stays linear: %s',
    (pattern) => {
      const automaton = compilePatterns([pattern])
      const text = `${'ab'.repeat(500)}${'a'.repeat(500)}${'x'.repeat(500)}!`
      const start = performance.now()
      for (let i = 0; i < 20; i++) automaton.test(text)
      expect(performance.now() - start).toBeLessThan(1000)
    },
  )
})
