import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ParserRefusal } from '../component.ts'
import { RequestState } from '../request-state.ts'
import { type Engine, enginesOf } from './engine.ts'

/**
 * Fastify's `frameworkErrors`: the router's refusals (400 bad URL, 414 long parameter) run no hook, so the response
 * steps and the audit log are run from here.
 */
export function handleFrameworkError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const status = error.statusCode ?? 400
  const engines = enginesOf(request.server)
  const first = engines[0]
  const code = status === 414 ? 'URL_TOO_LONG' : 'URL_INVALID'
  const message = status === 414 ? 'The URL is too long' : 'The URL is not valid'
  const body = JSON.stringify({ statusCode: status, code: `PORTCULLIS_${code}`, error: STATUS_CODES[status], message })
  reply.code(status).header('content-type', 'application/json; charset=utf-8')
  if (first !== undefined) {
    const state = new RequestState(first.servicePlan)
    state.refused = true
    state.record({ component: 'router', code, mode: 'enforce', status, message })
    request.portcullis = state
    for (const engine of engines) engine.finishWithoutHooks(request, reply, body, state)
  }
  reply.send(body)
}

/**
 * Fastify's `clientErrorHandler`: what the HTTP parser refuses never becomes a request. The answer carries the same
 * security headers as any other; nothing of the request is echoed.
 */
export function handleClientError(this: FastifyInstance, error: ParserError, socket: Socket): void {
  // A response is on its way already (to an earlier request of a pipeline): bytes of ours would become part of it.
  const responding = (socket as Socket & { _httpMessage?: ServerResponse })._httpMessage?.headersSent === true
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable || responding) {
    socket.destroy(error)
    return
  }
  const { status, code, message } = parserRefusal(error)
  const engines = enginesOf(this)
  const headers: Record<string, string> = {}
  for (const engine of engines) Object.assign(headers, engine.rawHeaders)
  observe(engines, {
    status,
    code: error.code ?? code,
    remoteAddress: socket.remoteAddress,
    remotePort: socket.remotePort,
    tls: 'encrypted' in socket,
    decisions: [],
    ...(error.rawPacket === undefined ? undefined : { packet: error.rawPacket }),
  })
  const body = JSON.stringify({ statusCode: status, code: `PORTCULLIS_${code}`, error: STATUS_CODES[status], message })
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}content-type: application/json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
  setTimeout(() => socket.destroy(), 1000).unref()
}

/** Who writes the record is told when all who judge have done so, whatever engines they belong to. */
function observe(engines: readonly Engine[], refusal: ParserRefusal): void {
  const pending = engines.flatMap((engine) => engine.judgeParserRefusal(refusal))
  const tell = (): void => {
    for (const engine of engines) engine.tellParserRefusal(refusal)
  }
  if (pending.length === 0) tell()
  else void Promise.all(pending).then(tell)
}

/** What Node tells of a request that its parser refused. */
type ParserError = Error & { code?: string; rawPacket?: Buffer; bytesParsed?: number }

function parserRefusal(error: ParserError): { status: number; code: string; message: string } {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { status: 408, code: 'TIMEOUT', message: 'The request took too long to arrive' }
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return inRequestLine(error)
      ? { status: 414, code: 'URL_TOO_LONG', message: 'The URL is too long' }
      : { status: 431, code: 'HEADERS_TOO_LARGE', message: 'The request headers are too large' }
  }
  return { status: 400, code: 'REQUEST_MALFORMED', message: 'The request is malformed' }
}

/** The parser has one limit for the request line and the headers: was it reached before the line's end? */
function inRequestLine({ rawPacket, bytesParsed }: ParserError): boolean {
  if (rawPacket === undefined || !/^[A-Z]+ [/*h]/.test(rawPacket.toString('latin1', 0, 24))) return false
  const end = rawPacket.indexOf(10)
  return end === -1 || (bytesParsed !== undefined && bytesParsed <= end)
}
