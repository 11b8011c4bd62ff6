import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { type ConfigIssue, duration, foldHeaderName } from '@portcullis/core'
import { isSymmetric, misfit } from './algorithms.ts'
import type { JwtConfig, KeyConfig } from './config.ts'
import { parseJwkSet } from './jwk-set.ts'
import { KeyRing } from './key-ring.ts'
import { publicKey, secretKey } from './key-source.ts'
import { algorithmOf, authenticatedHeader, placesOf, publicKeyText } from './settings.ts'

/** Headers that no claim may become: they frame the message, name its parties or carry credentials. */
const RESERVED = new Set(
  `accept accept-encoding authorization connection content-encoding content-length content-type cookie date expect
  forwarded host http2-settings keep-alive origin proxy proxy-authenticate proxy-authorization proxy-connection range
  referer te trailer transfer-encoding upgrade user-agent via x-forwarded-for x-forwarded-host x-forwarded-port
  x-forwarded-proto x-http-method-override x-original-url x-real-ip`.split(/\s+/),
)
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const SOURCES = ['jwk_url', 'jwk_local_path', 'secret', 'public_key'] as const
const MAX_LEEWAY = 600_000
const MAX_LIFETIME = 31_536_000_000

/** Mistakes in a block `auth/validator` that its schema cannot see. */
export function checkJwt(config: JwtConfig, baseDir: string): ConfigIssue[] {
  return [
    ...checkIssuers(config, baseDir),
    ...checkTimes(config),
    ...checkHeaders(config),
    ...(config.auth_header_name !== undefined && config.header_names !== undefined
      ? [{ place: '.header_names', message: 'replaces "auth_header_name": state one of the two' }]
      : []),
  ]
}

function checkIssuers(config: JwtConfig, baseDir: string): ConfigIssue[] {
  const { issuers } = config
  if (issuers === undefined) return checkKeys(config, '', baseDir)
  const issues: ConfigIssue[] = []
  for (const field of [...SOURCES, 'alg', 'issuer', 'jwk_local_ca', 'jwk_fingerprints'] as const) {
    if (config[field] !== undefined) {
      issues.push({ place: `.${field}`, message: 'belongs into the entries of "issuers" when there are several' })
    }
  }
  const seen = new Map<string, number>()
  for (const [index, issuer] of issuers.entries()) {
    const place = `.issuers[${index}]`
    issues.push(...checkKeys(issuer, place, baseDir))
    const named = (config.key_claim_name ?? 'iss') === 'iss'
    const key = issuer.key ?? (named ? issuer.issuer : undefined)
    if (key === undefined) {
      const message = `field "${named ? 'issuer' : 'key'}" is missing: it says which tokens the entry is for`
      issues.push({ place, message })
    } else if (seen.has(key)) {
      issues.push({ place, message: `is for the same tokens as issuers[${seen.get(key)}]` })
    } else seen.set(key, index)
  }
  return issues
}

function checkKeys(config: KeyConfig, place: string, baseDir: string): ConfigIssue[] {
  const stated = SOURCES.filter((field) => config[field] !== undefined)
  if (stated.length !== 1) {
    const found = stated.length === 0 ? 'none is stated' : `stated are "${stated.join('" and "')}"`
    return [{ place, message: `one source of keys is needed, of "${SOURCES.join('", "')}"; ${found}` }]
  }
  const field = stated[0]!
  const issues: ConfigIssue[] = []
  const say = (message: string, at: string = field): void => void issues.push({ place: `${place}.${at}`, message })
  if (field !== 'jwk_url') {
    for (const other of ['jwk_local_ca', 'jwk_fingerprints'] as const) {
      if (config[other] !== undefined) say('has a meaning with "jwk_url" only', other)
    }
  }
  if (field === 'jwk_url') checkProvider(config, baseDir, say)
  else {
    try {
      const problem = materialProblem(config, field, baseDir)
      if (problem !== undefined) say(problem)
    } catch (error) {
      say((error as Error).message)
    }
  }
  return issues
}

