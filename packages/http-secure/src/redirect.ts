import { Refusal } from '@portcullis/core'
import type { HttpSecureConfig } from './config.ts'
import { pathAndQuery, splitHost } from './host.ts'

/** Where requests over plain HTTP are sent. */
export class HttpsRedirect {
  /** `ssl_host` with its port; undefined: to the request's own host. */
  readonly #fixed: string | undefined
  readonly #port: string | undefined
  readonly #temporary: boolean

  constructor(config: HttpSecureConfig) {
    this.#port = config.ssl_port === undefined ? undefined : String(config.ssl_port)
    this.#temporary = config.ssl_temporary_redirect === true
    this.#fixed = config.ssl_host ? this.#withPort(config.ssl_host.toLowerCase(), true) : undefined
  }

  /** Does it send to one configured host, so that the request's own does not matter? */
  get hasFixedHost(): boolean {
    return this.#fixed !== undefined
  }

  /**
   * @param host the request's host: allowed, in lower case; not read when the target is configured.
   * @param target the request's target as it arrived.
   */
  refusal(method: string, host: string, target: string): Refusal {
    const location = `https://${this.#fixed ?? this.#withPort(host, false)}${escaped(pathAndQuery(target))}`
    return new Refusal(this.#status(method), 'HTTPS_REQUIRED', 'HTTPS is required', {
      headers: { location },
      body: '',
      contentType: 'text/plain; charset=utf-8',
    })
  }

  /** Methods other than GET and HEAD keep their method and body (RFC 9110 section 15.4). */
  #status(method: string): number {
    const safe = method === 'GET' || method === 'HEAD'
    if (this.#temporary) return safe ? 302 : 307
    return safe ? 301 : 308
  }

  /** A port in `ssl_host` counts, then `ssl_port`, then the port of the request's host unless it is HTTP's. */
  #withPort(host: string, configured: boolean): string {
    const { name, port: stated } = splitHost(host)
    const own = configured || stated !== '80' ? stated : undefined
    const port = configured ? (own ?? this.#port) : (this.#port ?? own)
    return port === undefined || port === '443' ? name : `${name}:${port}`
  }
}

/** Header values are printable ASCII: every other byte of the target, one character each, becomes percent-encoded. */
function escaped(target: string): string {
  return target.replace(/[^\x21-\x7e]/g, (char) => {
    const byte = char.charCodeAt(0) & 0xff
    return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  })
}
