import type { FoldState } from './sql-fold.ts'
import type { SqlToken, SqlType } from './sql-token.ts'
import { phraseType } from './sql-words.ts'

/** What became of a pair of tokens. */
export const Outcome = {
  /** No rule applies: look at three tokens. */
  none: 0,
  /** Something was folded: look again. */
  again: 1,
  /** The fingerprint is settled. */
  stop: 2,
} as const

/** Names that are functions only where they are called. */
const CALLED =
  /^(?:user_id|user_name|database|password|user|current_user|current_date|current_time|current_timestamp|localtime|localtimestamp)$/i

/** Holds `count` tokens fewer, the last ones going. */
function drop(state: FoldState, count: number): void {
  state.filled -= count
}

/** Starts over from the first token: what was folded may now fold with what stands before it. */
function restart(state: FoldState): number {
  state.left = 0
  return Outcome.again
}

/** Says whether a token is an operator that stands before its operand. */
export function isUnary(token: SqlToken): boolean {
  if (token.type !== 'o') return false
  const { text } = token
  if (text.length === 1) return text === '+' || text === '-' || text === '!' || text === '~'
  return text === '!!' || (text.length === 3 && text !== '<=>' && text.toUpperCase() === 'NOT')
}

const isValue = (type: SqlType): boolean => type === '1' || type === 'n' || type === 's' || type === 'v'

const PHRASE_START = 'knoUfETt'
const PHRASE_NEXT = PHRASE_START + '&'

/** Joins two words that together are a known phrase, such as `group by`. */
function joinPhrase(first: SqlToken, second: SqlToken): boolean {
  if (!PHRASE_START.includes(first.type) || !PHRASE_NEXT.includes(second.type)) return false
  // every phrase is made of words
  if (first.text < 'A' || second.text < 'A') return false
  if (first.text.length + second.text.length > 30) return false
  const type = phraseType(first.text, second.text)
  if (type === undefined) return false
  first.type = type
  first.text = first.text + ' ' + second.text
  return true
}

/** Folds the tokens at `left` and behind it where a rule says so. */
export function applyPairRule(state: FoldState): number {
  const first = state.tokens[state.left]!
  const second = state.tokens[state.left + 1]!
  if ((first.type === 's' && second.type === 's') || (first.type === ';' && second.type === ';')) {
    drop(state, 1)
    return Outcome.again
  }
  if ((first.type === 'o' || first.type === '&') && (second.type === 't' || isUnary(second))) {
    drop(state, 1)
    return restart(state)
  }
  if ((first.type === '(' && isUnary(second)) || joinPhrase(first, second)) {
    drop(state, 1)
    if (state.left > 0) state.left--
    return Outcome.again
  }
  return retype(state, first, second)
}

/** Says whether a token is a word, with or without a `not` before it. */
function isWord({ text }: SqlToken, word: string): boolean {
  const upper = text.toUpperCase()
  return upper === word || upper === `NOT ${word}`
}

/** The rules by which the second token settles what the first one is. */
function retype(state: FoldState, first: SqlToken, second: SqlToken): number {
  if (first.type === ';' && second.type === 'f' && second.text.toUpperCase().startsWith('IF')) {
    second.type = 'T'
    return Outcome.again
  }
  if ((first.type === 'n' || first.type === 'v') && second.type === '(' && CALLED.test(first.text)) {
    first.type = 'f'
    return Outcome.again
  }
  if (first.type === 'k' && isWord(first, 'IN')) {
    first.type = second.type === '(' ? 'o' : 'n'
    return Outcome.again
  }
  if (first.type === 'o' && second.type === '(' && isWord(first, 'LIKE')) {
    first.type = 'f'
    return Outcome.again
  }
  if (first.type === 't' && 'n1t(fvs'.includes(second.type)) return replaceFirst(state)
  if (first.type === 'A' && second.type === 'n') {
    if (second.text.includes('_')) {
      second.type = 't'
      state.left = 0
    }
    return Outcome.none
  }
  if (first.type === '\\') {
    if (second.type === 'o' && '*/-+%'.includes(second.text)) {
      first.type = '1'
      return restart(state)
    }
    return replaceFirst(state)
  }
  return foldBrackets(state, first, second)
}

