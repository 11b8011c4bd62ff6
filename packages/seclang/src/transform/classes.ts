/**
 * What kinds of byte a string holds, as bits. A transformation names the bits without which it changes nothing, so most
 * strings pass most chains untouched at the price of one `&`.
 */

/** Names of the classes. */
export type ClassName =
  | 'UPPER'
  | 'PERCENT'
  | 'PLUS'
  | 'AMP'
  | 'BACKSLASH'
  | 'NUL'
  | 'SPACE'
  | 'CONTROL_SPACE'
  | 'NBSP'
  | 'HIGH'
  | 'SLASH'
  | 'DOT'
  | 'STAR'
  | 'DASH'
  | 'HASH'
  | 'QUOTE'
  | 'CARET'
  | 'SEPARATOR'
  | 'PAREN'
  | 'LOWER'
  | 'SPACE_RUN'
  | 'SPECIAL'

/** Bits of {@link classify}. */
export const CLASS: Readonly<Record<ClassName, number>> = {
  UPPER: 1,
  PERCENT: 1 << 1,
  PLUS: 1 << 2,
  AMP: 1 << 3,
  BACKSLASH: 1 << 4,
  NUL: 1 << 5,
  SPACE: 1 << 6,
  /** Tab, line feed, vertical tab, form feed, carriage return. */
  CONTROL_SPACE: 1 << 7,
  /** 0xA0, white space in Latin-1. */
  NBSP: 1 << 8,
  /** 0x80 and above. */
  HIGH: 1 << 9,
  SLASH: 1 << 10,
  DOT: 1 << 11,
  STAR: 1 << 12,
  DASH: 1 << 13,
  HASH: 1 << 14,
  QUOTE: 1 << 15,
  CARET: 1 << 16,
  SEPARATOR: 1 << 17,
  PAREN: 1 << 18,
  LOWER: 1 << 19,
  /** Two spaces in a row. */
  SPACE_RUN: 1 << 20,
  /** Anything but letters, digits, `_`, `.`, `-`: without it neither detector can hit. */
  SPECIAL: 1 << 21,
}

const TABLE = buildTable()

function buildTable(): Int32Array {
  const table = new Int32Array(256)
  const mark = (bytes: string, bit: number): void => {
    for (const byte of bytes) table[byte.charCodeAt(0)]! |= bit
  }
  const range = (from: number, to: number, bit: number): void => {
    for (let i = from; i <= to; i++) table[i]! |= bit
  }
  range(0, 255, CLASS.SPECIAL)
  for (const [from, to] of [
    [48, 57],
    [65, 90],
    [97, 122],
  ] as const) {
    for (let i = from; i <= to; i++) table[i] = 0
  }
  for (const byte of '_.-') table[byte.charCodeAt(0)] = 0
  range(65, 90, CLASS.UPPER)
  range(97, 122, CLASS.LOWER)
  range(9, 13, CLASS.CONTROL_SPACE)
  range(128, 255, CLASS.HIGH)
  mark('%', CLASS.PERCENT)
  mark('+', CLASS.PLUS)
  mark('&', CLASS.AMP)
  mark('\\', CLASS.BACKSLASH)
  mark('\0', CLASS.NUL)
  mark(' ', CLASS.SPACE)
  mark('\xa0', CLASS.NBSP)
  mark('/', CLASS.SLASH)
  mark('.', CLASS.DOT)
  mark('*', CLASS.STAR)
  mark('-', CLASS.DASH)
  mark('#', CLASS.HASH)
  mark('"\'', CLASS.QUOTE)
  mark('^', CLASS.CARET)
  mark(',;', CLASS.SEPARATOR)
  mark('(', CLASS.PAREN)
  return table
}

/** The class bits of a byte string, in one pass. */
export function classify(value: string): number {
  let bits = 0
  let previous = 0
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i) & 255
    bits |= TABLE[code]!
    if (code === 32 && previous === 32) bits |= CLASS.SPACE_RUN
    previous = code
  }
  return bits
}
