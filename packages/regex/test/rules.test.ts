import { describe, expect, it } from 'vitest'
import type { Node } from '../src/ast.ts'
import { cacheUse } from '../src/budget.ts'
import { compileRegex, LiteralScanner, MatchLimitError, type Regex, RegexGroup } from '../src/index.ts'
import { parse } from '../src/parser.ts'
import { mutate, Random, sample } from './generate.ts'
import { attacks, cpuTime } from './pump.ts'
import { haveRules, type RulePattern, rulePatterns } from './rule-patterns.ts'
import { emit } from './to-js.ts'

/** Patterns of the kinds that rule sets use, for when those are not beside the checkout. */
const OWN_PATTERNS = [
  '^(?i:get|post)\\s+/[^\\s]*\\s+http/\\d\\.\\d$',
  '(?i)(?:;|\\||&&|\\n|\\$\\(|`)\\s*(?:[\\w\'"./]+/)?[\\x5c\'"]*(?:l[\\x5c\'"]*s|c[\\x5c\'"]*a[\\x5c\'"]*t)\\b',
  '(?i)<script[^>]*>[\\s\\S]*?</script[^>]*>',
  '(?i)\\bon[a-z]{3,25}\\s*=',
  '((?:[~!@#\\$%\\^&\\*\\(\\)\\-\\+=\\{\\}\\[\\]\\|:;"\'<>][^~!@#]*?){12})',
  '(?i)union.*?select.*?from',
  '(?:^|[^\\x5c])\\x5c[cdeghijklmpqwxyz123456789]',
  '^(?:\\d{1,3}\\.){3}\\d{1,3}(?::\\d+)?$',
  '^bytes=(?:(?:\\d+)?-(?:\\d+)?\\s*,?\\s*){63}',
  '(?i)["\'`]\\s*?(?:x?or|and)\\s+[\\s\\w]+=\\s*?\\w+\\s*?having\\s+',
  '([*:\\s\\w,.\\/?+-]\\s*?)?(?<=[a-z])x',
  '<\\?(?!xml)',
  '(?i)\\b([\\d\\w]+)\\b\\s*=\\s*(?!\\b\\1\\b)[\\d\\w]+',
  '\\s*+;\\s*+charset\\s*+=\\s*+[^;]+$',
  '[\\x80-\\xff]{3}',
]

const own = OWN_PATTERNS.map((pattern, i): RulePattern => ({ id: `own ${i + 1}`, version: '', pattern }))
const patterns = [...own, ...rulePatterns()].map((entry) => ({
  name: `${entry.id} ${entry.version}`.trim(),
  root: parse(entry.pattern).root,
  regex: compileRegex(entry.pattern),
}))
if (!haveRules) console.log('The rule sets are not beside the checkout: only hand-written patterns are tested.')

/** Strings near the pattern's language, at most 120 bytes, so that V8 gets through them. */
function* subjects(root: Node, random: Random, count: number): Generator<string> {
  for (let i = 0; i < count; i++) {
    const text = mutate(sample(root, random), random)
    const at = text.length > 120 ? random.below(text.length - 119) : 0
    yield text.slice(at, at + 120)
  }
}

/** Patterns that V8 may take seconds for even on short strings: nested or many adjacent loops. */
function v8Limit({ name, regex }: { name: string; regex: Regex }): number {
  return /^9(20|22|32|33|51|52)/.test(name) || regex.source.length > 300 || /chained/.test(name) ? 48 : 120
}

