import { describe, expect, test } from 'vitest'
import { builtinDetector } from '../../src/detect/index.ts'
import { RuleMistake } from '../../src/errors.ts'
import { makeOperator, type OperatorContext } from '../../src/operators/index.ts'
import { CLASS, classify, TRANSFORMATIONS, transformationNamed } from '../../src/transform/index.ts'
import { shared } from '../shared.ts'
import { bytes, type Vector, vectors } from './load.ts'

const transformations = shared('vectors/secrules/transformations')
const operators = shared('vectors/secrules/operators')

/** Vectors that the engine answers otherwise on purpose. */
const DELIBERATE: { match: (file: string, v: Vector) => boolean; why: string }[] = [
  {
    match: (file) => file === 'validateSchema',
    why: 'the operator is refused at load time: bodies are validated by another plugin',
  },
  {
    match: (_file, v) => v.param === '10.0.0.0/100',
    why: 'a network that cannot exist is an error at load time, not a rule that never matches',
  },
]

describe.skipIf(transformations === undefined)('transformation vectors', () => {
  for (const [file, list] of transformations === undefined ? [] : vectors(transformations)) {
    test(`${file} (${list.length})`, () => {
      const transformation = transformationNamed(file)!
      for (const vector of list) {
        const input = bytes(vector.input)
        expect(transformation.apply(input), vector.input).toBe(bytes(vector.output!))
        if (transformation.trigger !== -1 && (classify(input) & transformation.trigger) === 0) {
          expect(transformation.apply(input), 'the trigger overlooked a change').toBe(input)
        }
      }
    })
  }
})

describe.skipIf(operators === undefined)('operator vectors', () => {
  const context: OperatorContext = {
    readFile: () => 'abc\ndef\nghi\nxxx yyy zzz\n',
    detector: builtinDetector,
    multiline: false,
  }
  for (const [file, list] of operators === undefined ? [] : vectors(operators)) {
    test(`${file} (${list.length})`, () => {
      for (const vector of list) {
        const text = (s: string): string => bytes(s).replace(/\\0(?!\d)/g, '\0')
        const name = file === 'nids' ? vector.name : file
        const run = (): number =>
          Number(makeOperator(name, bytes(vector.param ?? ''), context).matches(text(vector.input)))
        const deliberate = DELIBERATE.find((d) => d.match(file, vector))
        if (deliberate !== undefined) expect(run, deliberate.why).toThrow(RuleMistake)
        else expect(run(), JSON.stringify(vector)).toBe(vector.ret)
      }
    })
  }
})

test('the class bits that guard a transformation are never too few', () => {
  const samples = Array.from({ length: 256 }, (_, code) => [
    String.fromCharCode(code),
    `a${String.fromCharCode(code)}b`,
    `${String.fromCharCode(code)}${String.fromCharCode(code)}`,
  ]).flat()
  for (const { name, trigger, apply } of TRANSFORMATIONS) {
    if (trigger === -1) continue
    for (const sample of samples) {
      if ((classify(sample) & trigger) === 0) expect(apply(sample), `${name} of ${JSON.stringify(sample)}`).toBe(sample)
    }
  }
  expect(classify('a  b') & CLASS.SPACE_RUN).not.toBe(0)
})

test('utf8toUnicode writes out overlong sequences and surrogates, and their first byte after them', () => {
  const apply = (value: string): string => transformationNamed('utf8toUnicode')!.apply(value)
  expect(apply('\xc0\xbcscript\xc0\xbe')).toBe('%u003c\xc0script%u003e\xc0')
  expect(apply('\xe0\x80\xbc \xf0\x80\x80\xbc \xed\xa0\x80')).toBe('%u003c\xe0 %u003c\xf0 %ud800\xed')
  expect(apply('\xf8\x88\x80\x80 \xc0 \xe2\x82')).toBe('\xf8\x88\x80\x80 \xc0 \xe2\x82')
})
