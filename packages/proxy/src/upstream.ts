import type { ConnectionOptions } from 'node:tls'
import type { FastifyBaseLogger } from 'fastify'
import { Pool } from 'undici'
import type { BackendHttpSettings } from './backend-http.ts'

/** One host of a backend. */
export interface UpstreamHost {
  readonly origin: string
  readonly pool: Pool
  /** Requests under way. */
  active: number
  healthy: boolean
}

/** How connections to a backend are made. */
export interface UpstreamOptions {
  hosts: readonly string[]
  settings: BackendHttpSettings
  /** TLS options for `https:` hosts: CA, client certificate, server name. Verification is on unless they say otherwise. */
  tls?: ConnectionOptions
  log: FastifyBaseLogger
}

/**
 * The hosts of one backend: connection pools, choice of the next host, health checks. Every backend has its own, so
 * two backends with different trust never share a connection or a TLS session.
 */
export class Upstream {
  readonly hosts: readonly UpstreamHost[]
  readonly settings: BackendHttpSettings
  readonly #log: FastifyBaseLogger
  #next = 0
  #timers: NodeJS.Timeout[] = []

  constructor(options: UpstreamOptions) {
    this.settings = options.settings
    this.#log = options.log
    this.hosts = options.hosts.map((origin) => ({ origin, pool: makePool(origin, options), active: 0, healthy: true }))
  }

  /** Starts the health checks, if any are configured. */
  start(): void {
    const check = this.settings.healthCheck
    if (check === undefined) return
    for (const host of this.hosts) {
      const state = { failures: 0, successes: 0 }
      const timer = setInterval(() => void this.#check(host, state), check.interval)
      timer.unref()
      this.#timers.push(timer)
    }
  }

  /** The next host by the configured rule; hosts that fail their checks only when all do. */
  pick(): UpstreamHost {
    const { hosts } = this
    if (hosts.length === 1) return hosts[0]!
    const start = this.#next++ % hosts.length
    let best: UpstreamHost | undefined
    for (let i = 0; i < hosts.length; i++) {
      const host = hosts[(start + i) % hosts.length]!
      if (!host.healthy) continue
      if (this.settings.loadBalancing === 'round-robin') return host
      if (best === undefined || host.active < best.active) best = host
    }
    return best ?? hosts[start]!
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    this.#timers = []
    await Promise.all(this.hosts.map(({ pool }) => pool.destroy()))
  }

  async #check(host: UpstreamHost, state: { failures: number; successes: number }): Promise<void> {
    const check = this.settings.healthCheck!
    const ok = await answers(host, check.path, check.timeout)
    state.failures = ok ? 0 : state.failures + 1
    state.successes = ok ? state.successes + 1 : 0
    if (host.healthy && state.failures >= check.unhealthyAfter) this.#mark(host, false)
    else if (!host.healthy && state.successes >= check.healthyAfter) this.#mark(host, true)
  }

  #mark(host: UpstreamHost, healthy: boolean): void {
    host.healthy = healthy
    this.#log.warn(
      { upstream: host.origin, healthy },
      healthy ? 'backend host is healthy again' : 'backend host is unhealthy',
    )
  }
}

async function answers(host: UpstreamHost, path: string, timeout: number): Promise<boolean> {
  try {
    const { statusCode, body } = await host.pool.request({ path, method: 'GET', signal: AbortSignal.timeout(timeout) })
    await body.dump()
    return statusCode < 500
  } catch {
    return false
  }
}

function makePool(origin: string, { settings, tls }: UpstreamOptions): Pool {
  return new Pool(origin, {
    connections: settings.connections,
    pipelining: 1,
    keepAliveTimeout: settings.keepalive,
    keepAliveMaxTimeout: Math.max(settings.keepalive, 600_000),
    // The proxy has exact timers of its own; undici's are up to a second late.
    headersTimeout: 0,
    bodyTimeout: 0,
    allowH2: settings.http2,
    connect: {
      ...tls,
      rejectUnauthorized: tls?.rejectUnauthorized ?? true,
      timeout: settings.connectTimeout,
    } as object,
  })
}
