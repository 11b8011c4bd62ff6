/** Strings and bytes that every match of a pattern must contain: what a scan can look for instead of the pattern. */
import type { Node } from './ast.ts'
import { addSet, type ByteSet, bytesOf, countBytes, lowerByte } from './bytes.ts'

/** Most strings a set of literals may have. */
const MAX_LITERALS = 400
/** Most strings kept while pieces are being multiplied out, and their greatest length. */
const MAX_EXACT = 64
const MAX_EXACT_LENGTH = 16
/** A byte class wider than this says too little. */
const MAX_CLASS = 100
/** Sets of literals expected more often than this, per byte of ordinary text, are of no use. */
const MAX_FREQUENCY = 0.02

/** What is known of a node's matches, lower-cased. */
interface Facts {
  /** All its matches, when they are few. */
  exact: readonly string[] | undefined
  /** Strings of which each match contains one. */
  needed: readonly string[] | undefined
}

const NOTHING: Facts = { exact: undefined, needed: undefined }
const EMPTY_MATCH: Facts = { exact: [''], needed: undefined }

/** Strings of which every match contains at least one, in lower case; undefined when none are selective. */
export function requiredLiterals(root: Node): readonly string[] | undefined {
  const { exact, needed } = facts(root)
  const best = better(needed, usable(exact))
  if (!best || cost(best) > MAX_FREQUENCY) return undefined
  return withoutSuperstrings(best)
}

/** How often a string is expected per byte of ordinary text: a guess that only has to rank. */
function frequency(literal: string): number {
  let product = 1
  for (let i = 0; i < literal.length; i++) product *= FREQUENCY[literal.charCodeAt(i)]!
  return product
}

const FREQUENCY = Float64Array.from({ length: 256 }, (_, byte) => byteFrequency(byte))

function byteFrequency(byte: number): number {
  if (byte >= 97 && byte <= 122) return 'etaoinsr'.includes(String.fromCharCode(byte)) ? 0.08 : 0.03
  if (byte >= 48 && byte <= 57) return 0.04
  return byte === 32 ? 0.12 : ' /.-_=&;,:"%'.includes(String.fromCharCode(byte)) ? 0.02 : 0.004
}

function cost(literals: readonly string[]): number {
  // Each literal also costs memory and, through shared fragments, time.
  return literals.reduce((sum, literal) => sum + frequency(literal) + 1e-5, 0)
}

function better(x: readonly string[] | undefined, y: readonly string[] | undefined): readonly string[] | undefined {
  if (!x || !y) return x ?? y
  return cost(x) <= cost(y) ? x : y
}

/** Exact matches as a set of needed strings. */
function usable(exact: readonly string[] | undefined): readonly string[] | undefined {
  return exact && exact.length > 0 && !exact.includes('') ? exact : undefined
}

/** A string that contains another of the set adds nothing. */
function withoutSuperstrings(literals: readonly string[]): readonly string[] {
  const kept: string[] = []
  for (const literal of [...new Set(literals)].sort((x, y) => x.length - y.length)) {
    if (!kept.some((shorter) => literal.includes(shorter))) kept.push(literal)
  }
  return kept
}

function facts(node: Node): Facts {
  switch (node.kind) {
    case 'set':
      return { exact: setStrings(node.set), needed: undefined }
    case 'cat':
      return sequence(node.items.map(facts))
    case 'alt':
      return alternatives(node.items.map(facts))
    case 'repeat':
      return repeated(facts(node.body), node.min, node.max)
    case 'group':
    case 'atomic':
      return facts(node.body)
    case 'backref':
      return NOTHING
    default:
      return EMPTY_MATCH
  }
}

function setStrings(set: ByteSet): readonly string[] | undefined {
  // At most a few letters of both cases are worth multiplying out.
  if (countBytes(set) > 20) return undefined
  const known = stringsOf.get(set)
  if (known) return known
  const strings = [...new Set(bytesOf(set).map((byte) => String.fromCharCode(lowerByte(byte))))]
  if (strings.length > 10) return undefined
  stringsOf.set(set, strings)
  return strings
}

