import type { LearningCase } from './cases.ts'
import { visitEdits } from './edits.ts'
import { featurizer } from './features.ts'
import { fitWeights, weigh } from './regression.ts'

/** How close the regression follows the known fingerprints. */
const COST = 0.3
const ROUNDS = 150
const VALUES = '1NSV'

/** Tells how much each fingerprint never seen looks like one of an injection: above zero more than not. */
type Score = (fingerprints: readonly string[]) => number[]

/** What cases prove of fingerprints. */
interface Proof {
  positive: Set<string>
  negative: Set<string>
  /** Of each hit that several fingerprints may explain, those that may. */
  open: string[][]
}

/** What was learnt of fingerprints. */
export interface Learnt {
  /** Seen in a hit. */
  positive: Set<string>
  /** Seen in what is none. */
  negative: Set<string>
  /** Never seen, and guessed to be of an injection. */
  guessed: Set<string>
}

function prove(cases: readonly LearningCase[]): Proof {
  const hits = new Map<string, number>()
  const misses = new Map<string, number>()
  for (const { sqli, fingerprints } of cases) {
    const counts = sqli ? hits : misses
    for (const fingerprint of fingerprints) counts.set(fingerprint, (counts.get(fingerprint) ?? 0) + 1)
  }
  const negative = new Set(misses.keys())
  const positive = new Set<string>()
  const open: string[][] = []
  for (const { sqli, fingerprints } of cases) {
    if (!sqli) continue
    const left = fingerprints.filter((fingerprint) => !negative.has(fingerprint))
    if (left.length === 1) positive.add(left[0]!)
    else if (left.length > 1) open.push(left)
    // a fingerprint on both sides: the more frequent verdict wins
    const [only] = fingerprints
    if (left.length === 0 && fingerprints.length === 1 && hits.get(only!)! > misses.get(only!)!) {
      positive.add(only!)
      negative.delete(only!)
    }
  }
  return { positive, negative, open: open.filter((left) => !left.some((fingerprint) => positive.has(fingerprint))) }
}

function fit({ positive, negative }: Proof, grammatical: ReadonlyMap<string, number>): Score {
  const labels = new Map<string, number>()
  for (const fingerprint of [...negative].sort()) labels.set(fingerprint, 0)
  for (const fingerprint of [...positive].sort()) labels.set(fingerprint, 1)
  const features = featurizer(labels, grammatical)
  const weights = fitWeights(features.known, Uint8Array.from(labels.values()), features.size, COST, ROUNDS)
  return (fingerprints) => features.rows(fingerprints).map((row) => weigh(row, weights))
}

/** Fingerprints worth a guess: those the grammar writes, and those one edit away from a known one of an injection. */
function candidates({ positive, negative }: Proof, grammatical: ReadonlyMap<string, number>): string[] {
  const found = new Set(grammatical.keys())
  const near = new Set(positive)
  for (const known of positive) {
    for (let at = 0; at < known.length; at++) {
      if (!VALUES.includes(known[at]!)) continue
      for (const value of VALUES) near.add(known.slice(0, at) + value + known.slice(at + 1))
    }
  }
  for (const known of near) visitEdits(known, (edited) => found.add(edited))
  for (const known of [...positive, ...negative, '']) found.delete(known)
  return [...found]
}

/**
 * Learns from cases which fingerprints are of injections. `grammatical` tells how often a grammar of injections writes each;
 * `wanted` says which unseen ones matter, all where it is left out.
 */
export function learn(
  cases: readonly LearningCase[],
  grammatical: ReadonlyMap<string, number>,
  wanted?: ReadonlySet<string>,
): Learnt {
  const proof = prove(cases)
  const { positive, negative, open } = proof
  const near = candidates(proof, grammatical).filter((fingerprint) => wanted === undefined || wanted.has(fingerprint))
  const asked = [...new Set([...near, ...open.flat()])]
  const score = fit(proof, grammatical)(asked)
  const scores = new Map(asked.map((fingerprint, at) => [fingerprint, score[at]!]))
  // several contexts may explain a case: the likeliest fingerprint does
  for (const left of open) {
    if (left.some((fingerprint) => positive.has(fingerprint))) continue
    positive.add(left.reduce((best, other) => (scores.get(other)! > scores.get(best)! ? other : best)))
  }
  const guessed = new Set(near.filter((fingerprint) => !positive.has(fingerprint) && scores.get(fingerprint)! > 0))
  return { positive, negative, guessed }
}
