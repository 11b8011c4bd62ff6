import { Refusal, type RequestState } from '@portcullis/core'
import type { FastifyRequest } from 'fastify'

/** RFC 9110 section 7.6.1, and what clients and old proxies use in its place. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'http2-settings',
])

/** What only the gateway says: who the client is, and on which way the request came. */
const OWN = new Set(['host', 'content-length', 'forwarded', 'via', 'x-real-ip', 'x-client-ip', 'true-client-ip'])

/** Headers by which frameworks let a request become another one. They pass only when named, never by `*`. */
const OVERRIDES = new Set([
  'x-original-url',
  'x-rewrite-url',
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
])

/** Most gateways of one name that a request may pass: a loop ends here. */
const MAX_HOPS = 5

const LOOP_DETECTED = new Refusal(508, 'LOOP_DETECTED', 'The gateway is its own upstream')

/** Settings of {@link RequestHeaders}. */
export interface RequestHeaderOptions {
  /** Names that may pass, lower-case; `*` alone means all. */
  allowed: readonly string[]
  /** The pseudonym in `Via`. */
  via: string
  /** Send the client's `Host` instead of the upstream's. */
  preserveHost: boolean
}

/**
 * Builds the header block of an upstream request: what was allowed of the client's, what describes the body, and the
 * gateway's own words on the client and the way. Zero trust: what is not allowed does not pass.
 */
export class RequestHeaders {
  readonly #all: boolean
  readonly #names: readonly string[]
  readonly #named: ReadonlySet<string>
  readonly #options: RequestHeaderOptions

  constructor(options: RequestHeaderOptions) {
    const names = options.allowed.map((name) => name.toLowerCase())
    this.#all = names.includes('*')
    this.#named = new Set(names)
    this.#names = names.filter((name) => name !== '*' && isForwardable(name))
    this.#options = options
  }

  /** @returns the headers, lower-case; a refusal when the request has been here too often. */
  build(request: FastifyRequest, state: RequestState, hasBody: boolean): Record<string, string | string[]> | Refusal {
    const source = request.raw.headers
    const headers: Record<string, string | string[]> = {}
    const dropped = connectionNames(source.connection)
    if (this.#all) this.#copyAll(source, headers)
    else for (const name of this.#names) copy(source, headers, name)
    if (dropped !== undefined) for (const name of dropped) delete headers[name]
    if (hasBody) {
      copy(source, headers, 'content-type')
      copy(source, headers, 'content-encoding')
    }
    const hops = this.#describeWay(request, headers)
    if (hops > MAX_HOPS) return LOOP_DETECTED
    if (state.upstreamHeaders !== undefined) for (const [name, value] of state.upstreamHeaders) headers[name] = value
    return headers
  }

  #copyAll(source: FastifyRequest['raw']['headers'], headers: Record<string, string | string[]>): void {
    for (const name in source) {
      if (!isForwardable(name) || (OVERRIDES.has(name) && !this.#named.has(name))) continue
      copy(source, headers, name)
    }
  }

  /** X-Forwarded-* and Forwarded (RFC 7239) from what the gateway itself saw; Via (RFC 9110 section 7.6.3). */
  #describeWay(request: FastifyRequest, headers: Record<string, string | string[]>): number {
    const chain = request.ips
    const client = request.ip
    const host = request.host
    const proto = request.protocol
    headers['x-forwarded-for'] = chain === undefined || chain.length < 2 ? client : [...chain].reverse().join(', ')
    headers['x-forwarded-host'] = host
    headers['x-forwarded-proto'] = proto
    headers['x-real-ip'] = client
    headers.forwarded = `for=${forwardedNode(client)};host="${host.replace(/["\\]/g, '')}";proto=${proto}`
    if (this.#options.preserveHost) headers.host = host
    const before = request.raw.headers.via
    const own = `${request.raw.httpVersion} ${this.#options.via}`
    headers.via = before === undefined ? own : `${before}, ${own}`
    return before === undefined ? 0 : before.split(this.#options.via).length - 1
  }
}

function isForwardable(name: string): boolean {
  return !(HOP_BY_HOP.has(name) || OWN.has(name) || name.startsWith('x-forwarded-') || name.charCodeAt(0) === 58)
}

function copy(
  source: Record<string, string | string[] | undefined>,
  target: Record<string, string | string[]>,
  name: string,
): void {
  const value = source[name]
  if (value !== undefined) target[name] = value
}

/** The header names that a client declared to be for this hop only. */
function connectionNames(value: string | undefined): string[] | undefined {
  if (value === undefined || value === 'keep-alive' || value === 'close') return undefined
  return value.split(',').map((name) => name.trim().toLowerCase())
}

/** RFC 7239 section 6: a v6 address stands in brackets, quoted. */
function forwardedNode(address: string): string {
  return address.includes(':') ? `"[${address}]"` : address
}
