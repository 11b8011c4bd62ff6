import { BINARY, DIGIT, HEX, LETTER, MONEY, skipIn, WHITE } from './sql-chars.ts'
import type { SqlReader } from './sql-lexer.ts'
import { quoted, type SqlToken, token } from './sql-token.ts'

const BRACKETS: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}', '<': '>' }

/** Says whether an odd number of backslashes stands before `at`, none of them before `from`. */
function isEscaped(value: string, from: number, at: number): boolean {
  let back = at
  while (back > from && value.charCodeAt(back - 1) === 92) back--
  return ((at - back) & 1) === 1
}

/**
 * Reads a string whose contents begin at `from`, up to a `quote` that is neither escaped by a backslash nor doubled.
 * `open` is what the token says it was opened with.
 */
export function readString(reader: SqlReader, from: number, quote: string, open: string): SqlToken {
  const { value } = reader
  let at = value.indexOf(quote, from)
  while (at !== -1) {
    if (isEscaped(value, from, at)) at = value.indexOf(quote, at + 1)
    else if (value[at + 1] === quote) at = value.indexOf(quote, at + 2)
    else {
      reader.position = at + 1
      return quoted('s', value, from, at, open, quote)
    }
  }
  reader.position = value.length
  return quoted('s', value, from, value.length, open, '')
}

/** Reads a string up to the fixed `end`, as the dollar and `q''` quotes of PostgreSQL and Oracle have it. */
function readUntil(reader: SqlReader, from: number, end: string, open: string): SqlToken {
  const { value } = reader
  const at = value.indexOf(end, from)
  reader.position = at === -1 ? value.length : at + end.length
  return quoted('s', value, from, at === -1 ? value.length : at, open, at === -1 ? '' : open)
}

/** Reads `q'!text!'`; `at` is where its `q` stands. */
function readOracleString(reader: SqlReader, at: number): SqlToken | undefined {
  const { value } = reader
  const letter = value[at]
  if ((letter !== 'q' && letter !== 'Q') || value[at + 1] !== "'" || at + 2 >= value.length) return undefined
  const open = value[at + 2]!
  if (open < '!' || open > '\x7f') return undefined
  return readUntil(reader, at + 3, (BRACKETS[open] ?? open) + "'", 'q')
}

/** Reads `b'01'` or `x'1f'`: a number where all is in order, no literal otherwise. */
function readBits(reader: SqlReader, digits: Uint8Array): SqlToken | undefined {
  const { value, position } = reader
  if (value[position + 1] !== "'") return undefined
  const end = skipIn(value, position + 2, digits)
  if (value[end] !== "'") return undefined
  reader.position = end + 1
  return token('1', position, value.slice(position, end + 1))
}

/** Reads the literals that begin with a letter (`b'' e'' n'' nq'' q'' u&'' x''`); undefined where it is but a word. */
export function readPrefixed(reader: SqlReader): SqlToken | undefined {
  const { value, position } = reader
  const next = value[position + 1]
  if (next === undefined) return undefined
  switch (value[position]!.toLowerCase()) {
    case 'b':
      return readBits(reader, BINARY)
    case 'x':
      return readBits(reader, HEX)
    case 'q':
      return readOracleString(reader, position)
    case 'u':
      if (next !== '&' || value[position + 2] !== "'") return undefined
      return asUnicode(readString(reader, position + 3, "'", 'u'))
    case 'n': {
      const oracle = readOracleString(reader, position + 1)
      if (oracle !== undefined) return oracle
      break
    }
    default:
  }
  // `e''` and `n''`: a quote with nothing behind it is left to be a string of its own
  if (next !== "'" || position + 2 >= value.length) return undefined
  return readString(reader, position + 2, "'", "'")
}

function asUnicode(read: SqlToken): SqlToken {
  if (read.close !== '') read.close = 'u'
  return read
}

/** Reads what begins with a dollar: money, `$$text$$`, `$tag$text$tag$` or the bare sign. */
export function readDollar(reader: SqlReader): SqlToken | undefined {
  const { value, position } = reader
  const afterMoney = skipIn(value, position + 1, MONEY)
  if (afterMoney === position + 2 && value[position + 1] === '.') return undefined
  if (afterMoney > position + 1) {
    reader.position = afterMoney
    return token('1', position, value.slice(position, afterMoney))
  }
  if (value[position + 1] === '$') return readUntil(reader, position + 2, '$$', '$')
  const tagEnd = skipIn(value, position + 1, LETTER)
  if (tagEnd > position + 1 && value[tagEnd] === '$') {
    return readUntil(reader, tagEnd + 1, value.slice(position, tagEnd + 1), '$')
  }
  reader.position = position + 1
  return token('n', position, '$')
}

/** Where the digits of a number that begins at `from` end, its fraction among them; behind the dot where it is nothing else. */
function skipDecimal(value: string, from: number): number {
  const end = skipIn(value, from, DIGIT)
  return value.charCodeAt(end) === 46 ? skipIn(value, end + 1, DIGIT) : end
}

/** Where the digits of a hexadecimal or binary number that begins at `from` begin, zero where it is none. */
function radixDigits(value: string, from: number): number {
  if (value.charCodeAt(from) !== 48) return 0
  const letter = value.charCodeAt(from + 1) | 32
  return letter === 120 || letter === 98 ? from + 2 : 0
}

/** Where what begins with the digit or dot at `from` ends: a number, half of one, or a lone dot. */
export function numberEnd(value: string, from: number): number {
  const digits = radixDigits(value, from)
  if (digits > 0) return skipIn(value, digits, (value.charCodeAt(from + 1) | 32) === 120 ? HEX : BINARY)
  let end = skipDecimal(value, from)
  if (end === from + 1 && value.charCodeAt(from) === 46) return end
  if ((value.charCodeAt(end) | 32) === 101) {
    end++
    const sign = value.charCodeAt(end)
    if (sign === 43 || sign === 45) end++
    end = skipIn(value, end, DIGIT)
  }
  return skipOracleSuffix(value, end)
}

/** Says whether the number `value[from, end)` lacks the digits of its exponent, or behind `0x` and `0b` all of them. */
function isHalf(value: string, from: number, end: number): boolean {
  if (radixDigits(value, from) > 0) return end === from + 2
  let last = value.charCodeAt(end - 1)
  if ((last | 32) === 100 || (last | 32) === 102) last = value.charCodeAt(end - 2)
  return (last | 32) === 101 || last === 43 || last === 45
}

/** Reads a number; half-written ones (`0x`, `1e`) are bare words and a lone dot is itself. */
export function readNumber(reader: SqlReader): SqlToken {
  const { value, position } = reader
  const end = numberEnd(value, position)
  reader.position = end
  const text = value.slice(position, end)
  if (text === '.') return token('.', position, text)
  return token(isHalf(value, position, end) ? 'n' : '1', position, text)
}

/** Oracle's `1f` and `1d`: the letter belongs to the number where nothing but an end or `union` follows. */
function skipOracleSuffix(value: string, at: number): number {
  const letter = value[at]
  if (letter !== 'd' && letter !== 'D' && letter !== 'f' && letter !== 'F') return at
  const next = value[at + 1]
  if (next === undefined || next === ';' || next === 'u' || next === 'U') return at + 1
  return WHITE[next.charCodeAt(0)] === 1 ? at + 1 : at
}
