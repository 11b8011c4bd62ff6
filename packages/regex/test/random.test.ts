import { describe, expect, it } from 'vitest'
import { isRegular, minLength, type Node, someNode } from '../src/ast.ts'
import { compileRegex, RegexGroup, type RegexMatch } from '../src/index.ts'
import { parse } from '../src/parser.ts'
import { Random } from './generate.ts'
import { emit } from './to-js.ts'

const ATOMS = ['a', 'b', 'c', '[ab]', '[^a]', '.', '\\w', '\\s', ' ', '\\n', 'ab', '\\x41', '(?i:a)']
const ZERO_WIDTH = ['^', '$', '\\b', '\\B', '\\A', '\\z', '(?=b)', '(?!a)', '(?<=a)', '(?<!b)', '(?=ab)', '(?<!ab)']
const QUANTIFIERS = ['*', '+', '?', '{2}', '{1,3}', '{0,2}', '{2,}', '*?', '+?', '??', '{1,2}?']

function randomPattern(random: Random, depth: number): string {
  const kind = random.below(depth > 0 ? 10 : 4)
  if (kind < 3) return random.pick(ATOMS)
  if (kind === 3) return random.below(2) === 0 ? random.pick(ZERO_WIDTH) : random.pick(ATOMS)
  if (kind < 6) return randomPattern(random, depth - 1) + randomPattern(random, depth - 1)
  if (kind < 8) return `(?:${randomPattern(random, depth - 1)}|${randomPattern(random, depth - 1)})`
  const body = randomPattern(random, depth - 1)
  return `${random.below(3) === 0 ? '(' : '(?:'}${body})${kind === 8 ? random.pick(QUANTIFIERS) : ''}`
}

/** JavaScript and PCRE part ways on loops whose body can match nothing, and on captures inside loops. */
function isComparable(root: Node): boolean {
  return !someNode(root, (node) => node.kind === 'repeat' && minLength(node.body) === 0)
}

function subject(random: Random): string {
  return Array.from({ length: random.below(9) }, () => random.pick(['a', 'b', 'a', 'b', 'A', 'c', ' ', '\n'])).join('')
}

describe('random patterns', () => {
  it('match what V8 matches, one by one, in succession and in groups', () => {
    const random = new Random(424_242)
    const wrong: string[] = []
    let checks = 0
    let nonLinear = 0
    for (let i = 0; i < 2500; i++) {
      const source = (random.below(6) === 0 ? '(?m)' : '') + randomPattern(random, 4)
      const { root } = parse(source)
      if (!isComparable(root)) continue
      const reference = new RegExp(emit(root), 'g')
      const regex = compileRegex(source)
      if (!isRegular(root)) nonLinear++
      const group = regex.linear ? new RegexGroup([{ id: 5, regex }]) : undefined
      for (let k = 0; k < 6; k++) {
        const text = subject(random)
        const expected = succession(reference, text)
        const found = regex.execAll(text, 50).map(describeMatch)
        const out = new Uint32Array(1)
        group?.match(text, out)
        checks++
        const same = found.join() === expected.join() && regex.test(text) === expected.length > 0
        if (same && (!group || (out[0] !== 0) === expected.length > 0)) continue
        wrong.push(`${source} on ${JSON.stringify(text)}: ${found.join()} instead of ${expected.join()}`)
      }
    }
    expect(wrong.slice(0, 10)).toEqual([])
    expect(checks).toBeGreaterThan(8000)
    expect(nonLinear).toBeGreaterThan(20)
  })
})

function describeMatch({ index, captures }: RegexMatch): string {
  return `${index}+${captures[0]!.length}`
}

/** Matches one after the other: the next search starts where the last match ended, or one further if that was empty. */
function succession(reference: RegExp, text: string): string[] {
  const found: string[] = []
  reference.lastIndex = 0
  for (let match = reference.exec(text); match; match = reference.exec(text)) {
    found.push(`${match.index}+${match[0].length}`)
    if (match[0] === '') reference.lastIndex = match.index + 1
  }
  return found
}
