/** Users and the bcrypt hashes of their passwords. */
export type Users = ReadonlyMap<string, string>

const BCRYPT = /^\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}$/
/** Every wrong password costs this much; beyond it, some 1.2 seconds, checking is a way to stop the gateway. */
const MAX_COST = 14

/** The cost (log2 of the rounds) of a bcrypt hash. */
export function costOf(hash: string): number {
  return Number(hash.slice(4, 6))
}

/** Why a text cannot be used as a user's password hash; undefined when it can. */
export function hashProblem(hash: string): string | undefined {
  const cost = BCRYPT.exec(hash)?.[1]
  if (cost === undefined) return 'is no bcrypt hash ($2y$…): make one with "htpasswd -B"'
  if (Number(cost) < 4) return 'has a bcrypt cost below 4'
  return Number(cost) > MAX_COST ? `has a bcrypt cost above ${MAX_COST}` : undefined
}

/** Why a text cannot be a user's name (RFC 7617, section 2); undefined when it can. */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'has no name'
  return /[:\x00-\x1f\x7f]/.test(name) ? 'has a name with a colon or control characters' : undefined
}

/**
 * Reads an htpasswd file. Blank lines and lines that start with `#` are skipped.
 *
 * @throws Error that names every line that is wrong, and quotes none.
 */
export function parseHtpasswd(text: string): Users {
  const users = new Map<string, string>()
  const problems: string[] = []
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const colon = line.indexOf(':')
    const name = colon === -1 ? '' : line.slice(0, colon)
    const hash = line.slice(colon + 1)
    const problem = nameProblem(name) ?? hashProblem(hash) ?? (users.has(name) ? 'names a user again' : undefined)
    if (problem === undefined) users.set(name, hash)
    else problems.push(`line ${index + 1} ${problem}`)
  }
  if (problems.length > 0) throw new Error(problems.join('; '))
  return users
}
