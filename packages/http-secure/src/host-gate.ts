import type { TLSSocket } from 'node:tls'
import { Refusal } from '@portcullis/core'
import type { FastifyRequest } from 'fastify'
import { AllowedHosts } from './allowed-hosts.ts'
import type { HttpSecureConfig } from './config.ts'
import { effectiveHost, isHost } from './host.ts'
import { HttpsRedirect } from './redirect.ts'

const NOT_ALLOWED = new Refusal(421, 'HOST_NOT_ALLOWED', 'This host is not served here')
const INVALID = new Refusal(400, 'HOST_INVALID', 'The request does not name one valid host')

/** Decides whether a request is for an allowed host, and whether it must come over HTTPS. */
export class HostGate {
  readonly #allowed: AllowedHosts | undefined
  readonly #redirect: HttpsRedirect | undefined
  readonly #development: boolean
  readonly #hostHeaders: readonly string[]
  readonly #sslHeaders: readonly (readonly [name: string, value: string])[]
  readonly #trustsPeer: (request: FastifyRequest) => boolean

  /** @param trustsPeer is the connection's peer a trusted proxy? */
  constructor(config: HttpSecureConfig, trustsPeer: (request: FastifyRequest) => boolean) {
    const hosts = config.allowed_hosts ?? []
    this.#allowed = hosts.length > 0 ? new AllowedHosts(hosts, config.allowed_hosts_are_regex === true) : undefined
    this.#redirect = config.ssl_redirect === true ? new HttpsRedirect(config) : undefined
    this.#development = config.is_development === true
    this.#hostHeaders = (config.host_proxy_headers ?? []).map((name) => name.toLowerCase())
    this.#sslHeaders = Object.entries(config.ssl_proxy_headers ?? {}).map(([name, value]) => [
      name.toLowerCase(),
      value,
    ])
    this.#trustsPeer = trustsPeer
  }

  /** Host first, then HTTPS: a redirect never leads to a host that is not allowed. */
  decide(request: FastifyRequest): Refusal | undefined {
    const own = effectiveHost(request.raw)
    if (own === undefined) return INVALID
    if (this.#development) return undefined
    const host = this.#hostHeaders.length === 0 ? own : (this.#forwardedHost(request) ?? own)
    const problem = this.#hostProblem(host)
    if (problem !== undefined) return problem
    return this.#redirect === undefined || this.isSecure(request) ? undefined : this.#toHttps(request, host)
  }

  /** Does the client use HTTPS, on this connection or on the one to a trusted proxy? */
  isSecure(request: FastifyRequest): boolean {
    if ((request.raw.socket as TLSSocket).encrypted === true) return true
    if (this.#sslHeaders.length === 0 || !this.#trustsPeer(request)) return false
    const { headers } = request.raw
    return this.#sslHeaders.some(([name, value]) => headers[name] === value)
  }

  #hostProblem(host: string): Refusal | undefined {
    if (host === '') return this.#allowed === undefined ? undefined : INVALID
    if (!isHost(host)) return INVALID
    return this.#allowed === undefined || this.#allowed.has(host) ? undefined : NOT_ALLOWED
  }

  #toHttps(request: FastifyRequest, host: string): Refusal {
    const redirect = this.#redirect!
    // Without a list and without a target of its own, the client would choose where the redirect leads.
    if (!redirect.hasFixedHost && this.#allowed === undefined) return NOT_ALLOWED
    return redirect.refusal(request.method, host, request.raw.url ?? '/')
  }

  #forwardedHost(request: FastifyRequest): string | undefined {
    if (!this.#trustsPeer(request)) return undefined
    const { headers } = request.raw
    for (const name of this.#hostHeaders) {
      const value = headers[name]
      if (typeof value === 'string' && value !== '') return value.toLowerCase()
    }
    return undefined
  }
}
