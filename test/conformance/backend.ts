/** The backend of the Core Rule Set's tests: 200 everywhere, and at /reflect the answer that the request asks for. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { reflect } from '../../packages/seclang/test/crs/ftw.ts'

/** Starts it on a free port. */
export async function startBackend(): Promise<{ port: number; close: () => void }> {
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { status, headers, body } = reflect(request.url ?? '/', Buffer.concat(chunks).toString('latin1'))
      const flat: [string, string][] = []
      for (let i = 0; i < headers.length; i += 2) flat.push([headers[i]!, headers[i + 1]!])
      const named = flat.filter(([name]) => !/^(?:content-length|transfer-encoding|connection)$/i.test(name))
      response.writeHead(status, [...named.flat(), 'Content-Length', String(body.length)])
      response.end(body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}
