import http2 from 'node:http2'
import https from 'node:https'
import type { TLSSocket } from 'node:tls'

/** What clients saw. */
export interface Outcome {
  requests: number
  /** Those that failed, by reason. */
  failures: Record<string, number>
  /** Requests by HTTP version. */
  versions: Record<string, number>
  /** How many different certificates were shown. */
  certificates: number
}

/** Clients that send requests one after the other, each on connections of its own, until they are told to stop. */
export class Load {
  readonly outcome: Outcome = { requests: 0, failures: {}, versions: { '1.1': 0, '2': 0 }, certificates: 0 }
  readonly #url: string
  readonly #ca: string
  readonly #certificates = new Set<string>()
  #running: Promise<void>[] = []
  #stopped = false

  constructor(url: string, ca: string) {
    this.#url = url
    this.#ca = ca
  }

  /** Half of the clients speak HTTP/1.1 with a new connection each time, half HTTP/2 with ten requests on one. */
  start(clients: number): void {
    this.#running = Array.from({ length: clients }, async (_, i) => {
      while (!this.#stopped) await (i % 2 === 0 ? this.#http1() : this.#http2(10))
    })
  }

  async stop(): Promise<Outcome> {
    this.#stopped = true
    await Promise.all(this.#running)
    this.outcome.certificates = this.#certificates.size
    return this.outcome
  }

  async #http1(): Promise<void> {
    const result = await new Promise<Result>((settle) => {
      const request = https.get(this.#url, { ca: this.#ca, agent: false }, (response) => {
        this.#saw(response.socket as TLSSocket)
        response.once('error', settle).once('end', () => settle(response.statusCode!))
        response.resume()
      })
      request.once('error', settle)
    })
    this.#count('1.1', result)
  }

  async #http2(requests: number): Promise<void> {
    const session = http2.connect(this.#url, { ca: this.#ca })
    session.once('error', () => undefined)
    session.once('connect', () => this.#saw(session.socket as TLSSocket))
    for (let i = 0; i < requests; i++) this.#count('2', await ask(session, new URL(this.#url).pathname))
    session.close()
  }

  #saw(socket: TLSSocket): void {
    const { fingerprint256 } = socket.getPeerCertificate()
    if (fingerprint256 !== undefined) this.#certificates.add(fingerprint256)
  }

  #count(version: string, result: Result): void {
    this.outcome.requests++
    this.outcome.versions[version]!++
    if (result === 200) return
    const reason = String(result)
    this.outcome.failures[reason] = (this.outcome.failures[reason] ?? 0) + 1
  }
}

/** A status, or why there is none. */
type Result = number | Error

function ask(session: http2.ClientHttp2Session, path: string): Promise<Result> {
  if (session.closed || session.destroyed) return Promise.resolve(new Error('the session has ended'))
  return new Promise((settle) => {
    let status = 0
    const stream = session.request({ ':path': path })
    stream.once('response', (headers) => {
      status = Number(headers[':status'])
    })
    stream.once('error', settle).once('end', () => settle(status))
    stream.resume()
  })
}
