import { fold } from '../../src/detect/sql-fold.ts'
import { nextToken, reader } from '../../src/detect/sql-lexer.ts'
import type { SqlToken } from '../../src/detect/sql-token.ts'

/** Writes a token as the recorded expectations do. */
function spell(token: SqlToken): string {
  const named = token.type === 's' || token.type === 'v'
  return `${token.type} ${named ? token.open + token.text + token.close : token.text}`
}

/** The tokens of a value, one a line. */
export function spellTokens(value: string): string[] {
  const source = reader(value, false)
  const lines: string[] = []
  for (let token = nextToken(source, ''); token !== undefined; token = nextToken(source, '')) lines.push(spell(token))
  return lines
}

/** The folded tokens of a value, one a line. */
export function spellFolded(value: string): string[] {
  return fold(reader(value, false), '').map(spell)
}
