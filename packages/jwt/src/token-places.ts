import { hideQueryCredential, queryValues, REPEATED, type RequestState, soleHeader } from '@portcullis/core'
import type { FastifyRequest } from 'fastify'

/** Where tokens may stand in a request. */
export interface PlaceNames {
  /** Lower-case header names. */
  headers: readonly string[]
  cookies: readonly string[]
  /** Query parameters. */
  params: readonly string[]
}

/** What {@link TokenPlaces.find} says of a request with different tokens, or with one header twice. */
export const AMBIGUOUS: unique symbol = Symbol('ambiguous')

/** Finds the token of a request, and takes it out of what the upstream gets. */
export class TokenPlaces {
  readonly #names: PlaceNames

  constructor(names: PlaceNames) {
    this.#names = names
  }

  /**
   * The one token of a request. Copies in several places count once; two different ones are {@link AMBIGUOUS}, since
   * whoever stands behind the gateway might read the other.
   */
  find(request: FastifyRequest): string | undefined | typeof AMBIGUOUS {
    let token: string | undefined
    const { headers, cookies, params } = this.#names
    for (const name of headers) {
      const value = soleHeader(request, name)
      if (value === undefined) continue
      if (value === REPEATED) return AMBIGUOUS
      const found = bearerToken(value)
      if (found === undefined) continue
      if (token !== undefined && token !== found) return AMBIGUOUS
      token = found
    }
    if (cookies.length === 0 && params.length === 0) return token
    for (const found of [...this.#inCookies(request), ...this.#inQuery(request)]) {
      if (found === '') continue
      if (token !== undefined && token !== found) return AMBIGUOUS
      token = found
    }
    return token
  }

  /** Removes tokens, and nothing else: other schemes in `Authorization` and other cookies stay. */
  strip(request: FastifyRequest, state: RequestState): void {
    const { headers } = request.raw
    for (const name of this.#names.headers) {
      const value = headers[name]
      if (typeof value === 'string' && bearerToken(value) !== undefined) state.removeRequestHeader(request, name)
    }
    for (const name of this.#names.params) hideQueryCredential(request, state, name)
    if (this.#names.cookies.length === 0 || headers.cookie === undefined) return
    const kept = headers.cookie.split(';').filter((pair) => !this.#names.cookies.includes(cookieName(pair)))
    if (kept.length === 0) delete headers.cookie
    else headers.cookie = kept.join(';').trim()
  }

  #inCookies(request: FastifyRequest): string[] {
    const { cookie } = request.raw.headers
    if (this.#names.cookies.length === 0 || cookie === undefined) return []
    const found: string[] = []
    for (const pair of cookie.split(';')) {
      if (!this.#names.cookies.includes(cookieName(pair))) continue
      found.push(
        pair
          .slice(pair.indexOf('=') + 1)
          .trim()
          .replace(/^"(.*)"$/, '$1'),
      )
    }
    return found
  }

  #inQuery(request: FastifyRequest): string[] {
    return this.#names.params.flatMap((name) => queryValues(request, name))
  }
}

function cookieName(pair: string): string {
  const equals = pair.indexOf('=')
  return equals === -1 ? '' : pair.slice(0, equals).trim()
}

/**
 * The token of an `Authorization` value (RFC 6750, section 2.1; the scheme in any case) or a bare token, as KrakenD
 * takes it. Another scheme is somebody else's credential, not a wrong token.
 */
function bearerToken(value: string): string | undefined {
  const space = value.indexOf(' ')
  if (space === -1) return value.length === 6 && value.toLowerCase() === 'bearer' ? undefined : value
  if (space !== 6 || value.slice(0, 6).toLowerCase() !== 'bearer') return undefined
  let start = 7
  while (value[start] === ' ') start++
  return start === value.length ? undefined : value.slice(start)
}
