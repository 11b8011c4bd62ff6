/** Decides which of a client's query parameters go to the upstream. */
export interface QueryFilter {
  /** Names that may pass; `*` alone means all. */
  allowed: readonly string[]
  /** Names of the pattern's own query, which a client cannot set. */
  own: ReadonlySet<string>
}

/**
 * The part of a raw query that may go on, byte for byte: pairs are dropped or kept whole, never rewritten, so what
 * the upstream reads is what the client wrote and what was inspected.
 *
 * @param raw query without its `?`.
 * @param hidden names whose values stay here (a token or a key in the URL).
 * @returns the kept pairs joined by `&`, empty when none is kept.
 */
export function filterQuery(raw: string, filter: QueryFilter, hidden: ReadonlySet<string> | undefined): string {
  if (raw === '' || filter.allowed.length === 0) return ''
  const all = filter.allowed.includes('*')
  if (all && filter.own.size === 0 && hidden === undefined) return raw
  const kept: string[] = []
  for (const pair of raw.split('&')) {
    if (pair === '') continue
    const name = nameOf(pair)
    if (!all && !filter.allowed.includes(name)) continue
    if (filter.own.has(name) || hidden?.has(name) === true) continue
    kept.push(pair)
  }
  return kept.join('&')
}

function nameOf(pair: string): string {
  const end = pair.indexOf('=')
  const name = end === -1 ? pair : pair.slice(0, end)
  if (!name.includes('%') && !name.includes('+')) return name
  try {
    return decodeURIComponent(name.replaceAll('+', ' '))
  } catch {
    return name
  }
}
