/**
 * What a token of SQL is, as one letter. A folded value spelt in these letters is its fingerprint:
 * `1` number, `s` string, `n` bare word, `v` variable, `f` function, `k` keyword, `E` start of a statement or expression,
 * `U` union, `B` group or order, `T` T-SQL statement, `t` type name, `A` collate, `o` operator, `&` logical operator,
 * `c` comment, `X` a comment no innocent value contains, `\` backslash, `?` anything else; the rest name themselves.
 */
export type SqlType =
  | '1'
  | 's'
  | 'n'
  | 'v'
  | 'f'
  | 'k'
  | 'E'
  | 'U'
  | 'B'
  | 'T'
  | 't'
  | 'A'
  | 'o'
  | '&'
  | 'c'
  | 'X'
  | '('
  | ')'
  | '{'
  | '}'
  | '.'
  | ','
  | ':'
  | ';'
  | '\\'
  | '?'

/** One token of SQL. */
export interface SqlToken {
  /** Its class. */
  type: SqlType
  /** Where the kept text begins in the value. */
  start: number
  /** What was read, without the quotes of a string, at most {@link MAX_TEXT} characters. */
  text: string
  /** The character that opened a string, `''` where the value itself begins inside the string. */
  open: string
  /** The character that closed a string, `''` where nothing did. */
  close: string
}

/** How much of a token's text is kept: no known word is longer. */
const MAX_TEXT = 31

/** Builds a token that is not a string. */
export function token(type: SqlType, start: number, text: string): SqlToken {
  return { type, start, text: text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text, open: '', close: '' }
}

/** Builds a string token over `value[start, end)`, the quotes left out. */
export function quoted(
  type: SqlType,
  value: string,
  start: number,
  end: number,
  open: string,
  close: string,
): SqlToken {
  return { type, start, text: value.slice(start, Math.min(end, start + MAX_TEXT)), open, close }
}
