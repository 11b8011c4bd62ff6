import type { TLSSocket } from 'node:tls'
import type { Decision, ParserRefusal, RequestState } from '@portcullis/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Connection, clientText, connectionOf } from './connection.ts'
import { type WireBytes, wireBytes } from './wire.ts'

/** How a request ended: `error` is a 5xx that no component decided, `aborted` a client that went away. */
export type Outcome = 'ok' | 'refused' | 'error' | 'aborted'

/** What the proxy tells of the upstream, as a fact of the request. */
interface UpstreamFact {
  origin?: string
  status?: number
  attempts?: number
  /** Milliseconds of the last try. */
  duration?: number
  failure?: string
}

/** Everything that one line may tell, gathered once when the request is over. */
export interface Entry {
  /** When it began, milliseconds since 1970. */
  time: number
  outcome: Outcome
  /** Undefined for what never became a request. */
  request: FastifyRequest | undefined
  reply: FastifyReply | undefined
  state: RequestState | undefined
  /** The client's address as everybody sees it, and that of the connection. */
  ip: string | undefined
  peer: string | undefined
  method: string | undefined
  /** Undefined where no route matched. */
  route: string | undefined
  /** Where the endpoint of the route stands in the gateway's configuration. */
  endpoint: string | undefined
  path: string | undefined
  /** Without the question mark; undefined when there is none. */
  query: string | undefined
  status: number | undefined
  /** Bytes of the bodies, where they are known. */
  requestSize: number | undefined
  responseSize: number | undefined
  /** Bytes that came and went with heads and framing (HTTP/1): true also of streams and of what was cut off. */
  bytes: WireBytes | undefined
  /** Milliseconds. */
  total: number
  upstream: UpstreamFact | undefined
  decision: Decision | undefined
  decisions: readonly Decision[]
  /** What is the same for all requests of the connection. */
  connection: Connection
}

/**
 * Gathers what is known of a request that is over.
 *
 * @param behindProxy may the client's address be another than the connection's? Otherwise it is not asked for.
 */
export function entryOf(
  request: FastifyRequest,
  reply: FastifyReply | undefined,
  state: RequestState,
  aborted: boolean,
  behindProxy: boolean,
): Entry {
  const { raw } = request
  const url = raw.url ?? ''
  const mark = url.indexOf('?')
  const { socket } = raw
  const connection = connectionOf(socket)
  const { decisions } = state
  // The getter makes an object: it is read once.
  const { routeOptions } = request
  const decision = decisions.length === 0 ? undefined : deciding(decisions)
  const status = reply === undefined || (aborted && !reply.raw.headersSent) ? undefined : reply.statusCode
  const total = reply === undefined ? 0 : reply.elapsedTime
  return {
    time: Date.now() - total,
    outcome: aborted ? 'aborted' : outcomeOf(decision, status),
    request,
    reply,
    state,
    ip: behindProxy ? request.ip : connection.peer,
    peer: connection.peer,
    method: request.method,
    route: routeOptions.url,
    endpoint: routeOptions.config.portcullisEndpoint?.place,
    path: mark === -1 ? url : url.slice(0, mark),
    query: mark === -1 ? undefined : url.slice(mark + 1),
    status,
    requestSize: requestSize(request, state),
    responseSize: reply === undefined ? undefined : responseSize(reply, aborted),
    bytes: raw.httpVersionMajor === 1 ? wireBytes(socket) : undefined,
    total,
    upstream: state.facts?.['upstream'] as UpstreamFact | undefined,
    decision,
    decisions,
    connection,
  }
}

/** What the HTTP parser refused: there is an address, a status and a code, and what components made of the bytes. */
export function parserEntry(refusal: ParserRefusal): Entry {
  const entry = bareEntry(refusal.remoteAddress, refusal.remotePort, refusal.status, 'parser', refusal.code)
  return { ...entry, decisions: [...entry.decisions, ...(refusal.decisions ?? [])] }
}

/** A TLS handshake that failed: there is an address and OpenSSL's code. */
export function handshakeEntry(code: string, socket: TLSSocket): Entry {
  return bareEntry(socket.remoteAddress, socket.remotePort, undefined, 'tls', code)
}

function bareEntry(
  ip: string | undefined,
  port: number | undefined,
  status: number | undefined,
  component: string,
  code: string,
): Entry {
  const decision: Decision = { component, code, mode: 'enforce', ...(status === undefined ? undefined : { status }) }
  return {
    time: Date.now(),
    outcome: 'refused',
    request: undefined,
    reply: undefined,
    state: undefined,
    ip,
    peer: ip,
    method: undefined,
    route: undefined,
    endpoint: undefined,
    path: undefined,
    query: undefined,
    status,
    requestSize: undefined,
    responseSize: undefined,
    bytes: undefined,
    total: 0,
    upstream: undefined,
    decision,
    decisions: [decision],
    connection: {
      ...connectionOf(undefined),
      peer: ip,
      port,
      clientText: ip === undefined ? '"client":{}' : clientText(ip, ip, port),
    },
  }
}

/** The decision that made the response; without one, the last that would have. */
function deciding(decisions: readonly Decision[]): Decision | undefined {
  let monitored: Decision | undefined
  for (let i = decisions.length - 1; i >= 0; i--) {
    const decision = decisions[i]!
    if (decision.mode === 'enforce') return decision
    if (decision.mode === 'monitor') monitored ??= decision
  }
  return monitored
}

function outcomeOf(decision: Decision | undefined, status: number | undefined): Outcome {
  if (decision?.mode === 'enforce') return 'refused'
  return status !== undefined && status >= 500 ? 'error' : 'ok'
}

function requestSize(request: FastifyRequest, state: RequestState): number | undefined {
  const declared = request.raw.headers['content-length']
  if (declared !== undefined) return Number(declared)
  if (request.raw.headers['transfer-encoding'] === undefined) return 0
  return state.rawBody?.length
}

/** Of a response that was cut off, nothing but what left is true; a stream's length is not known before. */
function responseSize(reply: FastifyReply, aborted: boolean): number | undefined {
  if (aborted) return undefined
  const declared = reply.getHeader('content-length')
  return declared === undefined ? undefined : Number(declared)
}

/** Milliseconds that the gateway took itself. */
export function gatewayTime(entry: Entry): number {
  return entry.upstream?.duration === undefined ? entry.total : Math.max(0, entry.total - entry.upstream.duration)
}
