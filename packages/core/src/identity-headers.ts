import type { IncomingMessage } from 'node:http'

/**
 * Folds a header name as upstreams may: CGI, WSGI, PHP and others turn case, `-`, `_` and further punctuation into
 * one spelling, so all of these are one name to them.
 */
export function foldHeaderName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-')
}

/**
 * The header names that belong to the gateway: whatever a component injects (claims, consumer, `x-authenticated`) is
 * removed from every incoming request first, on every route, in every spelling that an upstream may fold together.
 */
export class IdentityHeaders {
  readonly #folded = new Set<string>()

  /** Adds names; they are reserved from the next request on. */
  add(names: Iterable<string>): void {
    for (const name of names) this.#folded.add(foldHeaderName(name))
  }

  get size(): number {
    return this.#folded.size
  }

  /** Is this incoming header name one of the gateway's own? */
  has(name: string): boolean {
    return this.#folded.has(name) || (hasOddCharacter(name) && this.#folded.has(foldHeaderName(name)))
  }

  /** Removes the gateway's names from an incoming request, from headers and raw headers alike. */
  strip(message: IncomingMessage): void {
    if (this.#folded.size === 0) return
    const { headers } = message
    let found = false
    for (const name in headers) {
      if (this.has(name)) {
        delete headers[name]
        found = true
      }
    }
    if (found) message.rawHeaders = withoutNames(message.rawHeaders, this)
  }
}

function withoutNames(rawHeaders: readonly string[], names: IdentityHeaders): string[] {
  const kept: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (!names.has(rawHeaders[i]!.toLowerCase())) kept.push(rawHeaders[i]!, rawHeaders[i + 1]!)
  }
  return kept
}

/** Anything but a to z, 0 to 9 and `-` in a name that Node has lower-cased: folding changes such names alone. */
export function hasOddCharacter(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if (!((code >= 97 && code <= 122) || code === 45 || (code >= 48 && code <= 57))) return true
  }
  return false
}
