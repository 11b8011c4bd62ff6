import { createHash } from 'node:crypto'
import { inspectableBody, type RequestState } from '@portcullis/core'
import type { FastifyRequest } from 'fastify'
import { OperationTypeNode, stripIgnoredCharacters } from 'graphql'
import { BoundedMap } from '../bounded-map.ts'
import { readDocument, selectOperation } from '../document/read.ts'
import { FaultError } from '../faults.ts'
import { readPayload } from '../request/payload.ts'

/** What keeps responses apart. */
export interface KeyOptions {
  /** Lower-case. */
  varyHeaders: readonly string[]
  varyIdentity: boolean
}

/** Headers in which clients say who they are, where no component found out. */
const CREDENTIALS = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'x-api-key',
  'api-key',
  'x-auth-token',
  'x-access-token',
] as const
/** Headers by which one URL has several representations, always part of the key. */
const NEGOTIATION = ['accept', 'accept-language', 'accept-encoding', 'origin'] as const
const IN_URL = /^(?:query|operationName|variables|extensions)$/
/** Claims that change with every token of one user. */
const FLEETING: ReadonlySet<string> = new Set(['exp', 'iat', 'nbf', 'jti'])
/** Headers that the gateway sets anew for every request: they say nothing of who asks. */
const OF_THE_REQUEST =
  /^(?:x-request-id|x-correlation-id|traceparent|tracestate|b3|x-b3-.*|via|forwarded|x-forwarded-.*|x-real-ip)$/
const LIMITS = { maxSize: 100_000, maxTokens: 10_000 }

/** The request headers that a stored response may vary on. */
export function knownVariations({ varyHeaders, varyIdentity }: KeyOptions): ReadonlySet<string> {
  return new Set([...NEGOTIATION, 'host', ...varyHeaders, ...(varyIdentity ? CREDENTIALS : [])])
}

/**
 * The key of a request's response: a hash over everything that the response may depend on. Undefined when it must not be
 * cached: a mutation, a batch, a document by hash, a number that two texts share.
 */
export function cacheKey(
  request: FastifyRequest,
  state: RequestState,
  options: KeyOptions,
  memory: DocumentMemory,
): string | undefined {
  const operation = operationText(request, state, memory)
  if (operation === undefined) return undefined
  const { headers } = request.raw
  const parts: unknown[] = [
    request.routeOptions.url ?? null,
    headers.host ?? headers[':authority'] ?? null,
    targetOf(request),
    operation,
  ]
  for (const name of [...NEGOTIATION, ...options.varyHeaders]) parts.push(name, headers[name] ?? null)
  if (options.varyIdentity) {
    const injected = [...(state.upstreamHeaders ?? [])].filter(([name]) => !OF_THE_REQUEST.test(name))
    parts.push(identities(state), injected.sort(byName))
    for (const name of CREDENTIALS) parts.push(headers[name] ?? null)
    parts.push([...(state.hiddenQuery ?? [])])
  }
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
}

/** Document without what has no meaning, name and variables, in one text. */
function operationText(request: FastifyRequest, state: RequestState, memory: DocumentMemory): string | undefined {
  const read = readPayload(request, state)
  if (read?.payload === undefined) return undefined
  const { requests, batch, exact } = read.payload
  const [only] = requests
  if (batch || !exact || only?.query === undefined || only.hash !== undefined) return undefined
  const plain = memory.plainQuery(only.query, only.operationName)
  if (plain === undefined) return undefined
  return JSON.stringify([plain, only.operationName ?? null, sorted(only.variables), extensionsOf(request, state)])
}

/** Remembers what documents mean: clients send the same ones again and again. */
export class DocumentMemory {
  readonly #plain = new BoundedMap<string | false>(1000, 1_000_000)

  /** A document without what has no meaning; undefined when it does not execute a query. */
  plainQuery(query: string, name: string | undefined): string | undefined {
    if (query.length > LIMITS.maxSize) return undefined
    const key = `${name ?? ''} ${query}`
    let plain = this.#plain.get(key)
    if (plain === undefined) {
      plain = isQuery(query, name) && stripIgnoredCharacters(query)
      this.#plain.set(key, plain, 2 * key.length)
    }
    return plain === false ? undefined : plain
  }
}

function isQuery(query: string, name: string | undefined): boolean {
  try {
    return selectOperation(readDocument(query, LIMITS), name).operation === OperationTypeNode.QUERY
  } catch (error) {
    if (error instanceof FaultError || error instanceof RangeError) return false
    throw error
  }
}

/** `extensions` may change what a server does; they are part of the key as they are. */
function extensionsOf(request: FastifyRequest, state: RequestState): string | null {
  const body = inspectableBody(request, state)
  if (body.obstacle !== undefined || body.bytes === undefined || body.media?.essence !== 'application/json') {
    return new URLSearchParams(queryText(request)).get('extensions')
  }
  const { extensions } = JSON.parse(body.bytes.toString('utf8')) as { extensions?: unknown }
  return extensions === undefined ? null : JSON.stringify(sorted(extensions))
}

/** Path and query, without what the operation's text holds already. */
function targetOf(request: FastifyRequest): string {
  const url = request.raw.url ?? request.url
  const rest = queryText(request)
    .split('&')
    .filter((part) => !IN_URL.test(part.split('=', 1)[0]!))
  return `${url.split('?', 1)[0]}?${rest.join('&')}`
}

function queryText(request: FastifyRequest): string {
  const url = request.raw.url ?? request.url
  const mark = url.indexOf('?')
  return mark === -1 ? '' : url.slice(mark + 1)
}

function identities(state: RequestState): unknown {
  return (state.identities ?? []).map(({ kind, subject, keyId, roles, claims }) => [
    kind,
    subject ?? null,
    keyId ?? null,
    roles ?? null,
    sorted(Object.fromEntries(Object.entries(claims ?? {}).filter(([name]) => !FLEETING.has(name)))),
  ])
}

/** The same value with its members in one order. The reader bounded its depth. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(byName)
      .map(([name, inner]) => [name, sorted(inner)]),
  )
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0
}
