import { type ClaimReader, claimReader, Refusal, type RequestState } from '@portcullis/core'
import type { FastifyRequest } from 'fastify'

/** A piece of a path: text as it is, a parameter of the endpoint, a claim of the token, or the rest of a prefix. */
type Part = { text: string } | { param: string } | { claim: ClaimReader } | { rest: true }

/** A compiled `url_pattern`. */
export interface UrlPattern {
  /** The path and own query for a request, or why there is none. */
  build: (request: FastifyRequest, state: RequestState, rest: string) => string | Refusal
  /** Names of `{params}` that the endpoint must have. */
  params: readonly string[]
  /** Does it read `{JWT.claim}`? */
  usesClaims: boolean
  /** Does it end in `*`? */
  hasRest: boolean
  /** Names in its own query: a client cannot add to them. */
  ownQuery: ReadonlySet<string>
}

const CLAIM_MISSING = new Refusal(403, 'CLAIM_MISSING', 'The token lacks a claim that this route needs')
const PARAM_INVALID = new Refusal(400, 'PATH_INVALID', 'The path is not allowed')

/**
 * Compiles a backend's `url_pattern`: `/u/{id}?fixed=1`, `/users/{JWT.sub}`, `/u/*`. Values are encoded as one
 * segment (RFC 3986 section 3.3), so that no value can add a segment, a query or a fragment.
 */
export function compileUrlPattern(pattern: string): UrlPattern {
  const parts = split(pattern)
  const params = parts.flatMap((part) => ('param' in part ? [part.param] : []))
  const fixed = parts.length === 1 && 'text' in parts[0]! ? parts[0].text : undefined
  return {
    params,
    usesClaims: parts.some((part) => 'claim' in part),
    hasRest: parts.some((part) => 'rest' in part),
    ownQuery: queryNames(pattern),
    build: fixed !== undefined ? () => fixed : (request, state, rest) => join(parts, request, state, rest),
  }
}

function split(pattern: string): Part[] {
  const parts: Part[] = []
  let last = 0
  for (const match of pattern.matchAll(/\{([^{}]+)\}|\*/g)) {
    if (match.index > last) parts.push({ text: pattern.slice(last, match.index) })
    const name = match[1]
    if (name === undefined) parts.push({ rest: true })
    else if (name.startsWith('JWT.')) parts.push({ claim: claimReader(name.slice(4)) })
    else parts.push({ param: name })
    last = match.index + match[0].length
  }
  if (last < pattern.length || parts.length === 0) parts.push({ text: pattern.slice(last) })
  return parts
}

function join(parts: readonly Part[], request: FastifyRequest, state: RequestState, rest: string): string | Refusal {
  let path = ''
  for (const part of parts) {
    if ('text' in part) path += part.text
    else if ('rest' in part) path += rest
    else {
      const value =
        'param' in part ? (request.params as Record<string, string>)[part.param] : claimOf(state, part.claim)
      if (value === undefined || value === '') return 'param' in part ? PARAM_INVALID : CLAIM_MISSING
      if (value === '.' || value === '..') return PARAM_INVALID
      path += encodeSegment(value)
    }
  }
  return path
}

/** `encodeURIComponent` throws on lone surrogates, which a decoded path cannot hold but a claim can. */
function encodeSegment(value: string): string {
  return encodeURIComponent(value.replace(/\p{Surrogate}/gu, '\ufffd'))
}

function claimOf(state: RequestState, read: ClaimReader): string | undefined {
  const value = read(state.identities?.find((identity) => identity.claims !== undefined)?.claims)
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined
}

function queryNames(pattern: string): Set<string> {
  const mark = pattern.indexOf('?')
  if (mark === -1) return new Set()
  return new Set(
    pattern
      .slice(mark + 1)
      .split('&')
      .map((pair) => pair.split('=', 1)[0]!),
  )
}
