/** One mistake in a configuration. */
export interface ConfigIssue {
  /** Where it stands, as one would write it in code: `endpoints[2].extra_config["auth/validator"].alg`. */
  place: string
  /** What is wrong, what was expected and, where there is one, the nearest right name. */
  message: string
}

/**
 * Thrown at start when a configuration is refused. Its message lists every mistake, one a line.
 */
export class ConfigurationError extends Error {
  readonly code = 'PORTCULLIS_CONFIG_INVALID'
  readonly issues: readonly ConfigIssue[]

  constructor(issues: readonly ConfigIssue[], source?: string) {
    const count = issues.length === 1 ? '1 mistake' : `${issues.length} mistakes`
    super(`${source ?? 'configuration'}: ${count}\n${issues.map((issue) => `  ${formatIssue(issue)}`).join('\n')}`)
    this.name = 'ConfigurationError'
    this.issues = issues
  }
}

/** One line for one mistake: `place: message`. */
export function formatIssue(issue: ConfigIssue): string {
  return issue.place === '' ? issue.message : `${issue.place}: ${issue.message}`
}

/** `; did you mean "x"?` when one of the names is near, otherwise nothing. */
export function didYouMean(name: string, names: Iterable<string>): string {
  const near = closest(name, names)
  return near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`
}

/**
 * The name nearest to what was written, by edit distance (Damerau-Levenshtein, adjacent swaps count one).
 * Names further away than a third of their length, at least two edits, are not near.
 */
export function closest(name: string, names: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  const wanted = normalise(name)
  for (const candidate of names) {
    const distance = editDistance(wanted, normalise(candidate))
    if (distance < bestDistance && distance <= Math.max(2, Math.floor(candidate.length / 3))) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** `maxRate`, `max-rate` and `max_rate` are the same mistake away from each other. */
function normalise(name: string): string {
  return name
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll('-', '_')
}

function editDistance(a: string, b: string): number {
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, before[j - 2]! + 1)
      row.push(best)
    }
    before = previous
    previous = row
  }
  return previous[b.length]!
}
