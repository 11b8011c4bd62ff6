import {
  defaultJsonLimits,
  inspectableBody,
  isUtf8Type,
  type JsonLimits,
  parseStrictJson,
  type RequestState,
} from '@portcullis/core'
import type { FastifyRequest } from 'fastify'
import type { Fault } from '../faults.ts'

/** One operation of a request, as the server will read it. */
export interface GraphqlRequest {
  query: string | undefined
  operationName: string | undefined
  variables: Readonly<Record<string, unknown>>
  /** `extensions.persistedQuery.sha256Hash`, or the id of a persisted document. */
  hash: string | undefined
}

/** What a request carries. */
export interface Payload {
  requests: readonly GraphqlRequest[]
  batch: boolean
  /** By GET or HEAD. */
  safe: boolean
  /** Every number in it is exact: two payloads of one value are one text. */
  exact: boolean
}

/** A payload, why there is none to take, or nothing: the request is no GraphQL request (OPTIONS). */
export type ReadPayload = { payload: Payload; fault?: undefined } | { fault: Fault; payload?: undefined } | undefined

const LIMITS: JsonLimits = { ...defaultJsonLimits, maxItems: 10_000 }
const MEMBERS: ReadonlySet<string> = new Set(['query', 'operationName', 'variables', 'extensions', 'documentId', 'id'])
const FOLDED: ReadonlySet<string> = new Set([...MEMBERS].map((name) => name.toLowerCase()))
const IN_URL: readonly string[] = ['query', 'operationName', 'variables', 'extensions', 'documentId']
/** Names under which servers take the id of a document: in a URL nobody checks what they mean. */
const IDS: readonly string[] = ['id', 'doc_id', 'docid', 'queryid', 'query_id', 'operationid', 'hash', 'sha256hash']
const AMBIGUOUS: ReadonlySet<string> = new Set([...FOLDED, ...IDS])

const invalid = (message: string): { fault: Fault } => ({ fault: { limit: 'request', message } })
const unsupported = (message: string): { fault: Fault } => ({ fault: { limit: 'content_type', message, status: 415 } })

/**
 * Reads a GraphQL request over HTTP: GET, POST with `application/json` (also a batch) or `application/graphql`. Whatever a
 * server could read otherwise is refused: other content types, encodings, repeated or differently spelt members.
 */
export function readPayload(request: FastifyRequest, state: RequestState): ReadPayload {
  const { method } = request
  if (/websocket/i.test(request.raw.headers.upgrade ?? '')) return invalid('WebSockets are not allowed here')
  const body = inspectableBody(request, state)
  if (body.obstacle === 'encoded') return unsupported('Encoded bodies are not allowed here')
  if (body.obstacle === 'bad-type') return unsupported('The content type is not allowed here')
  if (body.obstacle !== undefined) return invalid('The request is ambiguous')
  const inUrl = readUrl(request.raw.url ?? request.url)
  if (inUrl === undefined) return invalid('The URL is ambiguous')
  if (method === 'GET' || method === 'HEAD') {
    if (body.bytes !== undefined) return invalid('A GET has no body')
    return readGet(inUrl)
  }
  if (method === 'OPTIONS' && body.bytes === undefined) return undefined
  if (method !== 'POST') return invalid('The method is not allowed here')
  if (inUrl.size > 0) return invalid('The query stands in the body of a POST')
  if (body.bytes === undefined) return invalid('There is no query')
  const { media, bytes } = body
  if (media === undefined || !isUtf8Type(media)) return unsupported('The content type is not allowed here')
  if (media.essence === 'application/json') return readJson(bytes)
  if (media.essence !== 'application/graphql') return unsupported('The content type is not allowed here')
  const text = readText(bytes)
  if (text === undefined) return invalid('The body is not UTF-8')
  return one({ query: text, operationName: undefined, variables: {}, hash: undefined }, false, true)
}

