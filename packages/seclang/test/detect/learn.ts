import { writeFileSync } from 'node:fs'
import { readSql } from '../../src/detect/sqli.ts'
import { recordedVerdicts } from './corpus.ts'
import { hash, type LearningCase, type Learnt, learn, learningCase } from './learner.ts'
import { ruleVerdicts } from './rule-verdicts.ts'

/**
 * How sure the guess at a fingerprint never seen must be: from 0 to 1 the held-out agreement hardly
 * changes, and what real traffic brings is mostly innocent.
 */
const THRESHOLD = 0.6
const LETTERS = '1SNVFEKTUBOAC&(),;.:{}?\\'

/** Says whether the learnt set makes a hit of a case. */
function predict(
  learnt: Learnt,
  reach: ReadonlySet<string>,
  { fingerprints }: LearningCase,
  threshold: number,
): boolean {
  return fingerprints.some((fingerprint) => {
    if (learnt.positive.has(fingerprint)) return true
    if (learnt.negative.has(fingerprint) || !reach.has(fingerprint)) return false
    return learnt.score(fingerprint) > threshold
  })
}

/** Prints the agreement on cases that were not learnt from, each part being left out once. */
function crossValidate(kinds: Readonly<Record<string, readonly LearningCase[]>>, parts: number): void {
  const thresholds = [0, 0.3, 0.6, 1, 1.5]
  const names = Object.keys(kinds)
  const wrong = names.map(() => thresholds.map(() => 0))
  for (let part = 0; part < parts; part++) {
    const isLeft = ({ name }: LearningCase): boolean => hash(name) % parts === part
    const learnt = learn(
      Object.values(kinds).flatMap((cases) => cases.filter((entry) => !isLeft(entry))),
      5,
    )
    const reach = candidates(learnt)
    for (const [kind, name] of names.entries()) {
      for (const entry of kinds[name]!.filter(isLeft)) {
        for (const [index, threshold] of thresholds.entries()) {
          if (predict(learnt, reach, entry, threshold) !== entry.sqli) wrong[kind]![index]!++
        }
      }
    }
  }
  for (const [kind, name] of names.entries()) {
    for (const [index, threshold] of thresholds.entries()) {
      const agreement = (100 * (1 - wrong[kind]![index]! / kinds[name]!.length)).toFixed(3)
      process.stdout.write(`${parts} parts, threshold ${threshold}: held-out agreement on ${name} ${agreement} %\n`)
    }
  }
}

/** A text for each letter of a fingerprint. */
const SAMPLES: Readonly<Record<string, string>> = {
  '1': '1',
  S: "'x'",
  N: 'foo',
  V: '@x',
  F: 'sleep',
  E: 'select',
  K: 'from',
  T: 'exec',
  U: 'union',
  B: 'having',
  O: '=',
  A: 'collate',
  C: '/**/',
  '&': 'and',
}

/** Says whether some text folds to a fingerprint: the others need not be known. */
function isReachable(fingerprint: string): boolean {
  const text = [...fingerprint].map((letter) => SAMPLES[letter] ?? letter).join(' ')
  return readSql(text, '', false).fingerprint.toUpperCase() === fingerprint
}

/** The strings that differ from a fingerprint in one letter. */
function* neighbours(known: string, from: string, to: string): Generator<string> {
  for (let at = 0; at <= known.length && at < 5; at++) {
    if (at < known.length && !from.includes(known[at]!)) continue
    for (const letter of to) yield known.slice(0, at) + letter + known.slice(at + 1)
  }
}

/** Fingerprints worth a guess: near a known one of an injection, values counting as interchangeable. */
function candidates({ positive, negative }: Learnt): Set<string> {
  const base = new Set(positive)
  for (const known of positive) for (const other of neighbours(known, '1SNV', '1SNV')) base.add(other)
  const found = new Set<string>()
  for (const known of base) {
    for (const other of neighbours(known, LETTERS, LETTERS)) found.add(other)
    for (let size = 2; size <= known.length; size++) found.add(known.slice(0, size))
  }
  for (const known of positive) found.delete(known)
  for (const known of negative) found.delete(known)
  return found
}

/** Writes the set as heads of three letters, each with the tails that follow it. */
function pack(fingerprints: Iterable<string>): string {
  const heads = new Map<string, string[]>()
  for (const fingerprint of [...fingerprints].sort()) {
    const head = fingerprint.slice(0, 3).padEnd(3, ' ')
    const tails = heads.get(head) ?? []
    tails.push(fingerprint.slice(3).padEnd(2, ' '))
    heads.set(head, tails)
  }
  return [...heads].map(([head, tails]) => head + tails.join('')).join('\n')
}

/** Breaks the packed set into string literals. */
function literal(packed: string): string {
  const lines = packed.split('\n').map((line) => `  ${line.replaceAll('\\', '\\\\')}`)
  return ['`', ...lines, '`'].join('\n')
}

const recorded = recordedVerdicts()
if (recorded === undefined) throw new Error('the recorded verdicts do not lie beside the checkout')
const kinds = {
  values: recorded.map(({ value, sqli }) => learningCase(value, [value], sqli)),
  requests: ruleVerdicts().map(({ name, values, sqli }) => learningCase(name, values, sqli)),
}
const parts = Number(process.argv[2] ?? 0)
if (parts > 0) crossValidate(kinds, parts)
else {
  const learnt = learn([...kinds.values, ...kinds.requests], 9)
  const guessed = [...candidates(learnt)].filter(
    (fingerprint) => isReachable(fingerprint) && learnt.score(fingerprint) > THRESHOLD,
  )
  const all = new Set([...learnt.positive, ...guessed].filter((fingerprint) => fingerprint !== 'X'))
  const module = [
    '/**',
    ' * Fingerprints of injections, learnt by test/detect/learn.ts: heads of three letters, then tails of two each.',
    ' * Capitals stand for both cases.',
    ' */',
    `export const PACKED_FINGERPRINTS: string = ${literal(pack(all))}`,
    '',
  ]
  writeFileSync(new URL('../../src/detect/sql-fingerprint-data.ts', import.meta.url), module.join('\n'))
  process.stdout.write(`${learnt.positive.size} seen, ${guessed.length} guessed\n`)
}
