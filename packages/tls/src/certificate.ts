import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { ConfigIssue } from '@portcullis/core'
import type { KeyPair } from './config.ts'

/** A key pair that was read and passed every check. */
export interface LoadedPair {
  cert: string
  key: string
  leaf: X509Certificate
  /** Names of the certificate, lower-case: exact ones and wildcards (`*.example.com`). */
  names: readonly string[]
}

const SMALLEST_RSA = 2048

/** Signature algorithms that are broken: MD5 and SHA-1 with RSA, DSA and ECDSA (RFC 9155), as DER object identifiers. */
const BROKEN = new Map([
  ['2a864886f70d010104', 'MD5'],
  ['2a864886f70d010105', 'SHA-1'],
  ['2a8648ce380403', 'SHA-1'],
  ['2a8648ce3d0401', 'SHA-1'],
  ['2b0e03021d', 'SHA-1'],
])

/**
 * Reads and checks a key pair: both files, that they belong together, validity, key size, signature.
 *
 * @param place where the pair stands in the configuration, for the issues.
 */
export function loadPair(
  pair: KeyPair,
  baseDir: string,
  place: string,
  now: Date = new Date(),
): { pair?: LoadedPair; issues: ConfigIssue[] } {
  const issues: ConfigIssue[] = []
  const cert = read(pair.public_key, baseDir, `${place}.public_key`, issues)
  const keyText = read(pair.private_key, baseDir, `${place}.private_key`, issues)
  const chain = cert === undefined ? undefined : parseChain(cert, `${place}.public_key`, issues)
  const key = keyText === undefined ? undefined : parseKey(keyText, `${place}.private_key`, issues)
  if (chain === undefined || key === undefined) return { issues }
  const leaf = chain[0]!
  if (!leaf.checkPrivateKey(key))
    issues.push({
      place: `${place}.private_key`,
      message: `does not belong to the first certificate of ${pair.public_key}`,
    })
  for (const certificate of chain) issues.push(...checkCertificate(certificate, `${place}.public_key`, now))
  if (issues.length > 0) return { issues }
  return { pair: { cert: cert!, key: keyText!, leaf, names: namesOf(leaf) }, issues }
}

function read(file: string, baseDir: string, place: string, issues: ConfigIssue[]): string | undefined {
  try {
    return readFileSync(resolve(baseDir, file), 'utf8')
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    issues.push({ place, message: missing ? `there is no file ${file}` : `${file} cannot be read` })
    return undefined
  }
}

/** The certificates of a PEM file, leaf first. */
export function parseChain(pem: string, place: string, issues: ConfigIssue[]): X509Certificate[] | undefined {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)
  try {
    if (blocks === null) throw new Error('no certificate')
    return blocks.map((block) => new X509Certificate(block))
  } catch {
    issues.push({ place, message: 'holds no PEM certificate that can be read' })
    return undefined
  }
}

function parseKey(pem: string, place: string, issues: ConfigIssue[]): KeyObject | undefined {
  try {
    return createPrivateKey(pem)
  } catch {
    const encrypted = /ENCRYPTED/.test(pem)
    issues.push({
      place,
      message: encrypted
        ? 'is encrypted: the gateway has no way to ask for its passphrase'
        : 'holds no PEM private key that can be read',
    })
    return undefined
  }
}

function checkCertificate(certificate: X509Certificate, place: string, now: Date): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const subject = certificate.subject?.replaceAll('\n', ', ') || 'the certificate'
  if (new Date(certificate.validTo) < now)
    issues.push({ place, message: `${subject} expired on ${certificate.validTo}` })
  if (new Date(certificate.validFrom) > now)
    issues.push({ place, message: `${subject} is not valid before ${certificate.validFrom}` })
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = certificate.publicKey
  if (type === 'rsa' && (details?.modulusLength ?? 0) < SMALLEST_RSA) {
    issues.push({
      place,
      message: `${subject} has an RSA key of ${details?.modulusLength} bits: at least ${SMALLEST_RSA} are needed`,
    })
  }
  const digest = BROKEN.get(signatureAlgorithm(certificate.raw))
  if (digest !== undefined) issues.push({ place, message: `${subject} is signed with ${digest}, which is broken` })
  return issues
}

/** Names in the subject alternative name, or the common name where there is none (RFC 9525 section 2). */
function namesOf(leaf: X509Certificate): string[] {
  const alternatives = [...(leaf.subjectAltName ?? '').matchAll(/DNS:([^,\s]+)/g)].map((match) =>
    match[1]!.toLowerCase(),
  )
  if (alternatives.length > 0) return alternatives
  const common = /(?:^|\n)CN=([^\n]+)/.exec(leaf.subject ?? '')?.[1]
  return common === undefined ? [] : [common.toLowerCase()]
}

/** The object identifier of a certificate's signature algorithm (RFC 5280 section 4.1.1.2), in hexadecimal. */
function signatureAlgorithm(der: Buffer): string {
  const outer = element(der, 0)
  const signed = element(der, outer.start)
  const algorithm = element(der, signed.end)
  const identifier = element(der, algorithm.start)
  return der.subarray(identifier.start, identifier.end).toString('hex')
}

/** Start and end of the content of a DER element. */
function element(der: Buffer, at: number): { start: number; end: number } {
  const first = der[at + 1]!
  if (first < 0x80) return { start: at + 2, end: at + 2 + first }
  const bytes = first & 0x7f
  const length = der.readUIntBE(at + 2, bytes)
  return { start: at + 2 + bytes, end: at + 2 + bytes + length }
}
