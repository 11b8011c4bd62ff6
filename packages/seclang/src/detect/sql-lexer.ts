import { KINDS, Kind, skipUntil, VARIABLE_STOP, WHITE, WORD_STOP } from './sql-chars.ts'
import { readDollar, readNumber, readPrefixed, readString } from './sql-literals.ts'
import { quoted, type SqlToken, type SqlType, token } from './sql-token.ts'
import { PAIR_OPERATORS, wordType } from './sql-words.ts'

/** The quote a value is taken to stand in: none, or the string it would be spliced into. */
export type Quote = '' | "'" | '"'

/** Where the reading of a value stands. */
export interface SqlReader {
  /** The value read. */
  readonly value: string
  /** Whether `#` and only `-- ` begin comments, as MySQL has it. */
  readonly mysql: boolean
  /** The next byte to read. */
  position: number
  /** Tokens read so far, comments among them. */
  count: number
  /** Whether something was read that the two comment dialects see differently. */
  dialectMatters: boolean
}

/** Starts to read a value. */
export function reader(value: string, mysql: boolean): SqlReader {
  return { value, mysql, position: 0, count: 0, dialectMatters: false }
}

/** Reads the next token; undefined at the end. In a quoted context the value begins inside that string. */
export function nextToken(source: SqlReader, quote: Quote): SqlToken | undefined {
  const { value } = source
  if (source.position === 0 && quote !== '' && value !== '') {
    source.count++
    return readString(source, 0, quote, '')
  }
  while (source.position < value.length && KINDS[value.charCodeAt(source.position) & 255] === Kind.white) {
    source.position++
  }
  if (source.position >= value.length) return undefined
  source.count++
  return readToken(source)
}

function readToken(source: SqlReader): SqlToken {
  const { value, position } = source
  const code = value.charCodeAt(position)
  const first = value[position]!
  switch (KINDS[code & 255]) {
    case Kind.word:
      return readWord(source)
    case Kind.prefixed:
      return readPrefixed(source) ?? readWord(source)
    case Kind.digit:
      return readNumber(source)
    case Kind.single:
      return readSingle(source, first as SqlType)
    case Kind.quote:
      return readString(source, position + 1, first, first)
    case Kind.operator:
      return readSingle(source, 'o')
    case Kind.pair:
      return readPair(source)
    case Kind.dash:
      return readDash(source)
    case Kind.slash:
      return value[position + 1] === '*' ? readBlockComment(source) : readSingle(source, 'o')
    case Kind.hash:
      source.dialectMatters = true
      return source.mysql ? readLineComment(source) : readSingle(source, 'o')
    case Kind.tick:
      return readTick(source)
    case Kind.bracket:
      return readBracket(source)
    case Kind.dollar:
      return readDollar(source) ?? readWord(source)
    case Kind.at:
      return readVariable(source)
    case Kind.backslash:
      return readBackslash(source)
    default:
      return readSingle(source, '?')
  }
}

function readSingle(source: SqlReader, type: SqlType): SqlToken {
  const { value, position } = source
  source.position = position + 1
  return token(type, position, value[position]!)
}

/** Reads an operator of up to three characters; a colon alone is not one. */
function readPair(source: SqlReader): SqlToken {
  const { value, position } = source
  if (value.startsWith('<=>', position)) {
    source.position = position + 3
    return token('o', position, '<=>')
  }
  const pair = value.slice(position, position + 2)
  const type = PAIR_OPERATORS.get(pair)
  if (type === undefined) return readSingle(source, pair[0] === ':' && pair.length === 2 ? ':' : 'o')
  source.position = position + 2
  return token(type, position, pair)
}

/** Reads `--`: always a comment where white space or nothing follows, elsewhere only in the ANSI dialect. */
function readDash(source: SqlReader): SqlToken {
  const { value, position } = source
  if (value[position + 1] !== '-') return readSingle(source, 'o')
  if (position + 2 >= value.length || WHITE[value.charCodeAt(position + 2) & 255] === 1) return readLineComment(source)
  source.dialectMatters = true
  return source.mysql ? readSingle(source, 'o') : readLineComment(source)
}

function readLineComment(source: SqlReader): SqlToken {
  const { value, position } = source
  const end = value.indexOf('\n', position)
  source.position = end === -1 ? value.length : end + 1
  return token('c', position, value.slice(position, end === -1 ? value.length : end))
}

/** Reads a block comment. MySQL's conditional comments and nested ones serve nothing but evasion. */
function readBlockComment(source: SqlReader): SqlToken {
  const { value, position } = source
  const close = value.indexOf('*/', position + 2)
  const end = close === -1 ? value.length : close + 2
  source.position = end
  const text = value.slice(position, end)
  const nested = close !== -1 && text.lastIndexOf('/*', text.length - 3) > 1
  return token(nested || text[2] === '!' ? 'X' : 'c', position, text)
}

function readTick(source: SqlReader): SqlToken {
  const read = readString(source, source.position + 1, '`', '`')
  // a quoted name may still be called; any other word loses its meaning in back quotes
  read.type = wordType(read.text) === 'f' ? 'f' : 'n'
  return read
}

function readBracket(source: SqlReader): SqlToken {
  const { value, position } = source
  const close = value.indexOf(']', position)
  source.position = close === -1 ? value.length : close + 1
  return token('n', position, value.slice(position, source.position))
}

function readVariable(source: SqlReader): SqlToken {
  const { value, position } = source
  const at = value[position + 1] === '@' ? '@@' : '@'
  const from = position + at.length
  const first = value[from]
  if (first === '`' || first === "'" || first === '"') {
    const read = readString(source, from + 1, first, at + first)
    read.type = 'v'
    return read
  }
  source.position = skipUntil(value, from, VARIABLE_STOP)
  return quoted('v', value, from, source.position, at, '')
}

function readBackslash(source: SqlReader): SqlToken {
  const { value, position } = source
  if (value[position + 1] !== 'N') return readSingle(source, '\\')
  source.position = position + 2
  return token('1', position, '\\N')
}

/** Reads a word; a dot or back quote ends it where what stands before is a known word. */
function readWord(source: SqlReader): SqlToken {
  const { value, position } = source
  const end = skipUntil(value, position, WORD_STOP)
  const lastCut = Math.min(end, position + 32)
  for (let at = position; at < lastCut; at++) {
    const code = value.charCodeAt(at)
    if (code !== 46 && code !== 96) continue
    const type = wordType(value.slice(position, at))
    if (type !== 'n') {
      source.position = at
      return token(type, position, value.slice(position, at))
    }
  }
  source.position = end
  const text = value.slice(position, end)
  return token(text.length < 32 ? wordType(text) : 'n', position, text)
}
