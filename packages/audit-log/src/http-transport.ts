import http from 'node:http'
import https from 'node:https'
import type { Transport } from './ship-sink.ts'

/** Where and how lines are posted. */
export interface HttpTransportOptions {
  url: string
  headers: Readonly<Record<string, string>>
  /** Milliseconds for one post and its answer. */
  timeout: number
  /** PEM of the authorities to trust instead of the system's. */
  ca?: string | undefined
}

/** Posts lines as `application/x-ndjson`; the certificate is verified, redirects are failures. */
export function httpTransport(options: HttpTransportOptions): Transport {
  const url = new URL(options.url)
  const client = url.protocol === 'https:' ? https : http
  const agent = new client.Agent({ keepAlive: true, maxSockets: 1 })
  const headers = { 'content-type': 'application/x-ndjson', ...options.headers }
  return {
    name: url.origin,
    send: (lines) =>
      new Promise((resolve, reject) => {
        const body = lines.join('')
        const signal = AbortSignal.timeout(options.timeout)
        const settings: https.RequestOptions = {
          method: 'POST',
          agent,
          signal,
          headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        }
        if (options.ca !== undefined) settings.ca = options.ca
        const request = client.request(url, settings, (response) => {
          response.resume()
          response.once('end', () => {
            const status = response.statusCode ?? 0
            if (status >= 200 && status < 300) resolve()
            else reject(new Error(`the collector answered ${status}`))
          })
          response.once('error', reject)
        })
        request.once('error', reject)
        request.end(body)
      }),
    close: () => agent.destroy(),
  }
}
