import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Pool } from 'undici'

/** Passes one request on with undici's dispatch and writes the answer raw: the least that a proxy can do. */
export function relay(pool: Pool, request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  const { connection: _connection, host: _host, ...headers } = request.headers
  const handler = {
    onConnect: () => undefined,
    onHeaders(status: number, raw: Buffer[]) {
      response.writeHead(
        status,
        raw.map((part) => part.toString('latin1')),
      )
      return true
    },
    onData: (chunk: Buffer) => chunks.push(chunk) > 0,
    onComplete: () => response.end(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)),
    onError: (error: Error) => response.destroy(error),
  }
  const body = request.method === 'POST' ? request : null
  pool.dispatch({ path: '/u', method: request.method as 'GET', headers, body }, handler as never)
}
