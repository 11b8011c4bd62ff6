import { describe, expect, it } from 'vitest'
import type { LearningCase } from './cases.ts'
import { visitEdits } from './edits.ts'
import { foldLetters, grammaticalFingerprints } from './grammar.ts'
import { learn } from './learner.ts'
import { fitWeights, weigh } from './regression.ts'

describe('regression', () => {
  it('weighs what tells labels apart', () => {
    const rows = [[0], [0, 1], [2], [2, 1]].map((ids) => ({
      ids: Int32Array.from(ids),
      values: new Float64Array(ids.length).fill(1),
    }))
    const weights = fitWeights(rows, Uint8Array.of(1, 1, 0, 0), 3, 10, 100)
    expect(rows.map((row) => weigh(row, weights) > 0)).toEqual([true, true, false, false])
    expect(weights[0]).toBeCloseTo(-weights[2]!, 2)
    expect(weights[1]).toBeCloseTo(0, 2)
    // the slope of the loss is flat there
    const pull = weights[0]! - 10 * (1 / (1 + Math.exp(weights[0]!)) + 1 / (1 + Math.exp(weights[0]! + weights[1]!)))
    expect(pull).toBeCloseTo(0, 1)
  })
})

describe('edits', () => {
  it('put in, replace, write out and leave out', () => {
    const edited = new Map<string, string[]>()
    visitEdits('1&S', (other, names) => edited.set(other, names()))
    expect(edited.get('1)&S')).toEqual(['+)', '+)1', '+<1)', '+>)&', '+=1)&'])
    expect(edited.get('N&S')).toEqual(['/1N', '/1N0', '/<^1N', '/>1N&'])
    expect(edited.get('1&F()')).toEqual(['*SF()', '*SF()2', '*F()'])
    expect(edited.get('1&')).toEqual(['<32'])
    expect(edited.get('&S')).toEqual(['>1'])
    for (const other of edited.keys()) expect(other.length).toBeLessThanOrEqual(5)
  })
})

describe('grammar', () => {
  it('writes injections, the same ones each time', () => {
    const counts = grammaticalFingerprints(3000)
    for (const fingerprint of ['1&1', '1UEF(', '1)UE1', 'ENENO']) expect(counts.has(fingerprint)).toBe(true)
    expect(counts.has('NNN')).toBe(false)
    expect(grammaticalFingerprints(3000)).toEqual(counts)
  })

  it('folds letters as the detector folds values', () => {
    expect(foldLetters('1O1')).toBe('1')
    expect(foldLetters('S&F()O1')).toBe('S&F()')
  })
})

describe('learning', () => {
  const of = (sqli: boolean, ...fingerprints: string[]): LearningCase => ({
    name: fingerprints.join(' '),
    sqli,
    fingerprints,
  })
  const hits = ['1UE1', '1UEN', '1UES', 'SUE1', 'SUEN', '1)UE1', 'S)UE1', 'NUE1', 'VUE1', 'VUEN'].map((other) =>
    of(true, other),
  )
  const misses = ['NNN', 'NN1', '1NN', 'N1N', 'SNS', 'NUN', '1UN', 'SUN', 'VUN', 'NEN'].map((other) => of(false, other))

  it('takes what it has seen for certain, and guesses the rest', () => {
    const { positive, negative, guessed } = learn([...hits, ...misses], new Map())
    expect(positive).toEqual(new Set(hits.flatMap(({ fingerprints }) => fingerprints)))
    expect(negative).toEqual(new Set(misses.flatMap(({ fingerprints }) => fingerprints)))
    expect(guessed.has('SUES')).toBe(true)
    expect(guessed.has('NNS')).toBe(false)
    for (const known of [...positive, ...negative]) expect(guessed.has(known)).toBe(false)
  })

  it('blames a hit on the one fingerprint that is not innocent, or else on the likeliest', () => {
    expect(learn([...hits, ...misses, of(true, 'NNN', 'S&1')], new Map()).positive.has('S&1')).toBe(true)
    const { positive } = learn([...hits, ...misses, of(true, 'NNS', 'SUES')], new Map())
    expect(positive.has('SUES')).toBe(true)
    expect(positive.has('NNS')).toBe(false)
  })

  it('believes the more frequent verdict', () => {
    const one = of(false, '1C')
    expect(learn([...hits, ...misses, one, of(true, '1C')], new Map()).positive.has('1C')).toBe(false)
    expect(learn([...hits, ...misses, one, of(true, '1C'), of(true, '1C')], new Map()).positive.has('1C')).toBe(true)
  })

  it('guesses at what is wanted only', () => {
    expect(learn([...hits, ...misses], new Map([['SUES', 3]]), new Set(['SUES'])).guessed).toEqual(new Set(['SUES']))
  })
})
