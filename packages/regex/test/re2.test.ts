import { describe, expect, it } from 'vitest'
import { compileRegex, RegexGroup, type RegexOptions, RegexSyntaxError } from '../src/index.ts'

const re2 = (pattern: string, options: RegexOptions = {}) => compileRegex(pattern, { ...options, syntax: 're2' })
const wire = (text: string) => Buffer.from(text).toString('latin1')

describe('RE2’s syntax', () => {
  it.each([
    ['a.c', 'a\nc', false],
    ['(?s)a.c', 'a\nc', true],
    ['^b$', 'a\nb', false],
    ['(?m)^b$', 'a\nb', true],
    ['(?i)GoogleBot', 'googlebot/2.1', true],
    ['(?i:Google)Bot', 'GOOGLEbot', false],
    ['(a(?i)b)c', 'aBC', false],
    ['(?P<name>bot)s?(?<other>x)', 'botsx', true],
    ['\\s', '\v', false],
    ['^\\S\\v$', '\v\v', true],
    ['[\\s]', '\v', false],
    ['^[\\v]$', '\n', false],
    ['\\x41\\x{42}\\0103?', 'AB\x08', true],
    ['^\\Qa.b*\\E$', 'a.b*', true],
    ['\\Qa.b', 'axb', false],
    ['x{,3}', 'x{,3}', true],
    ['a{x}', 'a{x}', true],
    ['[\\d-z]', '-', true],
    ['[]a]', ']', true],
    ['é', wire('café'), true],
    ['^caf(é)+$', wire('caféé'), true],
    ['^é+$', wire('éé'), true],
    ['^é?$', wire('é').slice(0, 1), false],
    ['^\\Qé\\E{2}$', wire('éé'), true],
    ['^日本*$', wire('日本本'), true],
  ])('%s in %j: %s', (pattern, subject, expected) => {
    expect(re2(pattern).test(subject)).toBe(expected)
    expect(re2(pattern).linear).toBe(true)
  })

  it.each([
    ['(?=a)', 'look-around is not supported at offset 0'],
    ['(?!a)', 'look-around'],
    ['a(?<=a)', 'look-around is not supported at offset 1'],
    ['(?<!a)', 'look-around'],
    ['(a)\\1', 'backreferences are not supported at offset 3'],
    ['(?P<n>a)(?P=n)', 'unsupported group at offset 8'],
    ['(?<n>a)\\k<n>', 'unsupported escape \\k'],
    ['(?>a)', 'unsupported group'],
    ['(?#a)', 'unsupported group'],
    ["(?'n'a)", 'unsupported group'],
    ['(?x)a', 'unsupported group'],
    ['a++', 'quantifier follows a quantifier'],
    ['a**', 'quantifier follows a quantifier'],
    ['a{2}{3}', 'quantifier follows a quantifier at offset 4'],
    ['*a', 'quantifier follows nothing at offset 0'],
    ['{2}a', 'quantifier follows nothing at offset 0'],
    ['a{3,2}', 'out of order'],
    ['a{1001}', 'too big'],
    ['(a', 'missing )'],
    ['a)', 'unmatched )'],
    ['[a', 'missing ]'],
    ['[a-', 'missing ]'],
    ['[z-a]', 'out of order'],
    ['[a-\\d]', 'a class cannot end a range'],
    ['[\\b]', 'unsupported escape \\b'],
    ['[é]', 'only ASCII characters can stand in a class at offset 1'],
    ['\\é', 'only ASCII characters can be escaped'],
    ['\\pL', 'unsupported escape \\p'],
    ['\\Z', 'unsupported escape \\Z'],
    ['\\h', 'unsupported escape \\h'],
    ['\\x{100}', '\\x takes the code of an ASCII character'],
    ['\\xe9', '\\x takes the code of an ASCII character'],
    ['\\', 'unexpected end'],
    ['((a{100}){100}){100}', 'too large'],
    ['('.repeat(300) + ')'.repeat(300), 'nested too deeply'],
  ])('%s is refused: %s', (pattern, message) => {
    expect(() => re2(pattern)).toThrow(RegexSyntaxError)
    expect(() => re2(pattern)).toThrow(message)
  })
})

describe('whole', () => {
  it.each([
    ['a|b', 'b', true],
    ['a|b', 'ab', false],
    ['a|b', 'b\n', false],
    ['(?m)a', 'x\na', false],
    ['', '', true],
    ['', 'a', false],
    ['\\Qa)$', 'a)$', true],
    ['^a$', 'a', true],
  ])('%s is all of %j: %s', (pattern, subject, expected) => {
    for (const syntax of ['re2', 'pcre'] as const) {
      const regex = compileRegex(pattern, { syntax, whole: true })
      expect(regex.test(subject)).toBe(expected)
      expect(regex.exec(subject) !== null).toBe(expected)
    }
  })

  it('leaves no way out of the frame', () => {
    expect(() => compileRegex('a)|(b', { syntax: 're2', whole: true })).toThrow('unmatched )')
  })
})

describe('groups', () => {
  it('tell whether any pattern matches', () => {
    const group = new RegexGroup(['^curl/', 'wget', 'bot$'].map((pattern, id) => ({ id, regex: re2(pattern) })))
    const found = ['curl/8', 'x wget x', 'a bot', 'my curl/8', 'bots', ''].map((text) => group.test(text))
    expect(found).toEqual([true, true, true, false, false, false])
    const out = new Uint32Array(1)
    group.match('curl/8 bot', out)
    expect(out[0]).toBe(0b101)
    expect(new RegexGroup([]).test('a')).toBe(false)
  })
})

it('says how large a pattern is', () => {
  expect(re2('abc').size).toBe(3)
  expect(re2('(?:ab){1000}').size).toBeGreaterThanOrEqual(2000)
})
