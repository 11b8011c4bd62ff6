import type { Http2SecureServer, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import { constants } from 'node:http2'

/** Streams that a client may reset within {@link WINDOW} before its session ends. */
const MOST_RESETS = 200
const WINDOW = 10_000

/**
 * Ends HTTP/2 sessions of clients that open streams only to reset them (CVE-2023-44487 and its kin): each costs the
 * server a request and the client a frame.
 *
 * @returns a function that takes the guard away from sessions to come.
 */
export function guardSessions(server: Http2SecureServer): () => void {
  const guard = (session: ServerHttp2Session): void => {
    let resets = 0
    let windowEnds = 0
    session.on('stream', (stream: ServerHttp2Stream) => {
      stream.once('close', () => {
        if (stream.rstCode === constants.NGHTTP2_NO_ERROR) return
        const now = performance.now()
        if (now > windowEnds) {
          windowEnds = now + WINDOW
          resets = 0
        }
        if (++resets === MOST_RESETS && !session.destroyed)
          session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM)
      })
    })
  }
  server.on('session', guard)
  return () => void server.removeListener('session', guard)
}
