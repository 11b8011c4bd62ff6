import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'
import type { StartContestant } from '../contestant.ts'

/** node:http and undici's dispatch with raw writes: the least that a proxy in JavaScript can cost. */
const start: StartContestant = (upstream) =>
  new Promise((resolve) => {
    const pool = new Pool(upstream, { connections: 128 })
    const server = http.createServer((request, response) => {
      const chunks: Buffer[] = []
      const { connection: _connection, host: _host, ...headers } = request.headers
      const body = request.method === 'POST' ? request : null
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
      pool.dispatch({ path: '/u', method: request.method as 'GET', headers, body }, handler as never)
    })
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })

export default start
