import { compileRegex, type Regex } from '@portcullis/regex'

/** Most hosts whose match of a regular expression is remembered. */
const MAX_REMEMBERED = 1000
/** Largest size of one pattern: what any sensible one needs a tenth of. */
const MAX_SIZE = 2000

/**
 * The hosts that requests may be for. Plain entries are compared whole, without case, with the port if they have
 * one; regular expressions must match the whole host.
 */
export class AllowedHosts {
  readonly #exact = new Set<string>()
  readonly #patterns: Regex[] = []
  readonly #remembered = new Set<string>()

  /** @throws RegexSyntaxError or RangeError when an entry is no pattern that can be run; see {@link patternProblem}. */
  constructor(entries: readonly string[], areRegex: boolean) {
    for (const entry of entries) {
      if (areRegex) this.#patterns.push(compileHost(entry))
      else this.#exact.add(entry.toLowerCase())
    }
  }

  /** @param host in lower case, with its port as the client sent it. */
  has(host: string): boolean {
    if (this.#exact.has(host) || this.#remembered.has(host)) return true
    if (!this.#patterns.some((pattern) => pattern.test(host))) return false
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear()
    this.#remembered.add(host)
    return true
  }
}

/** RE2's syntax, which KrakenD has; lower case is the case of hosts, and the whole host must match. */
function compileHost(source: string): Regex {
  const regex = compileRegex(source, { syntax: 're2', caseless: true, whole: true })
  if (regex.size > MAX_SIZE) throw new RangeError('the pattern is too large')
  return regex
}

/** What is wrong with a pattern of `allowed_hosts`, in words; undefined when nothing is. */
export function patternProblem(source: string): string | undefined {
  try {
    compileHost(source)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