function replaceFirst(state: FoldState): number {
  state.tokens[state.left] = { ...state.tokens[state.left + 1]! }
  drop(state, 1)
  return restart(state)
}

/** Repeated parentheses count once; ODBC escapes in braces count for what they hold. */
function foldBrackets(state: FoldState, first: SqlToken, second: SqlToken): number {
  if ((first.type === '(' && second.type === '(') || (first.type === ')' && second.type === ')')) {
    drop(state, 1)
    return restart(state)
  }
  if (first.type === '{' && second.type === 'n') {
    if (second.text === '') {
      second.type = 'X'
      state.filled = state.left + 2
      return Outcome.stop
    }
    drop(state, 2)
    return restart(state)
  }
  if (second.type === '}') {
    drop(state, 1)
    return restart(state)
  }
  return Outcome.none
}

/** Folds an expression of three tokens to its first one. */
function isFoldable(first: SqlToken, middle: SqlToken, last: SqlToken): boolean {
  switch (middle.type) {
    case 'o':
      if (first.type === 'v') return last.type === 'v' || last.type === '1' || last.type === 'n'
      if (first.type === 'n' || first.type === '1') {
        if (last.type === 'n' || last.type === '1') return true
      }
      return isValue(first.type) && last.type === 't' && middle.text === '::'
    case ',':
      return isValue(first.type) && isValue(last.type)
    case '.':
      return first.type === 'n' && last.type === 'n'
    default:
      return false
  }
}

/** Folds the three tokens from `left` on; says whether a rule applied. */
export function applyTripleRule(state: FoldState): boolean {
  const first = state.tokens[state.left]!
  const middle = state.tokens[state.left + 1]!
  const last = state.tokens[state.left + 2]!
  if (
    (first.type === 'o' && last.type === 'o' && middle.type !== '(') ||
    (first.type === '&' && last.type === '&') ||
    isFoldable(first, middle, last)
  ) {
    drop(state, 2)
    state.left = 0
    return true
  }
  if (first.type === 'E' && middle.type === '.' && last.type === 'n') return foldMiddle(state, 1)
  if (isUnary(middle)) {
    if (last.type === '(' && 'EB,'.includes(first.type)) return foldMiddle(state, 1)
    const operand = isValue(last.type)
    if ('kEB'.includes(first.type) && (operand || last.type === 'f')) return foldMiddle(state, 1)
    // behind a comma the value goes as well, so that a list folds to its first element
    if (first.type === ',' && operand) return foldMiddle(state, 3)
    if (first.type === ',' && last.type === 'f') return foldMiddle(state, 1)
  }
  if (first.type === 'f' && middle.type === '(' && last.type !== ')' && first.text.toUpperCase() === 'USER') {
    first.type = 'n'
  }
  return false
}

function foldMiddle(state: FoldState, count: number): boolean {
  state.tokens[state.left + 1] = { ...state.tokens[state.left + 2]! }
  drop(state, count)
  state.left = 0
  return true
}

/** Whether five tokens are an expression in parentheses that changes nothing of its first token. */
function isClosed(tokens: readonly SqlToken[]): boolean {
  const [a, b, c, d, e] = tokens as [SqlToken, SqlToken, SqlToken, SqlToken, SqlToken]
  if (a.type === '1') {
    if (b.type === 'o' || b.type === ',') return c.type === '(' && d.type === '1' && e.type === ')'
    return b.type === ')' && c.type === ',' && d.type === '(' && e.type === '1'
  }
  if (a.type !== 'n') return false
  if (b.type === 'o') return c.type === '(' && (d.type === 'n' || d.type === '1') && e.type === ')'
  return b.type === ')' && c.type === 'o' && d.type === '(' && e.type === 'n'
}

/** Makes room where five tokens are held and fold to one; the next token moves up. */
export function foldFull(state: FoldState): void {
  const { tokens } = state
  if (!isClosed(tokens)) return
  if (state.filled > 5) {
    tokens[1] = tokens[5]!
    state.filled = 2
  } else {
    state.filled = 1
  }
  state.left = 0
}
