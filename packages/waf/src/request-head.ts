import { canonicalAddress, type RequestState } from '@portcullis/core'
import type { Connection, Transaction } from '@portcullis/seclang'
import type { FastifyRequest } from 'fastify'

/** The addresses of a request; what rules rarely ask for is looked up when they do. */
export class RequestConnection implements Connection {
  readonly #request: FastifyRequest
  readonly remoteUser?: string
  #clientIp: string | undefined

  constructor(request: FastifyRequest, state: RequestState) {
    this.#request = request
    const user = state.identity?.subject
    if (user !== undefined) this.remoteUser = user
  }

  get clientIp(): string {
    this.#clientIp ??= canonicalAddress(this.#request.ip)
    return this.#clientIp
  }

  get clientPort(): number {
    return this.#request.raw.socket.remotePort ?? 0
  }

  get serverIp(): string {
    return canonicalAddress(this.#request.raw.socket.localAddress ?? '')
  }

  get serverPort(): number {
    return this.#request.raw.socket.localPort ?? 0
  }

  get uniqueId(): string {
    return this.#request.id
  }

  /** ENV holds the variables of the process. */
  get environment(): Readonly<Record<string, string>> {
    return process.env as Record<string, string>
  }
}

/** Hands the request line and the headers to the rules, as they came over the wire. */
export function feedHead(tx: Transaction, request: FastifyRequest): void {
  const { raw } = request
  const headers = raw.httpVersionMajor < 2 ? raw.rawHeaders : plainHeaders(raw.rawHeaders)
  feed(tx, { method: raw.method ?? '', target: raw.url ?? '', version: raw.httpVersion, headers })
}

/** The head of a request; header names and values in turn. */
export interface RequestHead {
  method: string
  target: string
  version: string
  headers: readonly string[]
}

/** Hands a head to the rules. */
export function feed(tx: Transaction, { method, target, version, headers }: RequestHead): void {
  tx.requestLine(method, target, version)
  if (tx.query.includes('+')) tx.uri = withSpaces(tx)
  tx.requestHeaders(headers)
}

/**
 * In REQUEST_URI `%20` is decoded but the `+` of a query is not: a rule written by hand that looks there for blanks
 * would miss half of what browsers send.
 */
function withSpaces({ query, path }: Transaction): string {
  return `${percentDecoded(path)}?${percentDecoded(query.replaceAll('+', ' '))}`
}

function percentDecoded(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** HTTP/2 has the request line in pseudo headers (RFC 9113 section 8.3.1); the host is one of them. */
function plainHeaders(rawHeaders: readonly string[]): string[] {
  const headers: string[] = []
  let authority: string | undefined
  let hasHost = false
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name === ':authority') authority = rawHeaders[i + 1]!
    if (name.startsWith(':')) continue
    if (name === 'host') hasHost = true
    headers.push(name, rawHeaders[i + 1]!)
  }
  if (authority !== undefined && !hasHost) headers.unshift('host', authority)
  return headers
}
