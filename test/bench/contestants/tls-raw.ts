import { readFileSync } from 'node:fs'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'
import { makeCertificate } from '../certificate.ts'
import type { StartContestant } from '../contestant.ts'

/** node:https and undici's dispatch with raw writes, TLS 1.3 on kept connections. */
const start: StartContestant = (upstream) =>
  new Promise((resolve) => {
    const pair = makeCertificate()
    const pool = new Pool(upstream, { connections: 128 })
    const server = https.createServer(
      { cert: readFileSync(pair.public_key), key: readFileSync(pair.private_key) },
      (request, response) => {
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
        pool.dispatch({ path: '/u', method: request.method as 'GET', headers }, handler as never)
      },
    )
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })

export default start
