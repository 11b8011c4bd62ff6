import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type ConnectionOptions, rootCertificates } from 'node:tls'
import type { Component } from '@portcullis/core'
import { checkClientTls } from './check.ts'
import { ciphers, curves } from './cipher-suites.ts'
import { type ClientTlsConfig, clientTlsSchema } from './config.ts'
import { secureVersion } from './server-options.ts'

/** The component behind `client_tls`: it carries and checks settings, the proxy connects with them. */
export const clientTls: Component<ClientTlsConfig> = {
  name: 'client-tls',
  namespaces: ['client_tls'],
  levels: ['backend'],
  refuses: false,
  schema: clientTlsSchema,
  check: (config, { baseDir }) => checkClientTls(config, baseDir),
  create(config, context) {
    if (config.allow_insecure_connections === true) {
      context.log.warn({ place: context.place }, 'client_tls: the backend’s certificate is not verified')
    }
    return { steps: [] }
  },
}

/**
 * Node's TLS options for connections to a backend. Verification is on unless the block says otherwise.
 *
 * @param baseDir relative file names start here.
 */
export function clientTlsOptions(config: ClientTlsConfig, baseDir: string): ConnectionOptions {
  const cas = (config.ca_certs ?? []).map((file) => readFileSync(resolve(baseDir, file), 'utf8'))
  const own = config.client_certs?.[0]
  return {
    rejectUnauthorized: config.allow_insecure_connections !== true,
    minVersion: secureVersion(config.min_version, 'TLSv1.2'),
    maxVersion: secureVersion(config.max_version, 'TLSv1.3'),
    ciphers: ciphers(config.cipher_suites),
    ecdhCurve: curves(config.curve_preferences),
    ...(cas.length === 0
      ? undefined
      : { ca: config.disable_system_ca_pool === true ? cas : [...rootCertificates, ...cas] }),
    ...(config.server_name === undefined ? undefined : { servername: config.server_name }),
    ...(own === undefined
      ? undefined
      : {
          cert: readFileSync(resolve(baseDir, own.certificate)),
          key: readFileSync(resolve(baseDir, own.private_key)),
        }),
  }
}
