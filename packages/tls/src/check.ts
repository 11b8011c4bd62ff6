import { existsSync, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { type ConfigIssue, didYouMean } from '@portcullis/core'
import { loadPair, parseChain } from './certificate.ts'
import { curve, curveNames, suite, suiteNames } from './cipher-suites.ts'
import type { ClientTlsConfig, TlsConfig } from './config.ts'
import { keyPairs } from './server-options.ts'

type Versions = Pick<TlsConfig, 'min_version' | 'max_version' | 'cipher_suites' | 'curve_preferences' | 'ca_certs'>

/** Mistakes of the root's `tls` that a schema cannot see: files, certificates, suites. Places are relative. */
export function checkTls(config: Record<string, unknown>, baseDir: string): ConfigIssue[] {
  const tls = config as TlsConfig
  if (tls.disabled === true) return []
  const issues = checkShared(tls, baseDir)
  const pairs = keyPairs(tls)
  if (pairs.length === 0)
    issues.push({ place: '', message: 'needs a key pair: "keys": [{ "public_key", "private_key" }]' })
  for (const [i, pair] of pairs.entries()) {
    const place = tls.keys?.[i] === undefined ? '' : `.keys[${i}]`
    issues.push(...loadPair(pair, baseDir, place).issues)
  }
  if ((tls.public_key === undefined) !== (tls.private_key === undefined))
    issues.push({ place: '', message: '"public_key" and "private_key" go together' })
  if (tls.enable_mtls === true && (tls.ca_certs ?? []).length === 0 && tls.disable_system_ca_pool !== false) {
    issues.push({ place: '.ca_certs', message: 'enable_mtls needs the CAs of the clients’ certificates' })
  }
  if (tls.ticket_keys_file !== undefined) issues.push(...checkTicketKeys(tls.ticket_keys_file, baseDir))
  return issues
}

/** Mistakes of `client_tls` that a schema cannot see. */
export function checkClientTls(config: ClientTlsConfig, baseDir: string): ConfigIssue[] {
  const issues = checkShared(config, baseDir)
  for (const [i, { certificate, private_key }] of (config.client_certs ?? []).entries()) {
    const found = loadPair({ public_key: certificate, private_key }, baseDir, `.client_certs[${i}]`).issues
    issues.push(...found.map((issue) => ({ ...issue, place: issue.place.replace('.public_key', '.certificate') })))
  }
  if (
    config.disable_system_ca_pool === true &&
    (config.ca_certs ?? []).length === 0 &&
    config.allow_insecure_connections !== true
  ) {
    issues.push({ place: '.disable_system_ca_pool', message: 'without ca_certs no backend could be verified' })
  }
  return issues
}

function checkShared(config: Versions, baseDir: string): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  if (config.min_version === 'TLS13' && config.max_version === 'TLS12')
    issues.push({ place: '.min_version', message: 'is newer than max_version' })
  for (const [i, value] of (config.cipher_suites ?? []).entries()) {
    if (suite(value) === undefined)
      issues.push({
        place: `.cipher_suites[${i}]`,
        message: `${JSON.stringify(value)} is not a suite that can be served${didYouMean(String(value), suiteNames)}`,
      })
  }
  for (const [i, value] of (config.curve_preferences ?? []).entries()) {
    if (curve(value) === undefined)
      issues.push({
        place: `.curve_preferences[${i}]`,
        message: `${JSON.stringify(value)} is not a curve: ${curveNames.join(', ')}`,
      })
  }
  for (const [i, file] of (config.ca_certs ?? []).entries()) {
    const place = `.ca_certs[${i}]`
    if (!existsSync(resolve(baseDir, file))) issues.push({ place, message: `there is no file ${file}` })
    else parseChain(readFileSync(resolve(baseDir, file), 'utf8'), place, issues)
  }
  return issues
}

function checkTicketKeys(file: string, baseDir: string): ConfigIssue[] {
  const path = resolve(baseDir, file)
  if (!existsSync(path)) return [{ place: '.ticket_keys_file', message: `there is no file ${file}` }]
  const { size } = statSync(path)
  return size === 48 ? [] : [{ place: '.ticket_keys_file', message: `${file} has ${size} bytes: 48 are needed` }]
}
