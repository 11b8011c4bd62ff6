import type { Server, Socket } from 'node:net'
import { HANDSHAKE_TIMEOUT } from './server-options.ts'

/** The first byte of every TLS record that opens a handshake (RFC 8446 section 5.1). */
const HANDSHAKE_RECORD = 22

const BODY = JSON.stringify({
  statusCode: 400,
  code: 'PORTCULLIS_HTTPS_EXPECTED',
  error: 'Bad Request',
  message: 'This port speaks HTTPS; the request was sent as plain HTTP',
})
const RESPONSE = `HTTP/1.1 400 Bad Request\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(BODY)}\r\nconnection: close\r\n\r\n${BODY}`

type Listener = (this: Server, socket: Socket) => void

/**
 * Tells clients that speak plain HTTP to a TLS port what is wrong, as nginx does. Node closes such a connection without
 * a word. The first bytes of every connection are looked at before the TLS server gets it.
 *
 * @returns a function that takes the guard away.
 */
export function answerPlainHttp(server: Server): () => void {
  const before = server.listeners('connection') as Listener[]
  server.removeAllListeners('connection')
  const guard: Listener = (socket) => {
    const cut = setTimeout(() => socket.destroy(), HANDSHAKE_TIMEOUT)
    const drop = (): void => void socket.destroy()
    socket.once('error', drop)
    socket.once('close', () => clearTimeout(cut))
    socket.once('readable', () => {
      clearTimeout(cut)
      const first = socket.read() as Buffer | null
      if (first === null) return
      if (first[0] === HANDSHAKE_RECORD || !looksLikeHttp(first)) {
        socket.removeListener('error', drop)
        socket.unshift(first)
        for (const listener of before) listener.call(server, socket)
      } else socket.end(RESPONSE)
    })
  }
  server.on('connection', guard as (socket: Socket) => void)
  return () => {
    server.removeListener('connection', guard as (socket: Socket) => void)
    for (const listener of before) server.on('connection', listener as (socket: Socket) => void)
  }
}

function looksLikeHttp(bytes: Buffer): boolean {
  return /^[A-Z]{3,8} /.test(bytes.toString('latin1', 0, 16))
}
