import { describe, expect, it } from 'vitest'
import { compileRegex, type RegexOptions, RegexSyntaxError } from '../src/index.ts'

/** The whole match, or null. */
function found(pattern: string, subject: string, options?: RegexOptions): string | null {
  const regex = compileRegex(pattern, options)
  const match = regex.exec(subject)
  expect(regex.test(subject)).toBe(match !== null)
  return match ? match.captures[0]! : null
}

describe('the dialect', () => {
  it.each<[string, string, string | null]>([
    // Bytes and classes
    ['\\s+', 'a \t\n\x0b\f\rb', ' \t\n\x0b\f\r'],
    ['\\s', '\xa0', null],
    ['\\S', '\xa0', '\xa0'],
    ['\\v+', '\n\x0b\f\r\x85', '\n\x0b\f\r\x85'],
    ['\\h+', 'x\t \xa0x', '\t \xa0'],
    ['\\w+', '\xe9a_1\xe9', 'a_1'],
    ['[[:alpha:]]+', '12abC3', 'abC'],
    ['[[:^digit:]_]+', '12a_b3', 'a_b'],
    ['[]a]+', 'x]a]', ']a]'],
    ['[^]a]+', ']xya', 'xy'],
    ['[a[b]+', '[ab', '[ab'],
    ['[\\w-.]+', ' a-b.c', 'a-b.c'],
    ['[a\\Q]-\\E]+', 'x-a]', '-a]'],
    ['[\\b]', '\b', '\b'],
    ['.', '\n', '\n'],
    ['\\N', '\n', null],
    ['\\R', 'a\r\nb', '\r\n'],
    // Escapes
    ['\\x41\\x{42}\\103\\o{104}\\x', 'ABCD\x00', 'ABCD\x00'],
    ['\\cA\\e\\a', '\x01\x1b\x07', '\x01\x1b\x07'],
    ['\\Qa.b*\\E+', 'a.b**', 'a.b**'],
    ['a\\-\\_\\/', 'a-_/', 'a-_/'],
    // Braces that quantify nothing
    ['a{,2}', 'aa{,2}', 'a{,2}'],
    ['{a{', '{a{', '{a{'],
    ['a{2}', 'aaa', 'aa'],
    ['x{0}a', 'xa', 'a'],
    // Anchors: the dollar sign is only the very end
    ['a$', 'a\n', null],
    ['a\\Z', 'a\n', 'a'],
    ['a\\z', 'a\n', null],
    ['^b', 'a\nb', null],
    ['\\Ab', 'b', 'b'],
    ['\\bfoo\\b', '\xe9foo-', 'foo'],
    ['\\Boo\\B', 'foot', 'oo'],
    // Inline options
    ['(?i)aB', 'xAb', 'Ab'],
    ['a(?i)b', 'aB', 'aB'],
    ['a(?i)b', 'Ab', null],
    ['(a(?i)b|c)d', 'Cd', 'Cd'],
    ['(a(?i)b|c)d', 'CD', null],
    ['(?i:a)b', 'AB', null],
    ['(?i)a(?-i)b', 'AB', null],
    ['(?i)\xe9', '\xc9', null],
    ['(?i)[^a]', 'A', null],
    ['(?-s).', '\n', null],
    ['(?m)^b$', 'a\nb\nc', 'b'],
    ['(?m)^$', 'a\n', null],
    ['(?x) a b # comment\n c', 'abc', 'abc'],
    ['(?U)a+', 'aaa', 'a'],
    ['a(?#comment)b', 'ab', 'ab'],
    // Preference
    ['a|ab', 'ab', 'a'],
    ['a*?b', 'aab', 'aab'],
    ['a+?', 'aa', 'a'],
    ['(?:a|ab)(?:c|bcd)', 'abcd', 'abcd'],
    ['(|a)+', 'aa', ''],
    ['(|a)*', 'aa', ''],
    ['(a|b*)*c', 'abbac', 'abbac'],
    // Possessive, atomic, lookaround, references
    ['a++b', 'aab', 'aab'],
    ['a*+a', 'aaa', null],
    ['"[^"]*+"', 'x"ab"', '"ab"'],
    ['(?:ab)*+a', 'ababa', 'ababa'],
    ['(?:ab)*+ab', 'abab', null],
    ['(?>a|ab)c', 'abc', null],
    ['a?+a', 'a', null],
    ['foo(?=bar)', 'foobar', 'foo'],
    ['foo(?!bar)', 'foobar foo', 'foo'],
    ['(?<=ab|c)d', 'abd', 'd'],
    ['(?<!a)b', 'ab', null],
    ['(?<![a-c]{2})b', 'xab', 'b'],
    ['(\\w)\\1', 'abccd', 'cc'],
    ['(?i)(\\w)\\1', 'aA', 'aA'],
    ['(?<n>a)\\k<n>', 'aa', 'aa'],
    ["(?P<n>a)(?P=n)\\k{n}\\g{n}\\k'n'", 'aaaaa', 'aaaaa'],
    ['(a)\\g1\\g{-1}', 'aaa', 'aaa'],
    ['(?:(a)|b)\\1', 'bb', null],
    ['(?:(?=(a))|b)*+c', 'bc', 'bc'],
  ])('%s on %j gives %j', (pattern, subject, expected) => {
    expect(found(pattern, subject)).toBe(expected)
  })

  it('takes its options from the caller', () => {
    expect(found('AB', 'xab', { caseless: true })).toBe('ab')
    expect(found('^b$', 'a\nb\n', { multiline: true })).toBe('b')
    expect(found('a.b', 'a\nb', { dotAll: false })).toBe(null)
  })

  it.each<[string, RegExp]>([
    ['(a', /missing \) at offset 0/],
    ['a)', /unmatched \) at offset 1/],
    ['[a', /missing \] for class at offset 0/],
    ['*a', /follows nothing at offset 0/],
    ['a**', /follows a quantifier at offset 2/],
    ['a{2}{3}', /follows a quantifier at offset 4/],
    ['{2}a', /follows nothing at offset 0/],
    ['a{2,1}', /out of order in \{\} at offset 1/],
    ['a{70000}', /too big/],
    ['[b-a]', /out of order in class/],
    ['a\\', /end of pattern/],
    ['\\p{L}', /unsupported escape \\p at offset 0/],
    ['\\K', /unsupported escape/],
    ['\\x{100}', /not the code of a byte/],
    ['\\1', /does not exist/],
    ['\\k<n>', /unknown group/],
    ['(?R)', /unsupported option|unsupported group/],
    ['(?1)', /unsupported group/],
    ['(?(1)a|b)', /unsupported group/],
    ['(?|a|b)', /unsupported group/],
    ['(*FAIL)', /verbs/],
    ['(?<n>a)(?<n>b)', /two groups named/],
    ['(?<=a*)b', /lookbehind/],
    ['[[:foo:]]', /unknown POSIX class/],
    ['\u0100', /not a byte/],
    ['(?:(?:a{1000}){1000})', /too large/],
  ])('%s is refused', (pattern, message) => {
    expect(() => compileRegex(pattern)).toThrow(RegexSyntaxError)
    expect(() => compileRegex(pattern)).toThrow(message)
  })
})
