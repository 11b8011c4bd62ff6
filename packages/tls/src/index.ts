/** TLS of the server and towards backends, from KrakenD's `tls` and `client_tls`. */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type ConnectionOptions, rootCertificates, type SecureVersion } from 'node:tls'
import type { Component, ConfigIssue } from '@portcullis/core'
import { type ClientTlsConfig, clientTlsSchema, type TlsConfig } from './config.ts'

export { type ClientTlsConfig, type KeyPair, type TlsConfig, tlsSchema } from './config.ts'

/** Mistakes of the root's `tls` that a schema cannot see. */
export function checkTls(config: Record<string, unknown>, baseDir: string): ConfigIssue[] {
  const tls = config as TlsConfig
  if (tls.disabled === true) return []
  const pairs = keyPairs(tls)
  if (pairs.length === 0) return [{ place: '', message: 'needs a key pair: "keys": [{ "public_key", "private_key" }]' }]
  return pairs.flatMap((pair, i) => [
    ...missing(pair.public_key, `.keys[${i}].public_key`, baseDir),
    ...missing(pair.private_key, `.keys[${i}].private_key`, baseDir),
  ])
}

function keyPairs(tls: TlsConfig): { public_key: string; private_key: string }[] {
  const single =
    tls.public_key !== undefined && tls.private_key !== undefined
      ? [{ public_key: tls.public_key, private_key: tls.private_key }]
      : []
  return [...(tls.keys ?? []), ...single]
}

function missing(file: string, place: string, baseDir: string): ConfigIssue[] {
  return existsSync(resolve(baseDir, file)) ? [] : [{ place, message: `there is no file ${file}` }]
}

/** Fastify's options for a TLS server: `{ https, http2 }`. */
export function tlsServerOptions(
  config: TlsConfig,
  options: { baseDir?: string; http?: object } = {},
): Record<string, unknown> {
  const baseDir = options.baseDir ?? process.cwd()
  const pair = keyPairs(config)[0]!
  const http2 = config.http2 !== false
  return {
    ...(http2 ? { http2: true } : undefined),
    https: {
      ...options.http,
      ...(http2 ? { allowHTTP1: true } : undefined),
      cert: readFileSync(resolve(baseDir, pair.public_key)),
      key: readFileSync(resolve(baseDir, pair.private_key)),
      minVersion: version(config.min_version, 'TLSv1.2'),
      maxVersion: version(config.max_version, 'TLSv1.3'),
    },
  }
}

function version(name: string | undefined, fallback: SecureVersion): SecureVersion {
  return name === 'TLS12' ? 'TLSv1.2' : name === 'TLS13' ? 'TLSv1.3' : fallback
}

/** The component behind `client_tls`: it carries settings, the proxy connects with them. */
export const clientTls: Component<ClientTlsConfig> = {
  name: 'client-tls',
  namespaces: ['client_tls'],
  levels: ['backend'],
  refuses: false,
  schema: clientTlsSchema,
  create: () => ({ steps: [] }),
}

/** Node's TLS options for connections to a backend. */
export function clientTlsOptions(config: ClientTlsConfig, baseDir: string): ConnectionOptions {
  const cas = (config.ca_certs ?? []).map((file) => readFileSync(resolve(baseDir, file), 'utf8'))
  const cert = config.client_certs?.[0]
  return {
    rejectUnauthorized: config.allow_insecure_connections !== true,
    minVersion: version(config.min_version, 'TLSv1.2'),
    maxVersion: version(config.max_version, 'TLSv1.3'),
    ...(cas.length === 0
      ? undefined
      : { ca: config.disable_system_ca_pool === true ? cas : [...rootCertificates, ...cas] }),
    ...(config.server_name === undefined ? undefined : { servername: config.server_name }),
    ...(cert === undefined
      ? undefined
      : {
          cert: readFileSync(resolve(baseDir, cert.certificate)),
          key: readFileSync(resolve(baseDir, cert.private_key)),
        }),
  }
}
