import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { networkKey } from '@portcullis/core'

/** Counts the open connections of each client, and ends those beyond the limit. */
export class ConnectionCounter {
  /** Connections ended so far. */
  refused = 0
  readonly #max: number
  readonly #isExempt: (socket: Socket) => boolean
  readonly #open = new Map<string, number>()

  /** @param isExempt connections that are not counted: a proxy speaks for many clients. */
  constructor(max: number, isExempt: (socket: Socket) => boolean) {
    this.#max = max
    this.#isExempt = isExempt
  }

  /** Watches a server's connections. TLS clients are counted before the handshake. */
  watch(server: Server): void {
    server.on('connection', (socket) => this.admit(socket))
  }

  /** Counts a new connection until it closes, or ends it. IPv6 clients are counted by their /64. */
  admit(socket: Socket): void {
    const { remoteAddress } = socket
    if (remoteAddress === undefined || this.#isExempt(socket)) return
    const key = networkKey(remoteAddress)
    const open = this.#open.get(key) ?? 0
    if (open >= this.#max) {
      this.refused++
      socket.destroy()
      return
    }
    this.#open.set(key, open + 1)
    socket.once('close', () => this.#release(key))
  }

  #release(key: string): void {
    const open = this.#open.get(key) ?? 0
    if (open <= 1) this.#open.delete(key)
    else this.#open.set(key, open - 1)
  }
}

/** A session of an HTTP/2 server, as far as it matters here. */
interface Session {
  on: (event: 'stream', listener: () => void) => unknown
  close: () => void
}

/**
 * Ends connections in order after so many requests: HTTP/1 with `Connection: close` and a close (Node's own
 * `maxRequestsPerSocket` leaves closing to the client), HTTP/2 with GOAWAY while open streams go on.
 */
export function limitRequests(server: Server, max: number): void {
  const counts = new WeakMap<Socket, number>()
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    if (request.httpVersionMajor > 1) return
    const count = (counts.get(request.socket) ?? 0) + 1
    counts.set(request.socket, count)
    if (count >= max) response.shouldKeepAlive = false
  })
  server.on('session', (session: Session) => {
    let streams = 0
    session.on('stream', () => {
      if (++streams === max) session.close()
    })
  })
}
