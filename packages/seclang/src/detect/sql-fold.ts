import { nextToken, type Quote, type SqlReader } from './sql-lexer.ts'
import { applyPairRule, applyTripleRule, foldFull, isUnary, Outcome } from './sql-rules.ts'
import type { SqlToken } from './sql-token.ts'

/** How many tokens a fingerprint has at most. */
const MAX_TOKENS = 5

/** The tokens held while a value is folded. */
export interface FoldState {
  /** Where the tokens come from. */
  readonly source: SqlReader
  readonly quote: Quote
  /** The tokens kept; only the first `filled` count. */
  readonly tokens: SqlToken[]
  /** How many tokens are held. */
  filled: number
  /** The token the rules look at. */
  left: number
  /** Whether the value may hold further tokens. */
  more: boolean
  /** The last comment skipped, where nothing followed it. */
  comment: SqlToken | undefined
}

/** Holds at least `wanted` tokens from `left` on, as far as there are any; comments are skipped. */
function pull(state: FoldState, wanted: number): boolean {
  while (state.more && state.filled <= MAX_TOKENS && state.filled - state.left < wanted) {
    const next = nextToken(state.source, state.quote)
    if (next === undefined) state.more = false
    else if (next.type === 'c') state.comment = next
    else {
      state.comment = undefined
      state.tokens[state.filled++] = next
    }
  }
  if (state.filled - state.left >= wanted) return true
  state.left = state.filled
  return false
}

/** Reads the first token that matters: what stands before an expression says nothing of it. */
function pullFirst(state: FoldState): boolean {
  for (;;) {
    const next = nextToken(state.source, state.quote)
    if (next === undefined) return false
    if (next.type !== 'c' && next.type !== '(' && next.type !== 't' && !isUnary(next)) {
      state.tokens[state.filled++] = next
      return true
    }
  }
}

/** Reads a value and folds it to the at most five tokens that tell whether it continues a statement. */
export function fold(source: SqlReader, quote: Quote): SqlToken[] {
  const state: FoldState = { source, quote, tokens: [], filled: 0, left: 0, more: true, comment: undefined }
  if (!pullFirst(state)) return []
  for (;;) {
    if (state.filled >= MAX_TOKENS) foldFull(state)
    if (!state.more || state.left >= MAX_TOKENS) break
    if (!pull(state, 2)) continue
    const outcome = applyPairRule(state)
    if (outcome === Outcome.stop) return state.tokens.slice(0, state.filled)
    if (outcome === Outcome.again || !pull(state, 3) || applyTripleRule(state)) continue
    state.left++
  }
  return finish(state)
}

function finish(state: FoldState): SqlToken[] {
  const tokens = state.tokens.slice(0, Math.min(state.filled, MAX_TOKENS))
  if (tokens.length < MAX_TOKENS && state.comment !== undefined) tokens.push(state.comment)
  return tokens
}
