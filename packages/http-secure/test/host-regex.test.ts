import { describe, expect, it } from 'vitest'
import { AllowedHosts, patternProblem } from '../src/allowed-hosts.ts'

describe('patterns match the whole host', () => {
  it.each([
    ['[a-z]+\\.example\\.com', 'www.example.com', true],
    ['[A-Z]+\\.Example\\.com', 'www.example.com', true],
    ['[a-z]+\\.example\\.com', 'www.example.com:8080', false],
    ['[a-z]+\\.example\\.com', 'www.example.com.evil.org', false],
    ['a\\.com|b\\.com', 'a.com', true],
    ['a\\.com|b\\.com', 'b.com', true],
    ['a\\.com|b\\.com', 'a.com.evil.org', false],
    ['a\\.com|b\\.com', 'evil-b.com', false],
    ['a\\.com|b\\.com|c\\.com', 'c.com', true],
    ['^(www|api)\\.example\\.com(:[0-9]{1,5})?$', 'api.example.com:8443', true],
    ['^(www|api)\\.example\\.com(:[0-9]{1,5})?$', 'api.example.com:', false],
    ['.+\\.example\\.com', 'a.b.example.com', true],
    ['.+\\.example\\.com', '.example.com', false],
    ['.*sub\\..+-awesome-example\\.com', 'test.sub.second-awesome-example.com', true],
    ['.*sub\\..+-awesome-example\\.com', 'test.sub.second-example.com', false],
    ['(?:x|y){2,3}', 'xyx', true],
    ['(?:x|y){2,3}', 'x', false],
    ['(?:x|y){2,3}', 'xyxy', false],
    ['x{2}', 'xx', true],
    ['x{2,}', 'xxxx', true],
    ['x{2,}', 'x', false],
    ['x??y', 'y', true],
    ['(?P<name>a)b', 'ab', true],
    ['(?i)A', 'a', true],
    ['[^.]+\\.a', 'x.a', true],
    ['[^.]+\\.a', 'x.y.a', false],
    ['[^A-Z]', 'a', false],
    ['[\\d\\-]+', '1-2', true],
    ['[\\w.]+', 'a_1.b', true],
    ['\\D', '1', false],
    ['[]a]+', ']a', true],
    ['[a-]+', 'a-', true],
    ['\\Aa\\z', 'a', true],
    ['a^b', 'ab', false],
    ['', '', true],
    ['', 'a', false],
    ['(a*)*', 'aaa', true],
    ['(a|b|)+c', 'abc', true],
    ['é', 'é', false],
  ])('%s, %s: %s', (pattern, host, expected) => expect(new AllowedHosts([pattern], true).has(host)).toBe(expected))

  it('agrees with V8 on what both can run', () => {
    const patterns = ['(a|ab)(c|bcd)(d*)', '(a+|b+)*c?', '[a-c]{1,3}d|e', '(ab?){2,4}', '(a|b)*a(a|b){3}']
    const alphabet = 'abcde'
    const hosts = Array.from({ length: 400 }, (_, i) =>
      Array.from({ length: i % 9 }, (_x, j) => alphabet[(i * 7 + j * j * 3 + (i >> j)) % 5]).join(''),
    )
    for (const pattern of patterns) {
      const ours = new AllowedHosts([pattern], true)
      const theirs = new RegExp(`^(?:${pattern})$`)
      for (const host of hosts)
        expect(`${pattern} ${host} ${ours.has(host)}`).toBe(`${pattern} ${host} ${theirs.test(host)}`)
    }
  })
})

describe('no pattern is slow', () => {
  it.each(['(a+)+$', '(a|a)*b', '(a*)*b', '(.*.*.*.*.*)x', '([a-z]+)*\\.com', '(a{0,20}){0,20}b'])('%s', (pattern) => {
    const hosts = new AllowedHosts([pattern], true)
    const start = process.hrtime.bigint()
    expect(hosts.has('a'.repeat(260))).toBe(pattern === '(a+)+$')
    expect(Number(process.hrtime.bigint() - start) / 1e6).toBeLessThan(200)
  })

  it.each([
    ['(a)\\1', /backreferences are not supported/],
    ['(?=a)b', /look-around is not supported/],
    ['*.example.com', /quantifier follows nothing at offset 0/],
    ['[*.e', /missing \]/],
    ['(a', /missing \)/],
    ['a)', /unmatched \)/],
    ['a)|(b', /unmatched \)/],
    ['a**', /follows a quantifier/],
    ['\\', /unexpected end/],
    ['a{1000}b{1000}', /too large/],
    ['((a{255}){255}){255}', /too large/],
    ['('.repeat(260) + ')'.repeat(260), /too deeply/],
  ])('%s is refused', (pattern, message) => expect(patternProblem(pattern)).toMatch(message))

  it('is done at once with repeated nothing', () => {
    expect(patternProblem('((((((){255}){255}){255}){255}){255})')).toMatch(/too large/)
  })
})

it('keeps giving the same answers for hosts that it remembers', () => {
  const hosts = new AllowedHosts(['[a-z0-9]+\\.example\\.com'], true)
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 1500; i++) {
      expect(hosts.has(`h${i}.example.com`)).toBe(true)
      expect(hosts.has(`h${i}.evil.com`)).toBe(false)
    }
  }
})
