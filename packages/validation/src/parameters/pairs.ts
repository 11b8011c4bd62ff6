/** One `name=value` of a query or a form, decoded once. */
export interface Pair {
  name: string
  value: string
  /** As it was sent: what delimited values are split on. */
  raw: string
}

/**
 * Reads `name=value&…` (WHATWG form encoding): `+` is a blank, percent escapes are decoded once.
 *
 * @returns undefined when an escape is broken or does not make UTF-8: readers differ in what they see in it.
 */
export function readPairs(text: string): Pair[] | undefined {
  const pairs: Pair[] = []
  if (text === '') return pairs
  for (const part of text.split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const raw = equals === -1 ? '' : part.slice(equals + 1)
    const name = decodeForm(equals === -1 ? part : part.slice(0, equals))
    const value = decodeForm(raw)
    if (name === undefined || value === undefined) return undefined
    pairs.push({ name, value, raw })
  }
  return pairs
}

/** Pairs by name, in the order of their first appearance. */
export function groupPairs(pairs: readonly Pair[]): Map<string, Pair[]> {
  const groups = new Map<string, Pair[]>()
  for (const pair of pairs) {
    const group = groups.get(pair.name)
    if (group === undefined) groups.set(pair.name, [pair])
    else group.push(pair)
  }
  return groups
}

/** Decodes percent escapes and `+`; undefined when they are broken. */
function decodeForm(text: string): string | undefined {
  return decodePercent(text.includes('+') ? text.replaceAll('+', ' ') : text)
}

/** Decodes percent escapes; undefined when they are broken. */
export function decodePercent(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** The query of a request target, without its question mark. */
export function queryOf(url: string): string {
  const mark = url.indexOf('?')
  if (mark === -1) return ''
  const hash = url.indexOf('#', mark)
  return url.slice(mark + 1, hash === -1 ? undefined : hash)
}
