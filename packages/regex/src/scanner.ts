/** One pass over a string that tells which of many literals occur in it. */
import { loadSubject } from './subject.ts'

/** Bits of the hash of three bytes. The bitmap over it takes 4 KB, so that it stays in the fastest cache. */
const HASH_BITS = 15
/** What a byte may be the last of. */
const SINGLE = 1
const PAIR = 2

/** A literal: its bytes, where its fragment lies in them, and the words and bits of the ids it stands for. */
interface Literal {
  bytes: Uint8Array
  /** Offset just after the fragment. */
  fragmentEnd: number
  words: number[]
  masks: number[]
}

const LOWER = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 65 && byte <= 90 ? byte + 32 : byte))

function hash3(x: number, y: number, z: number): number {
  return ((x << 10) ^ (y << 5) ^ z ^ (x >>> 3)) & ((1 << HASH_BITS) - 1)
}

/**
 * Finds literals by their rarest three bytes: a bitmap of those fragments is looked at for each position, and only a
 * hit there is compared with the literals behind it.
 */
export class LiteralScanner {
  readonly #bitmap = new Int32Array(1 << (HASH_BITS - 5))
  readonly #buckets = new Map<number, Literal[]>()
  /** Literals of two bytes by their code, and of one byte. */
  readonly #pairs = new Map<number, Literal>()
  readonly #pairBitmap = new Int32Array(1 << 11)
  readonly #singles: (Literal | undefined)[] = new Array(256)
  /** For each byte whether it is a literal, and whether it ends one of two bytes. */
  readonly #ends = new Uint8Array(256)
  readonly #always: { words: number[]; masks: number[] } = { words: [], masks: [] }

  /** @param sets for each id (a bit number in `out`) the literals that stand for it; an empty literal always occurs */
  constructor(sets: readonly { id: number; literals: readonly string[] }[]) {
    const byText = new Map<string, Set<number>>()
    for (const { id, literals } of sets) {
      for (const literal of literals) {
        const text = literal.replace(/[A-Z]+/g, (part) => part.toLowerCase())
        const ids = byText.get(text) ?? new Set<number>()
        byText.set(text, ids.add(id))
      }
    }
    const counts = fragmentCounts(byText.keys())
    for (const [text, ids] of byText) this.#add(text, ids, counts)
  }

  #add(text: string, ids: ReadonlySet<number>, counts: ReadonlyMap<string, number>): void {
    const bytes = Uint8Array.from(Buffer.from(text, 'latin1'))
    const literal: Literal = { bytes, fragmentEnd: bytes.length, ...toMasks(ids) }
    if (bytes.length === 0) {
      this.#always.words.push(...literal.words)
      this.#always.masks.push(...literal.masks)
    } else if (bytes.length === 1) {
      this.#singles[bytes[0]!] = literal
      this.#ends[bytes[0]!]! |= SINGLE
    } else if (bytes.length === 2) {
      const code = (bytes[0]! << 8) | bytes[1]!
      this.#pairs.set(code, literal)
      this.#ends[bytes[1]!]! |= PAIR
      this.#pairBitmap[code >>> 5]! |= 1 << (code & 31)
    } else {
      literal.fragmentEnd = bestFragment(text, counts) + 3
      const [x, y, z] = bytes.subarray(literal.fragmentEnd - 3, literal.fragmentEnd)
      const key = hash3(x!, y!, z!)
      this.#bitmap[key >>> 5]! |= 1 << (key & 31)
      const bucket = this.#buckets.get(key)
      if (bucket) bucket.push(literal)
      else this.#buckets.set(key, [literal])
    }
  }

  /**
   * Marks in `out` every id of which a literal occurs in the subject, whatever the case of ASCII letters.
   * @param out a bitset over the ids; marks are added, nothing is cleared
   */
  scan(subject: string, out: Uint32Array): void {
    mark(this.#always, out)
    const length = subject.length
    const bytes = loadSubject(subject)
    const bitmap = this.#bitmap
    const ends = this.#ends
    let x = 0
    let y = 0
    for (let i = 0; i < length; i++) {
      const z = LOWER[bytes[i]!]!
      if (ends[z] !== 0) this.#short(ends[z]!, i > 0 ? y : -1, z, out)
      const key = ((x << 10) ^ (y << 5) ^ z ^ (x >>> 3)) & ((1 << HASH_BITS) - 1)
      if ((bitmap[key >>> 5]! & (1 << (key & 31))) !== 0 && i > 1) {
        this.#verify(this.#buckets.get(key)!, bytes, i + 1, length, out)
      }
      x = y
      y = z
    }
  }

  /** Marks the literals of one and two bytes that end with `z`, before which came `y`. */
  #short(kinds: number, y: number, z: number, out: Uint32Array): void {
    if ((kinds & SINGLE) !== 0) mark(this.#singles[z]!, out)
    if ((kinds & PAIR) === 0 || y < 0) return
    const code = (y << 8) | z
    if ((this.#pairBitmap[code >>> 5]! & (1 << (code & 31))) !== 0) mark(this.#pairs.get(code)!, out)
  }

  /** Compares the literals whose fragment may end at `end`. */
  #verify(bucket: readonly Literal[], bytes: Uint8Array, end: number, length: number, out: Uint32Array): void {
    for (const literal of bucket) {
      const wanted = literal.bytes
      const start = end - literal.fragmentEnd
      if (start < 0 || start + wanted.length > length || isMarked(literal, out)) continue
      let k = 0
      while (k < wanted.length && LOWER[bytes[start + k]!] === wanted[k]) k++
      if (k === wanted.length) mark(literal, out)
    }
  }
}

function mark(literal: { words: readonly number[]; masks: readonly number[] }, out: Uint32Array): void {
  const { words, masks } = literal
  for (let i = 0; i < words.length; i++) out[words[i]!]! |= masks[i]!
}

function isMarked({ words, masks }: Literal, out: Uint32Array): boolean {
  for (let i = 0; i < words.length; i++) if ((out[words[i]!]! & masks[i]!) !== masks[i]!) return false
  return true
}

function toMasks(ids: ReadonlySet<number>): { words: number[]; masks: number[] } {
  const byWord = new Map<number, number>()
  for (const id of ids) byWord.set(id >>> 5, (byWord.get(id >>> 5) ?? 0) | (1 << (id & 31)))
  return { words: [...byWord.keys()], masks: [...byWord.values()] }
}

/** How many literals contain each fragment of three bytes. */
function fragmentCounts(texts: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const text of texts) {
    for (let i = 0; i + 3 <= text.length; i++) {
      const fragment = text.slice(i, i + 3)
      counts.set(fragment, (counts.get(fragment) ?? 0) + 1)
    }
  }
  return counts
}

/** Offset of the fragment to look for: rare in ordinary text, then shared with other literals. */
function bestFragment(text: string, counts: ReadonlyMap<string, number>): number {
  let best = 0
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i + 3 <= text.length; i++) {
    const fragment = text.slice(i, i + 3)
    let weight = 1 / (1 + (counts.get(fragment) ?? 0) / 8)
    for (const c of fragment) weight *= 'etaoinsrhldcu '.includes(c) ? 6 : /[a-z0-9/.]/.test(c) ? 3 : 1
    if (weight < least) {
      least = weight
      best = i
    }
  }
  return best
}
