import { duration } from '@portcullis/core'
import type { CorsConfig } from './config.ts'
import { OriginPolicy } from './origin-policy.ts'

/** Longest `Access-Control-Request-Headers` that is answered: it is echoed, so it must stay small. */
const MAX_HEADER_LIST = 2048
const HEADER_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/

/** What a preflight asks for. */
export interface PreflightRequest {
  origin: string
  /** `Access-Control-Request-Method` */
  method: string
  /** `Access-Control-Request-Headers`, as sent. */
  headers: string | undefined
  /** `Access-Control-Request-Private-Network: true` */
  privateNetwork: boolean
}

/** Response header names and values. */
export type CorsHeaders = readonly (readonly [name: string, value: string])[]

const NOTHING: CorsHeaders = []

/**
 * The rules of one `security/cors` block (Fetch standard, section 3.2): which CORS headers a response gets. Free of
 * Fastify; every value that does not vary is made once.
 */
export class CorsPolicy {
  readonly varyOnPreflight: string
  readonly #origins: OriginPolicy
  readonly #methods: ReadonlySet<string>
  /** Undefined: any header. */
  readonly #headers: ReadonlySet<string> | undefined
  readonly #onActual: CorsHeaders
  readonly #onPreflight: CorsHeaders
  readonly #privateNetwork: boolean

  constructor(config: CorsConfig) {
    this.#origins = new OriginPolicy(config.allow_origins ?? [])
    const methods = config.allow_methods ?? []
    this.#methods = new Set(['OPTIONS', ...(methods.length > 0 ? methods : ['GET', 'HEAD', 'POST'])])
    const headers = (config.allow_headers ?? []).map((name) => name.toLowerCase())
    this.#headers = headers.length === 0 || headers.includes('*') ? undefined : new Set(headers)
    this.#privateNetwork = config.allow_private_network === true
    const credentials: CorsHeaders =
      config.allow_credentials === true ? [['access-control-allow-credentials', 'true']] : []
    const exposed = (config.expose_headers ?? []).map(canonicalName).join(', ')
    this.#onActual = exposed === '' ? credentials : [...credentials, ['access-control-expose-headers', exposed]]
    const seconds = Math.floor((duration(config.max_age) ?? 0) / 1000)
    this.#onPreflight = seconds < 1 ? credentials : [...credentials, ['access-control-max-age', String(seconds)]]
    this.varyOnPreflight =
      'Origin, Access-Control-Request-Method, Access-Control-Request-Headers' +
      (this.#privateNetwork ? ', Access-Control-Request-Private-Network' : '')
  }

  /** The headers of a response to an actual request; none for an origin or a method that is not allowed. */
  actual(origin: string, method: string): CorsHeaders {
    if (!this.#methods.has(method) || !this.#origins.allows(origin)) return NOTHING
    return [['access-control-allow-origin', this.#allowed(origin)], ...this.#onActual]
  }

  /** The headers of a preflight's answer; none when anything that it asks for is not allowed. */
  preflight(asked: PreflightRequest): CorsHeaders {
    const { origin, method, headers } = asked
    if (!this.#methods.has(method) || !this.#origins.allows(origin)) return NOTHING
    if (headers !== undefined && !this.#allowsHeaders(headers)) return NOTHING
    const answer: (readonly [string, string])[] = [
      ['access-control-allow-origin', this.#allowed(origin)],
      ['access-control-allow-methods', method],
    ]
    if (headers !== undefined && headers !== '') answer.push(['access-control-allow-headers', headers])
    if (asked.privateNetwork && this.#privateNetwork) answer.push(['access-control-allow-private-network', 'true'])
    return answer.concat(this.#onPreflight)
  }

  #allowed(origin: string): string {
    return this.#origins.any ? '*' : origin
  }

  /** A list in any order and any case; what is not a list of header names is refused, since it would be echoed. */
  #allowsHeaders(list: string): boolean {
    if (list === '') return true
    if (list.length > MAX_HEADER_LIST) return false
    return list.split(',').every((entry) => {
      const name = entry.trim().toLowerCase()
      return HEADER_NAME.test(name) && (this.#headers === undefined || this.#headers.has(name))
    })
  }
}

/** `x-request-id` as `X-Request-Id`. */
function canonicalName(name: string): string {
  return name.replace(/[^-]+/g, (part) => part[0]!.toUpperCase() + part.slice(1).toLowerCase())
}
