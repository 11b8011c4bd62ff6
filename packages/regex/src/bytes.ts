/** Sets of byte values: 256 bits in 8 words. */

/** A set of byte values; word `b >>> 5`, bit `b & 31`. */
export type ByteSet = Uint32Array

/** A new set holding the given inclusive ranges, as pairs `lo, hi`. */
export function byteSet(...ranges: number[]): ByteSet {
  const set = new Uint32Array(8)
  for (let i = 0; i + 1 < ranges.length; i += 2) addRange(set, ranges[i]!, ranges[i + 1]!)
  return set
}

/** Adds every byte from `lo` to `hi`, both included. */
export function addRange(set: ByteSet, lo: number, hi: number): void {
  for (let b = lo; b <= hi; b++) set[b >>> 5]! |= 1 << (b & 31)
}

/** Is the byte in the set? */
export function hasByte(set: ByteSet, byte: number): boolean {
  return ((set[byte >>> 5]! >>> (byte & 31)) & 1) === 1
}

/** Adds the members of `other` to `set`. */
export function addSet(set: ByteSet, other: ByteSet): void {
  for (let i = 0; i < 8; i++) set[i]! |= other[i]!
}

/** The bytes not in the set. */
export function complement(set: ByteSet): ByteSet {
  return set.map((word) => ~word)
}

/** Number of bytes in the set. */
export function countBytes(set: ByteSet): number {
  let count = 0
  for (let word of set) for (; word !== 0; word = (word & (word - 1)) >>> 0) count++
  return count
}

/** The members in ascending order. */
export function bytesOf(set: ByteSet): number[] {
  const bytes: number[] = []
  for (let b = 0; b < 256; b++) if (hasByte(set, b)) bytes.push(b)
  return bytes
}

/** Adds the other case of every ASCII letter in the set; bytes above 127 have no case here. */
export function foldCase(set: ByteSet): ByteSet {
  const folded = set.slice()
  // Letters A-Z are bits 1-26 of word 2, a-z the same bits of word 3.
  const letters = (set[2]! | set[3]!) & 0x07fffffe
  folded[2]! |= letters
  folded[3]! |= letters
  return folded
}

/** The ASCII lower case of a byte. */
export function lowerByte(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte + 32 : byte
}

/** The sets that escapes and POSIX names stand for, as in PCRE with its C locale tables. */
export const NAMED_SETS: Readonly<Record<string, ByteSet>> = {
  d: byteSet(48, 57),
  w: byteSet(48, 57, 65, 90, 95, 95, 97, 122),
  s: byteSet(9, 13, 32, 32),
  h: byteSet(9, 9, 32, 32, 0xa0, 0xa0),
  v: byteSet(10, 13, 0x85, 0x85),
  alnum: byteSet(48, 57, 65, 90, 97, 122),
  alpha: byteSet(65, 90, 97, 122),
  ascii: byteSet(0, 127),
  blank: byteSet(9, 9, 32, 32),
  cntrl: byteSet(0, 31, 127, 127),
  digit: byteSet(48, 57),
  graph: byteSet(33, 126),
  lower: byteSet(97, 122),
  print: byteSet(32, 126),
  punct: byteSet(33, 47, 58, 64, 91, 96, 123, 126),
  space: byteSet(9, 13, 32, 32),
  upper: byteSet(65, 90),
  word: byteSet(48, 57, 65, 90, 95, 95, 97, 122),
  xdigit: byteSet(48, 57, 65, 70, 97, 102),
}