/** What is wrong with a secret, public key or key file. @throws with the reason when it cannot be read. */
function materialProblem(config: KeyConfig, field: (typeof SOURCES)[number], baseDir: string): string | undefined {
  const alg = algorithmOf(config)
  if (field === 'secret') {
    if (!isSymmetric(alg)) return `is of no use with ${alg}: a secret needs an HS algorithm`
    if (config.secret!.trim() === '') return 'is empty'
    return misfit(alg, secretKey(config.secret!, config.secret_is_base64 === true))
  }
  if (field === 'public_key') {
    if (isSymmetric(alg)) return `must not be used with ${alg}: whoever knows it could sign tokens`
    return misfit(alg, publicKey(publicKeyText(config.public_key!, baseDir)))
  }
  const text = readFileSync(resolve(baseDir, config.jwk_local_path!), 'utf8')
  const { keys, skipped } = parseJwkSet(text, config.key_identify_strategy ?? 'kid')
  const ring = new KeyRing()
  ring.replace(keys)
  if (ring.has(alg)) return undefined
  const why = [...skipped, ...keys.flatMap((key) => misfit(alg, key.key) ?? [])]
  return `has no key for ${alg}${why.length === 0 ? '' : ` (${why.join('; ')})`}`
}

function checkProvider(config: KeyConfig, baseDir: string, say: (message: string, at?: string) => void): void {
  const insecure = config.disable_jwk_security === true
  let url: URL
  try {
    url = new URL(config.jwk_url!)
  } catch {
    say('expected a URL such as "https://id.example.com/jwks.json"')
    return
  }
  const plain = url.protocol === 'http:'
  if (plain && !insecure) say('must be https: whoever can change the answer can sign tokens; or "disable_jwk_security"')
  else if (!plain && url.protocol !== 'https:') say(`expected an https URL, got "${url.protocol}"`)
  if (url.username !== '' || url.password !== '') say('must hold no user name or password')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (!insecure && isIP(host) !== 0 && /^(169\.254\.|fe[89ab])/i.test(host)) say('must not be a link-local address')
  for (const field of ['jwk_local_ca', 'jwk_fingerprints'] as const) {
    if (plain && config[field] !== undefined) say('protects nothing while "jwk_url" is http', field)
  }
  if (config.jwk_local_ca !== undefined) {
    try {
      new X509Certificate(readFileSync(resolve(baseDir, config.jwk_local_ca)))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      say(code === 'ENOENT' ? 'does not exist' : 'holds no certificate in PEM', 'jwk_local_ca')
    }
  }
  for (const [index, pin] of (config.jwk_fingerprints ?? []).entries()) {
    if (Buffer.from(pin, 'base64').length !== 32) say('expected base64url of 32 bytes', `jwk_fingerprints[${index}]`)
  }
}

function checkTimes(config: JwtConfig): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  for (const field of ['leeway', 'maximum_expiration', 'cache_duration', 'jwk_max_stale', 'jwk_timeout'] as const) {
    if (config[field] !== undefined && !Number.isFinite(duration(config[field]))) {
      issues.push({ place: `.${field}`, message: 'must be finite' })
    }
  }
  if (duration(config.leeway ?? 0) > MAX_LEEWAY) {
    issues.push({ place: '.leeway', message: 'is longer than 10m: expired tokens would live on' })
  }
  const maximum = duration(config.maximum_expiration ?? 0)
  if (maximum > MAX_LIFETIME) issues.push({ place: '.maximum_expiration', message: 'is longer than a year' })
  if (maximum > 0 && config.claims_to_verify?.includes('exp') === false) {
    issues.push({ place: '.maximum_expiration', message: 'needs "exp" in "claims_to_verify"' })
  }
  for (const field of ['cache_duration', 'jwk_timeout'] as const) {
    if (config[field] !== undefined && duration(config[field]) === 0) {
      issues.push({ place: `.${field}`, message: 'must be more than 0' })
    }
  }
  return issues
}

function checkHeaders(config: JwtConfig): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const tokens = new Set(placesOf(config).headers.map(foldHeaderName))
  const seen = new Map<string, string>()
  const check = (place: string, name: string): void => {
    const folded = foldHeaderName(name)
    const say = (message: string): void => void issues.push({ place, message })
    if (!HEADER_NAME.test(name)) say(`"${name}" is no header name`)
    else if (RESERVED.has(folded)) say(`the header "${name}" is reserved`)
    else if (tokens.has(folded)) say(`the header "${name}" holds the token`)
    else if (seen.has(folded)) say(`"${name}" and "${seen.get(folded)}" are one header to many upstreams`)
    seen.set(folded, name)
  }
  for (const [index, [, header]] of (config.propagate_claims ?? []).entries()) {
    check(`.propagate_claims[${index}]`, header)
  }
  const authenticated = authenticatedHeader(config)
  if (authenticated !== undefined) check('.inject_authenticated_header', authenticated)
  return issues
}
