import { type ConfigIssue, ConfigurationError, fastifyOptions } from '@portcullis/core'
import type { FastifyInstance } from 'fastify'
import type { LoadedConfig } from './load.ts'
import { tlsConfigOf } from './server-options.ts'

const HINT = 'make the server with Fastify(serverOptions(config))'

/**
 * Refuses a server that lacks an option which the configuration needs: such options exist before any plugin.
 *
 * @throws ConfigurationError naming each.
 */
export function checkServer(fastify: FastifyInstance, loaded: LoadedConfig): void {
  const issues: ConfigIssue[] = []
  const options = fastifyOptions(fastify)
  const { trusted_proxies: trusted = [] } = loaded.document
  const { trustProxy } = options
  if (typeof trustProxy === 'number') {
    issues.push({
      place: 'trustProxy',
      message: 'a number of hops trusts whoever connects; list addresses in trusted_proxies',
    })
  } else if (trusted.length > 0 && !trustsProxies(trustProxy)) {
    issues.push({ place: 'trusted_proxies', message: `the server has no trustProxy: ${HINT}` })
  }
  if (tlsConfigOf(loaded) !== undefined && !servesTls(options)) {
    const place = loaded.document.tls === undefined ? 'extra_config["security/http"].ssl_certificate' : 'tls'
    issues.push({ place, message: `the server has no https: ${HINT}` })
  }
  if (issues.length > 0) throw new ConfigurationError(issues, loaded.source)
}

function trustsProxies(trustProxy: unknown): boolean {
  return trustProxy !== undefined && trustProxy !== false && trustProxy !== ''
}

function servesTls(options: Record<string, unknown>): boolean {
  return Boolean(options.https) || typeof options.serverFactory === 'function'
}
