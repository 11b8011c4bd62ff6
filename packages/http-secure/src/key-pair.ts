import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { ConfigIssue } from '@portcullis/core'
import type { HttpSecureConfig } from './config.ts'

/** The files of a server's TLS key pair, as absolute paths. */
export interface KeyPairFiles {
  certificate: string
  privateKey: string
}

/**
 * The TLS key pair that a block names for the server. TLS begins before any plugin runs, so whoever makes the server
 * has to read it: `Fastify({ https: { cert: readFileSync(certificate), key: readFileSync(privateKey) } })`.
 *
 * @param baseDir where relative file names start.
 * @returns undefined when the block names none.
 */
export function keyPairFiles(config: HttpSecureConfig, baseDir: string): KeyPairFiles | undefined {
  const { ssl_certificate: certificate, ssl_private_key: key } = config
  if (certificate === undefined || key === undefined) return undefined
  return { certificate: resolve(baseDir, certificate), privateKey: resolve(baseDir, key) }
}

/** What is wrong with the named files: each must be there and parse, and the two must belong together. */
export function keyPairIssues(config: HttpSecureConfig, baseDir: string): ConfigIssue[] {
  const { ssl_certificate: certificate, ssl_private_key: key } = config
  if (certificate === undefined && key === undefined) return []
  if (certificate === undefined || key === undefined) {
    const missing = certificate === undefined ? 'ssl_certificate' : 'ssl_private_key'
    return [{ place: `.${missing}`, message: 'is missing: a certificate and its private key come together' }]
  }
  const issues: ConfigIssue[] = []
  const read = <T>(field: string, file: string, what: string, parse: (pem: Buffer) => T): T | undefined => {
    try {
      return parse(readFileSync(resolve(baseDir, file)))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      const unreadable = code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR'
      const message = unreadable
        ? `cannot read ${JSON.stringify(file)} (${code})`
        : `${JSON.stringify(file)} holds no ${what}`
      issues.push({ place: `.${field}`, message })
      return undefined
    }
  }
  const parsed = read('ssl_certificate', certificate, 'certificate in PEM', (pem) => new X509Certificate(pem))
  const secret = read(
    'ssl_private_key',
    key,
    'private key in PEM without a passphrase',
    (pem): KeyObject => createPrivateKey(pem),
  )
  if (parsed !== undefined && secret !== undefined && !parsed.checkPrivateKey(secret)) {
    issues.push({
      place: '.ssl_private_key',
      message: `is not the key of the certificate ${JSON.stringify(certificate)}`,
    })
  }
  return issues
}
