import type { Server as HttpServer } from 'node:http'
import type { Http2SecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { Server } from 'node:tls'
import type { KeyRing } from './key-ring.ts'
import { answerPlainHttp } from './plain-http.ts'
import { redirectServer } from './redirect.ts'
import type { Reloader } from './reload.ts'
import { guardSessions } from './session-guard.ts'

const EXTRAS = Symbol('portcullis.serverExtras')

/** A plain listener, and the ring of the newest app that wants it. */
interface Redirect {
  server: HttpServer
  ring: KeyRing
  users: number
}

/**
 * What stands at a TLS server beside its apps. Apps take turns behind one server when a gateway reloads: the next is
 * ready before the last has stopped, so each of these is there once, however many apps want it.
 */
export class ServerExtras {
  readonly #server: Server
  readonly #reloaders: Reloader[] = []
  readonly #redirects = new Map<number, Redirect>()
  #remove: (() => void)[] = []

  private constructor(server: Server) {
    this.#server = server
  }

  /** The extras of a server. */
  static of(server: Server): ServerExtras {
    const holder = server as Server & { [EXTRAS]?: ServerExtras }
    holder[EXTRAS] ??= new ServerExtras(server)
    return holder[EXTRAS]
  }

  /** An app begins: the first one sets up the answer to plain HTTP and the guard of HTTP/2 sessions, if there are any. */
  enter(reloader: Reloader): void {
    this.#reloaders.push(reloader)
    if (this.#reloaders.length > 1) return
    const sessions = this.#server as unknown as Http2SecureServer
    this.#remove = [answerPlainHttp(this.#server), guardSessions(sessions)]
  }

  /** Is it the newest app's? What an older one would set is no longer in force. */
  isNewest(reloader: Reloader): boolean {
    return this.#reloaders.at(-1) === reloader
  }

  /** An app has stopped. */
  leave(reloader: Reloader): void {
    const at = this.#reloaders.indexOf(reloader)
    if (at === -1) return
    this.#reloaders.splice(at, 1)
    if (this.#reloaders.length > 0) return
    for (const remove of this.#remove.splice(0)) remove()
  }

  /**
   * Listens on a plain port and redirects from there to the server.
   *
   * @returns a function that ends it, when nobody else wants it.
   * @throws the listener's error, such as EADDRINUSE.
   */
  async redirect(port: number, ring: KeyRing): Promise<() => void> {
    const known = this.#redirects.get(port)
    const redirect: Redirect = known ?? { server: this.#redirectServer(port, ring), ring, users: 0 }
    redirect.ring = ring
    redirect.users++
    this.#redirects.set(port, redirect)
    const end = (): void => {
      if (--redirect.users > 0) return
      this.#redirects.delete(port)
      redirect.server.closeAllConnections()
      redirect.server.close()
    }
    if (known !== undefined) return end
    try {
      await new Promise<void>((settle, reject) => redirect.server.once('error', reject).listen(port, () => settle()))
    } catch (error) {
      end()
      throw error
    }
    return end
  }

  #redirectServer(port: number, ring: KeyRing): HttpServer {
    return redirectServer({
      ring: () => this.#redirects.get(port)?.ring ?? ring,
      port: () => (this.#server.address() as AddressInfo | null)?.port ?? 443,
    })
  }
}