/** Strings of sets seen before: nodes for single bytes share their sets. */
const stringsOf = new WeakMap<ByteSet, readonly string[]>()

function alternatives(branches: readonly Facts[]): Facts {
  let exact: readonly string[] | undefined = []
  let needed: readonly string[] | undefined = []
  for (const branch of branches) {
    exact = exact && branch.exact ? limited([...exact, ...branch.exact]) : undefined
    const one = better(branch.needed, usable(branch.exact))
    needed = needed && one && needed.length + one.length <= MAX_LITERALS ? [...new Set([...needed, ...one])] : undefined
  }
  return { exact, needed: needed?.length ? needed : undefined }
}

function repeated(body: Facts, min: number, max: number): Facts {
  if (min === 0) return max === 1 && body.exact ? { exact: limited([...body.exact, '']), needed: undefined } : NOTHING
  const copies = Array.from({ length: Math.min(min, 4) }, () => body)
  return sequence(max === min && min <= 4 ? copies : [...copies, NOTHING])
}

/** Joins neighbouring exact pieces as far as they stay few; whatever is cut off there becomes a candidate. */
function sequence(parts: readonly Facts[]): Facts {
  let run: readonly string[] = ['']
  let exact = true
  let needed: readonly string[] | undefined
  const close = (next: readonly string[]): void => {
    needed = better(needed, usable(run))
    run = next
  }
  for (const part of parts) {
    needed = better(needed, part.needed)
    const joined = part.exact && product(run, part.exact)
    if (joined) {
      run = joined
      continue
    }
    exact = false
    close(part.exact ?? [''])
  }
  if (exact) return { exact: run, needed }
  close([''])
  return { exact: undefined, needed }
}

/** All concatenations, or undefined when joining would make the set too large or worse than its best part. */
function product(left: readonly string[], right: readonly string[]): readonly string[] | undefined {
  if (left.length * right.length > MAX_EXACT) return undefined
  const joined = limited(left.flatMap((x) => right.map((y) => x + y)))
  if (!joined) return undefined
  const before = better(usable(left), usable(right))
  return before && cost(joined) > cost(before) ? undefined : joined
}

function limited(strings: readonly string[]): readonly string[] | undefined {
  const distinct = [...new Set(strings)]
  if (distinct.length > MAX_EXACT * 4 || distinct.some((text) => text.length > MAX_EXACT_LENGTH)) return undefined
  return distinct
}

/** A set of bytes of which every match contains at least one, as narrow as is easily found. */
export function requiredBytes(root: Node): ByteSet | undefined {
  const set = neededBytes(root)
  return set && countBytes(set) <= MAX_CLASS ? set : undefined
}

function neededBytes(node: Node): ByteSet | undefined {
  switch (node.kind) {
    case 'set':
      return node.set
    case 'cat': {
      let best: ByteSet | undefined
      let least = Number.POSITIVE_INFINITY
      for (const item of node.items) {
        const set = neededBytes(item)
        const weight = set ? byteCost(set) : least
        if (weight < least) {
          best = set
          least = weight
        }
      }
      return best
    }
    case 'alt': {
      const union = new Uint32Array(8)
      for (const item of node.items) {
        const set = neededBytes(item)
        if (!set) return undefined
        addSet(union, set)
      }
      return union
    }
    case 'repeat':
      return node.min > 0 ? neededBytes(node.body) : undefined
    case 'group':
    case 'atomic':
      return neededBytes(node.body)
    default:
      return undefined
  }
}

/** How often a byte of the set is expected in ordinary text. */
function byteCost(set: ByteSet): number {
  let sum = 0
  for (let byte = 0; byte < 256; byte++) {
    if (((set[byte >>> 5]! >>> (byte & 31)) & 1) === 1) sum += FREQUENCY[lowerByte(byte)]! + 1e-4
  }
  return sum
}
