import type { RuleSet } from '@portcullis/seclang'

/**
 * Rules that a route leaves out, as one flag for each rule of a set: routes with different exclusions share the
 * compiled rules.
 *
 * @param entries ids, ranges (`"942000-942999"`) and tags; in a tag `*` stands for anything.
 * @returns flags by the rules' index, undefined when nothing is left out; and the entries that no rule answers to.
 */
export function excludedRules(
  rules: RuleSet,
  entries: readonly (number | string)[],
): { flags: Uint8Array | undefined; unknown: (number | string)[] } {
  const unknown: (number | string)[] = []
  if (entries.length === 0) return { flags: undefined, unknown }
  const flags = new Uint8Array(rules.all.length)
  for (const entry of entries) {
    const matches = matcher(entry)
    let found = false
    for (const rule of rules.all) {
      if (!matches(rule)) continue
      flags[rule.index] = 1
      found = true
    }
    if (!found) unknown.push(entry)
  }
  return { flags, unknown }
}

interface Named {
  id: number
  tags: readonly string[]
}

function matcher(entry: number | string): (rule: Named) => boolean {
  const range = parseRange(entry)
  if (range !== undefined) return ({ id }) => id >= range.from && id <= range.to
  const tag = String(entry)
  if (!tag.includes('*')) return ({ tags }) => tags.includes(tag)
  return ({ tags }) => tags.some((text) => matchesWildcard(tag, text))
}

/** An id or a range of ids; undefined for a tag. */
export function parseRange(entry: number | string): { from: number; to: number } | undefined {
  const match = /^([0-9]+)(?:\s*-\s*([0-9]+))?$/.exec(String(entry).trim())
  if (match === null) return undefined
  return { from: Number(match[1]), to: Number(match[2] ?? match[1]) }
}

/** Compares piece by piece, the shortest way first: linear in both texts but for the search of each piece. */
function matchesWildcard(pattern: string, text: string): boolean {
  const pieces = pattern.split('*')
  const first = pieces[0]!
  const last = pieces.at(-1)!
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false
  let at = first.length
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at)
    if (found === -1) return false
    at = found + piece.length
  }
  return at <= text.length - last.length
}
