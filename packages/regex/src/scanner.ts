/** One pass over a string that tells which of many literals occur in it. */
import { loadSubject } from './subject.ts'

/** Bytes of the fragment that stands for a longer literal. */
const FRAGMENT = 4
/** What a byte may be the last of: a literal of one byte, of two or three. */
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

/** 16 bits of four bytes; a bitmap over them takes 8 KB, so that it stays in the fastest cache. */
function hash(code: number): number {
  return Math.imul(code, 0x9e3779b1) >>> 16
}

/** Four bytes, or fewer, as one number. */
function codeOf(bytes: Uint8Array): number {
  let code = 0
  for (const byte of bytes) code = (code << 8) | byte
  return code
}

/**
 * Finds literals by their rarest four bytes: a bitmap of those fragments is looked at for each position, and only a
 * hit there is compared with the literals behind it. Shorter ones are found by the bytes they end with.
 */
export class LiteralScanner {
  readonly #bitmap = new Int32Array(1 << 11)
  /** Literals by the code of their fragment. */
  readonly #buckets = new Map<number, Literal[]>()
  /** Literals of two and three bytes by the code of their last two, and of one byte. */
  readonly #pairs = new Map<number, Literal[]>()
  readonly #pairBitmap = new Int32Array(1 << 11)
  readonly #singles: (Literal | undefined)[] = new Array(256)
  /** For each byte what it may be the last of. */
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
    } else if (bytes.length < FRAGMENT) {
      const code = codeOf(bytes.subarray(-2))
      this.#ends[bytes[bytes.length - 1]!]! |= PAIR
      this.#pairBitmap[code >>> 5]! |= 1 << (code & 31)
      push(this.#pairs, code, literal)
    } else {
      literal.fragmentEnd = bestFragment(text, counts) + FRAGMENT
      const code = codeOf(bytes.subarray(literal.fragmentEnd - FRAGMENT, literal.fragmentEnd))
      const key = hash(code)
      this.#bitmap[key >>> 5]! |= 1 << (key & 31)
      push(this.#buckets, code, literal)
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
    let code = 0
    for (let i = 0; i < length; i++) {
      const byte = LOWER[bytes[i]!]!
      code = (code << 8) | byte
      if (ends[byte] !== 0) this.#short(ends[byte]!, code, bytes, i + 1, out)
      const key = hash(code)
      if ((bitmap[key >>> 5]! & (1 << (key & 31))) !== 0) {
        const bucket = this.#buckets.get(code)
        if (bucket !== undefined) verify(bucket, bytes, i + 1, length, out)
      }
    }
  }

  /** Marks the literals of up to three bytes that end before `end`; `code` holds the last bytes. */
  #short(kinds: number, code: number, bytes: Uint8Array, end: number, out: Uint32Array): void {
    if ((kinds & SINGLE) !== 0) mark(this.#singles[code & 0xff]!, out)
    const pair = code & 0xffff
    if ((kinds & PAIR) !== 0 && (this.#pairBitmap[pair >>> 5]! & (1 << (pair & 31))) !== 0) {
      verify(this.#pairs.get(pair)!, bytes, end, end, out)
    }
  }
}

function push(lists: Map<number, Literal[]>, code: number, literal: Literal): void {
  const list = lists.get(code)
  if (list) list.push(literal)
  else lists.set(code, [literal])
}

/** Compares the literals whose fragment ends at `end`. */
function verify(bucket: readonly Literal[], bytes: Uint8Array, end: number, length: number, out: Uint32Array): void {
  for (let i = 0; i < bucket.length; i++) {
    const literal = bucket[i]!
    const wanted = literal.bytes
    const start = end - literal.fragmentEnd
    if (start < 0 || start + wanted.length > length || isMarked(literal, out)) continue
    let k = 0
    while (k < wanted.length && LOWER[bytes[start + k]!] === wanted[k]) k++
    if (k === wanted.length) mark(literal, out)
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

/** How many literals contain each fragment. */
function fragmentCounts(texts: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const text of texts) {
    for (let i = 0; i + FRAGMENT <= text.length; i++) {
      const fragment = text.slice(i, i + FRAGMENT)
      counts.set(fragment, (counts.get(fragment) ?? 0) + 1)
    }
  }
  return counts
}

/** Offset of the fragment to look for: rare in ordinary text, then shared with other literals. */
function bestFragment(text: string, counts: ReadonlyMap<string, number>): number {
  let best = 0
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i + FRAGMENT <= text.length; i++) {
    const fragment = text.slice(i, i + FRAGMENT)
    let weight = 1 / (1 + (counts.get(fragment) ?? 0) / 8)
    for (const c of fragment) weight *= 'etaoinsrhldcu '.includes(c) ? 6 : /[a-z0-9/.]/.test(c) ? 3 : 1
    if (weight < least) {
      least = weight
      best = i
    }
  }
  return best
}
