import { createServer, type Server } from 'node:http'
import type { KeyRing } from './key-ring.ts'

/** Where a plain listener sends its clients. */
export interface RedirectOptions {
  ring: () => KeyRing
  /** Port of the HTTPS server; 443 is left out of the target. */
  port: () => number
}

/**
 * A plain listener that redirects to HTTPS. Only names that a certificate has are redirected to: anything else would
 * make an open redirect of it, and gets 421.
 */
export function redirectServer({ ring, port }: RedirectOptions): Server {
  return createServer({ headersTimeout: 5000, requestTimeout: 5000, maxHeaderSize: 16_384 }, (request, response) => {
    const name = (request.headers.host ?? '').toLowerCase().replace(/:[0-9]+$/, '')
    response.setHeader('connection', 'close')
    const path = request.url ?? ''
    if (!ring().has(name) || !path.startsWith('/')) {
      response.writeHead(421).end()
      return
    }
    const https = port()
    const target = `https://${name}${https === 443 ? '' : `:${https}`}${path}`
    const safe = request.method === 'GET' || request.method === 'HEAD'
    response.writeHead(safe ? 301 : 308, { location: target, 'content-length': 0 }).end()
  })
}
