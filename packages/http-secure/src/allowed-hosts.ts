import { HostRegex } from './host-regex/machine.ts'

/** Most hosts whose match of a regular expression is remembered. */
const MAX_REMEMBERED = 1000

/**
 * The hosts that requests may be for. Plain entries are compared whole, without case, with the port if they have
 * one; regular expressions must match the whole host.
 */
export class AllowedHosts {
  readonly #exact = new Set<string>()
  readonly #patterns: HostRegex[] = []
  readonly #remembered = new Set<string>()

  /** @throws SyntaxError when an entry is no pattern that can be run; see {@link patternProblem}. */
  constructor(entries: readonly string[], areRegex: boolean) {
    for (const entry of entries) {
      if (areRegex) this.#patterns.push(new HostRegex(entry))
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

/** What is wrong with a pattern of `allowed_hosts`, in words; undefined when nothing is. */
export function patternProblem(source: string): string | undefined {
  try {
    new HostRegex(source)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