describe('patterns of the rule sets', () => {
  it('parses them all, and all but a few are linear', () => {
    const nonLinear = patterns.filter(({ regex }) => !regex.linear).map(({ name }) => name)
    const expected = haveRules ? ['920120 3.3.4', '942130 3.3.4', '953120 3.3.4'] : []
    expect(nonLinear.filter((name) => !name.startsWith('own'))).toEqual(expected)
  })

  it('agrees with V8 on where they match and on captures', () => {
    const random = new Random(2024)
    const wrong: string[] = []
    let matches = 0
    for (const pattern of patterns) {
      const { name, root, regex } = pattern
      const reference = new RegExp(emit(root))
      for (const whole of subjects(root, random, 40)) {
        const subject = whole.slice(0, v8Limit(pattern))
        const expected = reference.exec(subject)
        if (expected) matches++
        const found = regex.exec(subject)
        const same =
          found && expected
            ? found.index === expected.index && String(found.captures) === String([...expected])
            : found === expected
        if (!same || regex.test(subject) !== (expected !== null)) wrong.push(`${name}: ${JSON.stringify(subject)}`)
      }
    }
    expect(wrong).toEqual([])
    expect(matches).toBeGreaterThan(patterns.length * 5)
  })

  it('says of every match which literal, byte and length it must have', () => {
    const random = new Random(77)
    const sets = patterns.flatMap(({ regex }, id) => (regex.literals ? [{ id, literals: regex.literals }] : []))
    const scanner = new LiteralScanner(sets)
    const wrong: string[] = []
    let matches = 0
    patterns.forEach(({ name, root, regex }, id) => {
      for (const subject of subjects(root, random, 25)) {
        const out = new Uint32Array(Math.ceil(patterns.length / 32))
        scanner.scan(subject, out)
        const lower = subject.replace(/[A-Z]/g, (c) => c.toLowerCase())
        const present = regex.literals?.some((literal) => lower.includes(literal)) ?? false
        if (present !== (((out[id >>> 5]! >>> (id & 31)) & 1) === 1)) wrong.push(`${name}: scan of ${subject}`)
        if (!regex.test(subject)) continue
        matches++
        if (regex.literals && !present) wrong.push(`${name}: literals, ${JSON.stringify(subject)}`)
        if (subject.length < regex.minLength) wrong.push(`${name}: length`)
        const { byteClass } = regex
        const inClass = (c: string): boolean =>
          (byteClass![c.charCodeAt(0) >>> 5]! & (1 << (c.charCodeAt(0) & 31))) !== 0
        if (byteClass && ![...subject].some(inClass)) wrong.push(`${name}: bytes`)
      }
    })
    expect(wrong).toEqual([])
    expect(matches).toBeGreaterThan(patterns.length * 5)
  })

  it('groups give the same answers as single patterns', () => {
    const random = new Random(3)
    const chosen = patterns.filter(({ regex }) => regex.linear && !regex.literals).slice(0, 40)
    const group = new RegexGroup(chosen.map(({ regex }, id) => ({ id, regex })))
    for (const { root } of chosen) {
      for (const subject of subjects(root, random, 20)) {
        const out = new Uint32Array(2)
        group.match(subject, out)
        const expected = new Uint32Array(2)
        chosen.forEach(({ regex }, id) => {
          if (regex.test(subject)) expected[id >>> 5]! |= 1 << (id & 31)
        })
        expect(out, subject).toEqual(expected)
      }
    }
  })

  it('takes at most 50 ms for any 64 KB, whatever the attack, and at most 100 ms for the captures of a match', {
    timeout: 60_000,
  }, () => {
    const random = new Random(11)
    const slow: string[] = []
    for (const { name, root, regex } of patterns) {
      for (const [attack, subject] of attacks(root, 65_536, random)) {
        // A first run also compiles, and others want the machine too: only what stays slow counts.
        const isQuick = [1, 2, 3, 4, 5, 6].some(() => {
          const [search, captures] = timed(regex, subject)
          return search <= 50 && captures <= 100
        })
        if (!isQuick) slow.push(`${name}, ${attack}: ${timed(regex, subject).join(', ')} ms`)
      }
    }
    expect(slow).toEqual([])
  })

  it('keeps the caches within their budget', () => {
    for (const { regex } of patterns) if (regex.linear) regex.test('the quick brown fox <jumps> over $(the) lazy=dog')
    const { used, limit } = cacheUse()
    expect(used).toBeGreaterThan(0)
    expect(used).toBeLessThanOrEqual(limit)
  })
})

/** CPU time of a test, and of finding the captures if there is a match, in ms. */
function timed(regex: Regex, subject: string): [search: number, captures: number] {
  const start = cpuTime()
  let found = start
  try {
    const matches = regex.test(subject)
    found = cpuTime()
    if (matches) regex.exec(subject)
  } catch (error) {
    expect(error).toBeInstanceOf(MatchLimitError)
  }
  return [found - start, cpuTime() - found]
}