/** What of GraphQL stands in the URL; undefined when a server could read it in two ways. */
function readUrl(url: string): Map<string, string> | undefined {
  const found = new Map<string, string>()
  const mark = url.indexOf('?')
  if (mark === -1) return found
  for (const part of url.slice(mark + 1).split('&')) {
    const equals = part.indexOf('=')
    const name = decode(equals === -1 ? part : part.slice(0, equals))
    const value = decode(equals === -1 ? '' : part.slice(equals + 1))
    if (name === undefined || value === undefined) return undefined
    if (IN_URL.includes(name)) {
      if (found.has(name)) return undefined
      found.set(name, value)
    } else if (AMBIGUOUS.has(name.split(/[[.]/, 1)[0]!.toLowerCase())) return undefined
  }
  return found
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

function readGet(inUrl: ReadonlyMap<string, string>): ReadPayload {
  const members: Record<string, unknown> = {}
  let exact = true
  for (const [name, text] of inUrl) {
    if (name !== 'variables' && name !== 'extensions') {
      members[name] = text
      continue
    }
    const read = text === '' ? { value: null, exact: true, fault: undefined } : parseStrictJson(text, LIMITS)
    if (read.fault !== undefined) return invalid(`"${name}" is not valid`)
    members[name] = read.value
    exact &&= read.exact
  }
  const request = readMembers(members)
  return 'limit' in request ? { fault: request } : one(request, true, exact)
}

function readJson(bytes: Buffer): ReadPayload {
  const read = parseStrictJson(bytes, LIMITS)
  if (read.fault !== undefined) return invalid('The body is not valid JSON')
  const { value, exact } = read
  if (!Array.isArray(value)) {
    const request = readMembers(value)
    return 'limit' in request ? { fault: request } : one(request, false, exact)
  }
  const requests: GraphqlRequest[] = []
  for (const part of value) {
    const request = readMembers(part)
    if ('limit' in request) return { fault: request }
    requests.push(request)
  }
  return requests.length === 0
    ? invalid('The batch is empty')
    : { payload: { requests, batch: true, safe: false, exact } }
}

function one(request: GraphqlRequest, safe: boolean, exact: boolean): ReadPayload {
  return { payload: { requests: [request], batch: false, safe, exact } }
}

/** The members of one operation; what is none of them could be one to a server that is less strict. */
function readMembers(value: unknown): GraphqlRequest | Fault {
  if (!isObject(value)) return invalid('An operation is an object').fault
  for (const name of Object.keys(value)) {
    if (!MEMBERS.has(name)) return invalid('An operation has an unknown member').fault
  }
  const { query, operationName, variables, extensions, documentId, id } = value
  if (!isTextOrNull(query) || !isTextOrNull(operationName))
    return invalid('"query" and "operationName" are texts').fault
  if (variables !== undefined && variables !== null && !isObject(variables))
    return invalid('"variables" is an object').fault
  if (extensions !== undefined && extensions !== null && !isObject(extensions))
    return invalid('"extensions" is an object').fault
  const hashes = [hashOf(extensions), documentId ?? undefined, id ?? undefined].filter((each) => each !== undefined)
  if (hashes.length > 1 || hashes.some((hash) => typeof hash !== 'string'))
    return invalid('The persisted query is ambiguous').fault
  return {
    query: query ?? undefined,
    operationName: operationName ?? undefined,
    variables: (variables as Record<string, unknown> | null | undefined) ?? {},
    hash: hashes[0] as string | undefined,
  }
}

function hashOf(extensions: unknown): unknown {
  const persisted = isObject(extensions) ? extensions.persistedQuery : undefined
  if (persisted === undefined || persisted === null) return undefined
  return isObject(persisted) ? (persisted.sha256Hash ?? 0) : 0
}

function isTextOrNull(value: unknown): value is string | null | undefined {
  return value === undefined || value === null || typeof value === 'string'
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function readText(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
