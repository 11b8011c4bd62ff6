import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { rootCertificates, type SecureContext, type SecureContextOptions, type SecureVersion } from 'node:tls'
import { duration } from '@portcullis/core'
import { ciphers, curves } from './cipher-suites.ts'
import type { KeyPair, TlsConfig } from './config.ts'
import { KeyRing } from './key-ring.ts'

const RING = Symbol('portcullis.keyRing')

/** A handshake that takes longer is cut, in milliseconds. */
export const HANDSHAKE_TIMEOUT = 10_000

/**
 * Limits of HTTP/2 sessions: streams at once, header list, settings and pings. Node's defaults are without bound; these
 * end continuation, settings and reset floods.
 */
const HTTP2_LIMITS = {
  allowHTTP1: true,
  settings: { maxConcurrentStreams: 100, maxHeaderListSize: 32_768, enablePush: false },
  maxSessionMemory: 10,
  maxHeaderListPairs: 128,
  maxSettings: 32,
  maxOutstandingPings: 4,
  maxSessionInvalidFrames: 50,
  maxSessionRejectedStreams: 50,
  unknownProtocolTimeout: 5000,
}

/** What {@link tlsServerOptions} may be told beside the configuration. */
export interface TlsServerSettings {
  /** Relative file names start here. Default the working directory. */
  baseDir?: string
  /** Node's options of the HTTP server (header size, timeouts). */
  http?: object
}

/**
 * Fastify's options for a TLS server: `Fastify(tlsServerOptions(config))`.
 *
 * @returns `{ https, http2? }`. The key pairs can be replaced while the server runs: register the plugin of this
 *   package, which reloads them on change.
 * @throws Error when a key pair is broken.
 */
export function tlsServerOptions(
  config: TlsConfig,
  settings: TlsServerSettings = {},
): { https: Record<string, unknown>; http2?: true } {
  const baseDir = settings.baseDir ?? process.cwd()
  const shared = contextOptions(config, baseDir)
  const ring = new KeyRing(keyPairs(config), baseDir, shared)
  const http2 = config.http2 !== false
  const https = {
    ...settings.http,
    ...(http2 ? HTTP2_LIMITS : undefined),
    ...shared,
    cert: ring.first.cert,
    key: ring.first.key,
    requestCert: config.enable_mtls === true,
    rejectUnauthorized: config.enable_mtls === true,
    handshakeTimeout: HANDSHAKE_TIMEOUT,
    SNICallback: (name: string, done: (error: Error | null, context?: SecureContext) => void) =>
      done(null, ring.choose(name)),
    ...(config.ticket_keys_file === undefined
      ? undefined
      : { ticketKeys: readTicketKeys(config.ticket_keys_file, baseDir) }),
    [RING]: ring,
  }
  return http2 ? { https, http2: true } : { https }
}

/** The key ring behind options that {@link tlsServerOptions} made. */
export function keyRingOf(https: unknown): KeyRing | undefined {
  return (https as Record<symbol, KeyRing | undefined> | undefined)?.[RING]
}

/** Every key pair of a block: the list, and the single pair that older files have. */
export function keyPairs(config: TlsConfig): KeyPair[] {
  const { public_key, private_key } = config
  const single = public_key !== undefined && private_key !== undefined ? [{ public_key, private_key }] : []
  return [...(config.keys ?? []), ...single]
}

/** What every context of the server shares. */
export function contextOptions(config: TlsConfig, baseDir: string): SecureContextOptions {
  const cas = (config.ca_certs ?? []).map((file) => readFileSync(resolve(baseDir, file), 'utf8'))
  const system = config.enable_mtls === true && config.disable_system_ca_pool === false ? rootCertificates : []
  const ca = [...system, ...cas]
  return {
    minVersion: secureVersion(config.min_version, 'TLSv1.2'),
    maxVersion: secureVersion(config.max_version, 'TLSv1.3'),
    ciphers: ciphers(config.cipher_suites),
    ecdhCurve: curves(config.curve_preferences),
    honorCipherOrder: config.prefer_server_cipher_suites !== false,
    sessionTimeout: Math.round(duration(config.session_timeout ?? '10m') / 1000),
    ...(config.enable_mtls === true ? { ca } : undefined),
  }
}

/** Node's name of a version. */
export function secureVersion(name: string | undefined, fallback: SecureVersion): SecureVersion {
  if (name === 'TLS12') return 'TLSv1.2'
  return name === 'TLS13' ? 'TLSv1.3' : fallback
}

/** Session ticket keys: 48 bytes that several processes share (RFC 5077 section 4). */
export function readTicketKeys(file: string, baseDir: string): Buffer {
  return readFileSync(resolve(baseDir, file)).subarray(0, 48)
}
