import type { IncomingMessage, Server, ServerResponse } from 'node:http'

/**
 * Says `100 Continue` when the body is first read, not before: a refusal by its head (413, 401, …) then comes instead
 * of the invitation to send. Node's own default invites every client.
 *
 * An app that listens for `checkContinue` itself is left alone.
 */
export function continueWhenRead(server: Server): void {
  if (server.listenerCount('checkContinue') > 0) return
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    const read = request._read
    request._read = (size) => {
      request._read = read
      if (!response.headersSent && !response.writableEnded) response.writeContinue()
      read.call(request, size)
    }
    server.emit('request', request, response)
  })
}
