import { visitEdits } from './edits.ts'
import type { SparseRow } from './regression.ts'

const VALUES: Readonly<Record<string, string>> = { '1': 'v', N: 'v', S: 'v', V: 'v' }
const KINDS: Readonly<Record<string, string>> = { ...VALUES, '&': 'o', O: 'o', E: 'w', T: 'w', U: 'w', K: 'w', B: 'w' }
/** How often the grammar must write a fingerprint, in ascending order, to count as ever more grammatical. */
const GRAMMATICAL = [1, 2, 5, 50, 500]
/** How much an edit that relates a fingerprint to a known one weighs, beside what the fingerprint itself looks like. */
const EDIT_WEIGHT = 0.5
/** How many known fingerprints an edit must relate to another to count. */
const LEAST_EDITS = 3

function respell(fingerprint: string, letters: Readonly<Record<string, string>>): string {
  return [...fingerprint].map((letter) => letters[letter] ?? letter).join('')
}

/**
 * What of a fingerprint itself bears on its verdict: each selection of its positions and each run of its letters, with the letters as
 * they are; with numbers, names, strings and variables taken alike, as any of them completes an expression; with operators and
 * with words of statements taken alike as well; and with a call taken for the value that it is. And whether the grammar writes it.
 */
function shape(fingerprint: string, grammatical: ReadonlyMap<string, number>): string[] {
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
  const written = grammatical.get(fingerprint) ?? 0
  for (const least of GRAMMATICAL) if (written >= least) found.add(`g${least}`)
  if (written > 0)
    found
      .add(`g^${fingerprint[0]!}`)
      .add(`g^${fingerprint.slice(0, 2)}`)
      .add(`g#${fingerprint.length}`)
  return [...found]
}

/** Verdicts on fingerprints: 1 for an injection, 0 for none. */
export type Labels = ReadonlyMap<string, number>

/** Counts, for each of `wanted`, by which edits it becomes a known fingerprint or a known one becomes it, and of which verdict. */
function relate(wanted: ReadonlySet<string>, labels: Labels): Map<string, Map<string, number>> {
  const related = new Map<string, Map<string, number>>()
  for (const fingerprint of wanted) related.set(fingerprint, new Map())
  const count = (of: string, side: string, names: string[]): void => {
    const counts = related.get(of)!
    for (const name of names) counts.set(side + name, (counts.get(side + name) ?? 0) + 1)
  }
  for (const fingerprint of new Set([...labels.keys(), ...wanted])) {
    const own = labels.get(fingerprint)
    const isWanted = wanted.has(fingerprint)
    const reached = new Map<string, Set<string>>()
    visitEdits(fingerprint, (edited, names) => {
      if (edited === fingerprint) return
      if (!(own !== undefined && wanted.has(edited)) && !(isWanted && labels.has(edited))) return
      const all = reached.get(edited) ?? new Set()
      for (const name of names()) all.add(name)
      reached.set(edited, all)
    })
    for (const [edited, names] of reached) {
      if (own !== undefined && wanted.has(edited)) count(edited, `from${own}`, [...names])
      const other = labels.get(edited)
      if (isWanted && other !== undefined) count(fingerprint, `to${other}`, [...names])
    }
  }
  return related
}

/** Turns fingerprints into rows of numbers, as first seen with the known ones. */
export interface Featurizer {
  /** How many features there are. */
  readonly size: number
  /** The rows of the known fingerprints, in the order of the labels. */
  readonly known: SparseRow[]
  /** The rows of others. */
  rows(fingerprints: readonly string[]): SparseRow[]
}

/** Makes the features of known fingerprints; none of them tells a fingerprint's own verdict. */
export function featurizer(labels: Labels, grammatical: ReadonlyMap<string, number>): Featurizer {
  const ids = new Map<string, number>()
  const frequent = new Map<string, number>()
  const toRow = (fingerprint: string, edits: ReadonlyMap<string, number>, learning: boolean): SparseRow => {
    const row: Array<[number, number]> = []
    const add = (name: string, value: number): void => {
      let id = ids.get(name)
      if (id === undefined) {
        if (!learning) return
        id = ids.size
        ids.set(name, id)
      }
      row.push([id, value])
    }
    for (const name of shape(fingerprint, grammatical)) add(name, 1)
    for (const [name, times] of edits) {
      if (frequent.get(name)! >= LEAST_EDITS) add(name, EDIT_WEIGHT * (times === 1 ? 1 : times < 4 ? 1.5 : 2))
    }
    return { ids: Int32Array.from(row, ([id]) => id), values: Float64Array.from(row, ([, value]) => value) }
  }
  const related = relate(new Set(labels.keys()), labels)
  for (const edits of related.values())
    for (const name of edits.keys()) frequent.set(name, (frequent.get(name) ?? 0) + 1)
  const known = [...labels.keys()].map((fingerprint) => toRow(fingerprint, related.get(fingerprint)!, true))
  return {
    size: ids.size,
    known,
    rows(fingerprints) {
      const edits = relate(new Set(fingerprints), labels)
      return fingerprints.map((fingerprint) => toRow(fingerprint, edits.get(fingerprint)!, false))
    },
  }
}
