import { writeFileSync } from 'node:fs'
import { hash, type LearningCase, recordedCases } from './learning/cases.ts'
import { foldLetters, grammaticalFingerprints } from './learning/grammar.ts'
import { type Learnt, learn } from './learning/learner.ts'

/** How many injections the grammar writes. */
const SAMPLES = 1_500_000

/** Says whether the learnt set makes a hit of a case. */
function isHit({ positive, guessed }: Learnt, { fingerprints }: LearningCase): boolean {
  return fingerprints.some((fingerprint) => positive.has(fingerprint) || guessed.has(fingerprint))
}

const percent = (wrong: number, all: number): string => `${(100 * (1 - wrong / all)).toFixed(3)} %`

/** Prints the agreement on cases that were not learnt from, each part being left out once. */
function crossValidate(kinds: Readonly<Record<string, readonly LearningCase[]>>, parts: number): void {
  const grammatical = grammaticalFingerprints(SAMPLES)
  const all = Object.values(kinds).flat()
  const wrong = new Map<string, string[]>(Object.keys(kinds).map((kind) => [kind, []]))
  for (let part = 0; part < parts; part++) {
    const isLeft = ({ name }: LearningCase): boolean => hash(name) % parts === part
    const wanted = new Set(all.filter(isLeft).flatMap(({ fingerprints }) => fingerprints))
    const learnt = learn(
      all.filter((entry) => !isLeft(entry)),
      grammatical,
      wanted,
    )
    const line: string[] = []
    for (const [kind, cases] of Object.entries(kinds)) {
      const left = cases.filter(isLeft)
      const errors = left.filter((entry) => isHit(learnt, entry) !== entry.sqli)
      wrong
        .get(kind)!
        .push(
          ...errors.map(({ name, sqli, fingerprints }) => `${sqli} ${fingerprints.join(' ')} ${JSON.stringify(name)}`),
        )
      line.push(`${kind} ${percent(errors.length, left.length)} of ${left.length}`)
    }
    process.stdout.write(`part ${part + 1} of ${parts}: ${line.join(', ')}\n`)
  }
  for (const [kind, errors] of wrong) {
    process.stdout.write(`${kind}: held-out agreement ${percent(errors.length, kinds[kind]!.length)}\n`)
  }
  if (process.argv.includes('--errors')) process.stdout.write(`${[...wrong.values()].flat().join('\n')}\n`)
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

/** Learns from all cases and writes the data of the detector. */
function write(cases: readonly LearningCase[]): void {
  const { positive, guessed } = learn(cases, grammaticalFingerprints(SAMPLES))
  // those that no text folds to need not be known
  const reachable = [...guessed].filter((fingerprint) => foldLetters(fingerprint) === fingerprint)
  const all = new Set([...positive, ...reachable].filter((fingerprint) => fingerprint !== 'X'))
  const module = [
    '/**',
    ' * Fingerprints of injections, learnt by test/detect/learn.ts: heads of three letters, then tails of two each.',
    ' * Capitals stand for both cases.',
    ' */',
    `export const PACKED_FINGERPRINTS: string = ${literal(pack(all))}`,
    '',
  ]
  writeFileSync(new URL('../../src/detect/sql-fingerprint-data.ts', import.meta.url), module.join('\n'))
  process.stdout.write(`${positive.size} seen, ${reachable.length} guessed\n`)
}

const { values, requests, expectations } = recordedCases()
if (values === undefined) throw new Error('the recorded verdicts do not lie beside the checkout')
const parts = Number(process.argv[2] ?? 0)
if (parts > 0) crossValidate({ values, requests, expectations }, parts)
else write([...values, ...requests, ...expectations])
