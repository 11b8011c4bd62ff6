import type { Socket } from 'node:net'

/** Bytes of one request and its response as they went over the connection. */
export interface WireBytes {
  read: number
  written: number
}

const SEEN = Symbol('portcullis.audit.bytes')

interface Counted {
  [SEEN]?: WireBytes
}

/**
 * Bytes of an HTTP/1 connection since it was asked last, which are those of one request: such a connection serves one
 * at a time. (A pipeline's requests share what was read.) Undefined for requests that were injected.
 */
export function wireBytes(socket: Socket | undefined): WireBytes | undefined {
  if (socket === undefined || typeof socket.bytesRead !== 'number') return undefined
  const counted = socket as Counted
  const read = socket.bytesRead
  const written = socket.bytesWritten ?? 0
  const before = counted[SEEN]
  if (before === undefined) {
    counted[SEEN] = { read, written }
    return { read, written }
  }
  const bytes = { read: read - before.read, written: written - before.written }
  before.read = read
  before.written = written
  return bytes
}
