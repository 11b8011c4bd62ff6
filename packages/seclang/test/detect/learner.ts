import { isExcused, readContexts } from '../../src/detect/sqli.ts'

/** One or more values as their fingerprints, one for each context in which they are not excused, and whether one is a hit. */
export interface LearningCase {
  name: string
  sqli: boolean
  fingerprints: string[]
}

/** Reads values with our own lexer and folding. */
export function learningCase(name: string, values: readonly string[], sqli: boolean): LearningCase {
  const fingerprints = new Set<string>()
  for (const value of values) {
    readContexts(value, (reading) => {
      if (reading.fingerprint !== '' && !isExcused(value, reading)) fingerprints.add(reading.fingerprint.toUpperCase())
      return false
    })
  }
  return { name, sqli, fingerprints: [...fingerprints] }
}

/** A stable number of a name, to deal cases into parts. */
export function hash(name: string): number {
  let state = 2166136261
  for (let at = 0; at < name.length; at++) state = Math.imul(state ^ name.charCodeAt(at), 16777619)
  state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d)
  return (state ^ (state >>> 12)) >>> 0
}

const VALUES: Readonly<Record<string, string>> = { '1': 'v', N: 'v', S: 'v', V: 'v' }
const KINDS: Readonly<Record<string, string>> = { ...VALUES, '&': 'o', O: 'o', E: 'w', T: 'w', U: 'w', K: 'w', B: 'w' }

function respell(fingerprint: string, letters: Readonly<Record<string, string>>): string {
  return [...fingerprint].map((letter) => letters[letter] ?? letter).join('')
}

/**
 * What of a fingerprint bears on its verdict: each selection of its positions and each run of its letters, with the letters as
 * they are; with numbers, names, strings and variables taken alike, as any of them completes an expression; with operators and
 * with words of statements taken alike as well; and with a call taken for the value that it is.
 */
function features(fingerprint: string): string[] {
  const found = new Set<string>([`l${fingerprint.length}`])
  const spellings: Array<[string, string]> = [
    ['a', fingerprint],
    ['b', respell(fingerprint, VALUES)],
    ['c', respell(fingerprint, KINDS)],
    ['d', respell(fingerprint.replaceAll('F()', 'v').replaceAll('F(', '('), VALUES)],
  ]
  for (const [name, spelling] of spellings) {
    const padded = spelling.padEnd(5, '$')
    for (let mask = 1; mask < 32; mask++) {
      let key = `${name}${mask}`
      for (let at = 0; at < 5; at++) if (mask & (1 << at)) key += padded[at]!
      found.add(key)
    }
    const bounded = `^${spelling}$`
    for (let size = 1; size <= 4; size++) {
      for (let at = 0; at + size <= bounded.length; at++) found.add(`${name}:${bounded.slice(at, at + size)}`)
    }
  }
  return [...found]
}

/** Tells how much a fingerprint never seen looks like an injection: above zero more than not. */
export type Score = (fingerprint: string) => number

function shuffle(order: Int32Array, seed: number): void {
  let state = seed >>> 0
  for (let at = order.length - 1; at > 0; at--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const other = Math.floor((state / 4294967296) * (at + 1))
    const kept = order[at]!
    order[at] = order[other]!
    order[other] = kept
  }
}

/** One pass over all examples in each epoch: logistic regression with a step size of its own for each feature. */
function descend(rows: Int32Array[], labels: Uint8Array, weights: Float64Array, seed: number, epochs: number): void {
  const seen = new Float64Array(weights.length).fill(1e-3)
  const order = Int32Array.from(rows.keys())
  for (let epoch = 0; epoch < epochs; epoch++) {
    shuffle(order, seed * 977 + epoch)
    for (const index of order) {
      const row = rows[index]!
      let sum = 0
      for (const feature of row) sum += weights[feature]!
      const error = 1 / (1 + Math.exp(-sum)) - labels[index]!
      for (const feature of row) {
        const slope = error + 1e-4 * weights[feature]!
        seen[feature]! += slope * slope
        weights[feature]! -= (0.07 * slope) / Math.sqrt(seen[feature]!)
      }
    }
  }
}

/** Learns to score fingerprints from known ones; several runs in different order are averaged. */
function fit(positive: Iterable<string>, negative: Iterable<string>, runs: number): Score {
  const ids = new Map<string, number>()
  const rows: Int32Array[] = []
  const labels: number[] = []
  for (const [list, label] of [[positive, 1] as const, [negative, 0] as const]) {
    for (const fingerprint of list) {
      const row = features(fingerprint).map((name) => {
        const id = ids.get(name) ?? ids.size
        ids.set(name, id)
        return id
      })
      rows.push(Int32Array.from(row))
      labels.push(label)
    }
  }
  const total = new Float64Array(ids.size)
  for (let run = 0; run < runs; run++) {
    const weights = new Float64Array(ids.size)
    descend(rows, Uint8Array.from(labels), weights, run + 1, 8)
    for (let at = 0; at < total.length; at++) total[at]! += weights[at]! / runs
  }
  return (fingerprint) => {
    let sum = 0
    for (const name of features(fingerprint)) {
      const id = ids.get(name)
      if (id !== undefined) sum += total[id]!
    }
    return sum
  }
}

/** What is known of fingerprints, and a guess at the others. */
export interface Learnt {
  positive: Set<string>
  negative: Set<string>
  score: Score
}

/** Learns from cases which fingerprints are injections. */
export function learn(cases: readonly LearningCase[], runs: number): Learnt {
  const hits = new Map<string, number>()
  const misses = new Map<string, number>()
  const count = (counts: Map<string, number>, key: string): void => {
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  for (const { sqli, fingerprints } of cases) {
    if (sqli) for (const fingerprint of fingerprints) count(hits, fingerprint)
    else for (const fingerprint of fingerprints) count(misses, fingerprint)
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
  const score = fit(positive, negative, runs)
  // several contexts may explain a case: the likeliest fingerprint does
  for (const left of open) {
    if (left.some((fingerprint) => positive.has(fingerprint))) continue
    positive.add(left.reduce((best, other) => (score(other) > score(best) ? other : best)))
  }
  return { positive, negative, score: fit(positive, negative, runs) }
}
