import type { FastifyRequest } from 'fastify'
import { isRepeated } from './raw-headers.ts'
import type { RequestState } from './request-state.ts'

/** What {@link soleHeader} says of a header that came more than once. */
export const REPEATED: unique symbol = Symbol('repeated')

/**
 * A header that may be stated once only. Node keeps the first of several `Authorization` headers and drops the others
 * in silence, while an upstream may read the last: whoever checks a credential must know that there were two.
 *
 * @param name lower-case.
 * @returns its value, undefined when it is absent or empty, {@link REPEATED} when it came more than once.
 */
export function soleHeader(request: FastifyRequest, name: string): string | undefined | typeof REPEATED {
  const value = request.raw.headers[name]
  if (value === undefined || value === '') return undefined
  return typeof value === 'string' && !isRepeated(request.raw.rawHeaders, name) ? value : REPEATED
}

/**
 * Every value of a query parameter, read from the raw URL: names are compared decoded, so `api%6Bey` is `apikey`, and
 * no application's query parser can make two values one. Values that cannot be decoded are kept as they came.
 */
export function queryValues(request: FastifyRequest, name: string): string[] {
  const url = request.raw.url ?? ''
  const mark = url.indexOf('?')
  if (mark === -1) return []
  const values: string[] = []
  for (const pair of url.slice(mark + 1).split('&')) {
    const equals = pair.indexOf('=')
    const key = equals === -1 ? pair : pair.slice(0, equals)
    if (key !== name && decodeQuery(key) !== name) continue
    values.push(equals === -1 ? '' : decodeQuery(pair.slice(equals + 1)))
  }
  return values
}

function decodeQuery(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  if (!spaced.includes('%')) return spaced
  try {
    return decodeURIComponent(spaced)
  } catch {
    return spaced
  }
}

/** Keeps a credential in the query from the upstream and from the app's parsed query. */
export function hideQueryCredential(request: FastifyRequest, state: RequestState, name: string): void {
  state.hideQuery(name)
  const query = request.query as Record<string, unknown> | null | undefined
  if (typeof query === 'object' && query !== null) delete query[name]
}

/** Is this a CORS preflight? Browsers send those without credentials (Fetch, section 4.8). */
export function isPreflight(request: FastifyRequest): boolean {
  if (request.method !== 'OPTIONS') return false
  const { headers } = request.raw
  return headers.origin !== undefined && headers['access-control-request-method'] !== undefined
}

/**
 * Does a request need no credential because of its method? `runOnPreflight` undefined: preflights alone need none;
 * false: no `OPTIONS` request does (Kong's meaning); true: every request needs one.
 */
export function passesAsPreflight(request: FastifyRequest, runOnPreflight: boolean | undefined): boolean {
  if (request.method !== 'OPTIONS' || runOnPreflight === true) return false
  return runOnPreflight === false || isPreflight(request)
}

/** JSON Schema of the field `run_on_preflight` that goes with {@link passesAsPreflight}. */
export const runOnPreflightSchema: Readonly<Record<string, unknown>> = {
  type: 'boolean',
  description:
    'Not stated: CORS preflights (OPTIONS with Origin and Access-Control-Request-Method) need no credential. false: no OPTIONS request does. true: all do.',
}
