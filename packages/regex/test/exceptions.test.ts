/** An exception in the middle of a match, whatever its cause, must not show in any later answer. */
import { afterEach, expect, it, vi } from 'vitest'
import { compileRegex, MatchLimitError, type Regex, RegexGroup } from '../src/index.ts'
import { ThreadLists } from '../src/scratch.ts'

afterEach(() => vi.unstubAllGlobals())

/** Many classes and many states, so that every table has to grow. */
const PATTERN = String.raw`(?:[a-f]{1,9}x|\b[^,]{0,12}\d;)(.)[c-k]{3,40}(z|yy)`
const LETTERS = 'abcdefghixyz,;0 9'
const subjects = Array.from({ length: 10 }, (_, i) => {
  let seed = i + 1
  return Array.from({ length: 20 + i * 30 }, () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return LETTERS[(seed >>> 16) % LETTERS.length]
  }).join('')
}).map((noise, i) => (i % 2 === 0 ? noise : `${noise}abcx-${'cdefghijk'.repeat(3)}yy${noise}`))

interface Engines {
  regex: Regex
  group: RegexGroup
}

/** @param serial makes the patterns differ, so that each try has to grow the working memory that all share */
function make(serial: number): Engines {
  const regex = compileRegex(`${PATTERN}|q{${300 + serial * 40}}`)
  const other = compileRegex(String.raw`[^;]{3}\d[a-f]{2,20}y`)
  return {
    regex,
    group: new RegexGroup([
      { id: 0, regex },
      { id: 1, regex: other },
    ]),
  }
}

function answers({ regex, group }: Engines): unknown[] {
  return subjects.map((subject) => {
    const which = new Uint32Array(1)
    group.match(subject, which)
    return [regex.test(subject), regex.execAll(subject, 5), which[0], group.test(subject)]
  })
}

/** Lets the n-th array from now on fail, as it does when memory runs out. @returns whether one did */
function failAt(n: number, run: () => void): boolean {
  let made = 0
  vi.stubGlobal(
    'Int32Array',
    new Proxy(Int32Array, {
      construct(target, parts) {
        if (++made === n) throw new RangeError('Array buffer allocation failed')
        return Reflect.construct(target, parts)
      },
    }),
  )
  try {
    run()
  } catch (error) {
    expect((error as Error).message).toBe('Array buffer allocation failed')
  } finally {
    vi.unstubAllGlobals()
  }
  return made >= n
}

it('memory that runs out', { timeout: 30_000 }, () => {
  const wanted = answers(make(0))
  expect(new Set(wanted.map((answer) => JSON.stringify(answer))).size).toBeGreaterThan(5)
  let failed = 0
  for (let n = 1; ; n += 1 + (n >> 4)) {
    const engines = make(failed)
    if (!failAt(n, () => answers(engines))) break
    failed++
    expect(answers(engines), `after allocation ${n} failed`).toEqual(wanted)
  }
  expect(failed).toBeGreaterThan(50)
})

it.each([1, 2])('working memory that cannot grow stays whole (%i)', (n) => {
  const lists = new ThreadLists()
  expect(failAt(n, () => lists.reserve(5000))).toBe(true)
  lists.reserve(5000)
  expect([lists.out.length, lists.spare.length]).toEqual([10_000, 10_000])
})

it('a match limit that is met half-way', () => {
  const regex = compileRegex(String.raw`(?:a|aa)*(?=bq)[ab]|(x)(y)?\1`, { matchLimitBytes: 10_000 })
  const plain = ['aabq', 'xyx', 'xxyx', 'aac', 'abq', '']
  const wanted = plain.map((subject) => regex.execAll(subject, 3))
  expect(wanted.map((matches) => matches.length)).toEqual([1, 1, 1, 0, 1, 0])
  for (let i = 0; i < 3; i++) {
    // The second match is the one that takes too long.
    expect(() => regex.execAll(`xyx${'a'.repeat(400)}b`, 2)).toThrow(MatchLimitError)
    expect(() => regex.test(`xx${'a'.repeat(20_000)}`)).toThrow(MatchLimitError)
    expect(plain.map((subject) => regex.execAll(subject, 3))).toEqual(wanted)
  }
})
