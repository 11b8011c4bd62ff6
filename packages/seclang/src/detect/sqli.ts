import { codeOf, EVIL, isInjection, lettersOf } from './sql-fingerprints.ts'
import { fold } from './sql-fold.ts'
import { type Quote, reader, type SqlReader } from './sql-lexer.ts'
import type { SqlToken } from './sql-token.ts'

/** What one way to read a value comes to. */
export interface SqlReading {
  /** The folded tokens. */
  tokens: readonly SqlToken[]
  /** The code of their fingerprint, zero where there are none. */
  code: number
  /** How the value was read, its tokens counted. */
  source: SqlReader
}

/** Reads a value in one context: the quote it is spliced into, and whose comments count. */
export function readSql(value: string, quote: Quote, mysql: boolean): SqlReading {
  const source = reader(value, mysql)
  const tokens = fold(source, quote)
  const last = tokens[tokens.length - 1]
  // a back quote that opens nothing hides what follows it from MySQL, as a comment does
  if (tokens.length > 2 && last?.type === 'n' && last.open === '`' && last.text === '' && last.close === '') {
    last.type = 'c'
  }
  return { tokens, code: codeOf(tokens), source }
}

/** Says whether a reading is innocent although its fingerprint is that of an injection: short ones stand for much prose. */
export function isExcused(value: string, reading: SqlReading): boolean {
  const { tokens, code } = reading
  if (code === EVIL) return false
  const last = tokens[tokens.length - 1]!
  // SQL Server keeps statements that mention it out of its logs: nobody else writes it into a comment
  if (last.type === 'c' && value.includes('sp_password')) return false
  if (tokens.length === 2) return isExcusedPair(value, reading)
  return tokens.length === 3 && isExcusedTriple(reading)
}

function isExcusedPair(value: string, { tokens, source }: SqlReading): boolean {
  const first = tokens[0]!
  const second = tokens[1]!
  // `1 union` is prose, unless a comment or folded expression stood there too
  if (second.type === 'U') return source.count === 2
  if (second.text.startsWith('#')) return true
  const isComment = second.type === 'c'
  if (isComment && first.type === 'n') return !second.text.startsWith('/')
  if (!isComment || first.type !== '1') return second.text.length > 2 && second.text.startsWith('-')
  if (second.text.startsWith('/') || source.count > 2) return false
  const next = value.charCodeAt(first.text.length)
  if (next <= 32 || next >= 128 || value.startsWith('/*', first.text.length)) return false
  return !value.startsWith('--', first.text.length)
}

const PLAIN_LOGIC = new Set(['s&n', 'n&1', '1&1', '1&v', '1&s'])

function isExcusedTriple({ tokens, source }: SqlReading): boolean {
  const first = tokens[0]!
  const middle = tokens[1]!
  const last = tokens[2]!
  const fingerprint = lettersOf(tokens)
  if (fingerprint === 'sos' || fingerprint === 's&s') {
    // only a text that begins and ends inside one kind of quote continues the statement around it
    return !(first.open === '' && last.close === '' && first.close === last.open)
  }
  if (PLAIN_LOGIC.has(fingerprint)) return source.count === 3
  return middle.type === 'k' && !/^into ./i.test(middle.text)
}

/** Reads a value in one context and says whether it is an injection there. */
type Visit = (reading: SqlReading) => boolean

/** Reads a value in each context that can matter for it, until `visit` says that it has seen enough. */
export function readContexts(value: string, visit: Visit): boolean {
  const plain = readSql(value, '', false)
  if (visit(plain)) return true
  if (plain.source.dialectMatters && visit(readSql(value, '', true))) return true
  if (value.includes("'")) {
    const single = readSql(value, "'", false)
    if (visit(single)) return true
    if (single.source.dialectMatters && visit(readSql(value, "'", true))) return true
  }
  return value.includes('"') && visit(readSql(value, '"', true))
}

/** The fingerprint by which a value is SQL injection, `''` where it is none. */
export function sqliFingerprint(value: string): string {
  let found = ''
  readContexts(value, (reading) => {
    if (!isInjection(reading.code) || isExcused(value, reading)) return false
    found = lettersOf(reading.tokens)
    return true
  })
  return found
}
