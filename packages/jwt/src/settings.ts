import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Context, duration, size } from '@portcullis/core'
import type { Algorithm } from './algorithms.ts'
import { claimPath } from './claims.ts'
import type { IssuerConfig, JwtConfig, KeyConfig } from './config.ts'
import { jwksFetcher } from './fetch-jwks.ts'
import { ConfiguredKey, FileKeys, type KeySource, publicKey, secretKey } from './key-source.ts'
import { RemoteKeys } from './remote-keys.ts'
import type { PlaceNames } from './token-places.ts'
import type { RuleOptions } from './token-rules.ts'
import { type Trust, Verifier } from './verifier.ts'

/** The configured algorithm, or the one that goes with the kind of key. */
export function algorithmOf(config: KeyConfig): Algorithm {
  return config.alg ?? (config.secret === undefined ? 'RS256' : 'HS256')
}

/** Where tokens are looked for: `Authorization` alone unless the configuration says more. */
export function placesOf(config: JwtConfig): PlaceNames {
  const headers = config.header_names ?? [config.auth_header_name ?? 'authorization']
  return {
    headers: [...new Set(headers.map((name) => name.toLowerCase()))],
    cookies: [...(config.cookie_key === undefined ? [] : [config.cookie_key]), ...(config.cookie_names ?? [])],
    params: config.uri_param_names ?? [],
  }
}

/** Name of the header that says that a token was accepted, in lower case. */
export function authenticatedHeader(config: JwtConfig): string | undefined {
  const { inject_authenticated_header: stated } = config
  if (stated === undefined || stated === false) return undefined
  return stated === true ? 'x-authenticated' : stated.toLowerCase()
}

/** The PEM text of `public_key`, which may be the text itself or a file's name. @throws when the file is not there. */
export function publicKeyText(value: string, baseDir: string): string {
  return value.includes('-----BEGIN') ? value : readFileSync(resolve(baseDir, value), 'utf8')
}

/** What a route asks of a token. */
export function rulesOf(config: JwtConfig): RuleOptions {
  const authenticated = authenticatedHeader(config)
  return {
    issuer: config.issuer,
    audience: config.audience,
    audienceMatcher: config.audience_matcher ?? 'all',
    required: config.claims_to_verify ?? ['exp'],
    leeway: duration(config.leeway ?? '1s'),
    maximumExpiration: duration(config.maximum_expiration ?? 0),
    roles: { path: claimPath(config.roles_key ?? 'roles', config.roles_key_is_nested === true), wanted: config.roles },
    scopes:
      config.scopes === undefined
        ? undefined
        : {
            path: claimPath(config.scopes_key ?? 'scope', true),
            wanted: config.scopes,
            matcher: config.scopes_matcher ?? 'any',
          },
    propagate: (config.propagate_claims ?? []).map(([claim, header]) => ({
      path: claimPath(claim, true),
      header: header.toLowerCase(),
    })),
    preserveArrays: config.propagate_claims_preserve_array === true,
    constantHeaders: authenticated === undefined ? [] : [[authenticated, 'true']],
  }
}

/**
 * The verifier of a block. Blocks that trust the same issuers in the same way share one, with its token cache; blocks
 * that trust the same URL in the same way share its keys. Nothing is ever shared between different trust.
 */
export function verifierOf(config: JwtConfig, context: Context): Verifier {
  const issuers: IssuerConfig[] = config.issuers ?? [pickKeys(config)]
  const { key_claim_name: keyClaim } = config
  const timing = timingOf(config)
  const maxLength = size(config.max_token_size ?? '8K')
  const several = config.issuers !== undefined
  const identity = digest([several, issuers, keyClaim, timing, maxLength, context.baseDir])
  return context.shared(`jwt:verifier:${identity}`, () => {
    const trusts = issuers.map((issuer): [string, Trust] => [
      issuer.key ?? issuer.issuer ?? '',
      {
        alg: algorithmOf(issuer),
        keys: keysOf(issuer, timing, context),
        strategy: issuer.key_identify_strategy ?? 'kid',
        issuer: several ? issuer.issuer : undefined,
        audience: several ? issuer.audience : undefined,
      },
    ])
    return new Verifier({
      trusts: new Map(several ? trusts : []),
      only: several ? undefined : trusts[0]![1],
      keyClaim: several ? (keyClaim ?? 'iss') : keyClaim,
      maxLength,
    })
  })
}

interface Timing {
  cacheDuration: number
  cooldown: number
  maxStale: number
  timeout: number
}

function timingOf(config: JwtConfig): Timing {
  return {
    cacheDuration: duration(config.cache_duration ?? 900),
    cooldown: duration(config.failed_jwk_key_cooldown ?? '10s'),
    maxStale: duration(config.jwk_max_stale ?? '12h'),
    timeout: duration(config.jwk_timeout ?? '3s'),
  }
}

function pickKeys(config: KeyConfig): KeyConfig {
  const { alg, jwk_url, jwk_local_path, jwk_local_ca, jwk_fingerprints, key_identify_strategy } = config
  const { secret, secret_is_base64, public_key } = config
  const picked = { alg, jwk_url, jwk_local_path, jwk_local_ca, jwk_fingerprints, key_identify_strategy }
  return JSON.parse(JSON.stringify({ ...picked, secret, secret_is_base64, public_key })) as KeyConfig
}

function keysOf(config: KeyConfig, timing: Timing, context: Context): KeySource {
  const { baseDir, log } = context
  const strategy = config.key_identify_strategy ?? 'kid'
  if (config.secret !== undefined) {
    return new ConfiguredKey(secretKey(config.secret, config.secret_is_base64 === true), algorithmOf(config))
  }
  if (config.public_key !== undefined) {
    return new ConfiguredKey(publicKey(publicKeyText(config.public_key, baseDir)), algorithmOf(config))
  }
  if (config.jwk_local_path !== undefined) {
    const path = resolve(baseDir, config.jwk_local_path)
    const onError = (error: Error): void => log.error({ file: path, reason: error.message }, 'key file not reloaded')
    return context.shared(`jwt:file:${path} ${strategy}`, () => new FileKeys({ path, strategy, onError }))
  }
  const { jwk_url: url = '', jwk_local_ca: ca, jwk_fingerprints: pins } = config
  return context.shared(`jwt:url:${digest([url, ca, pins, strategy, timing])}`, () => {
    const trust = {
      url,
      timeout: timing.timeout,
      ...(ca === undefined ? undefined : { ca: readFileSync(resolve(baseDir, ca), 'utf8') }),
      ...(pins === undefined ? undefined : { pins: pins.map((pin) => Buffer.from(pin, 'base64')) }),
    }
    return new RemoteKeys({ name: url.replace(/[?#].*$/, ''), ...jwksFetcher(trust), strategy, ...timing, log })
  })
}

/** Secrets are part of what is told apart here, so only a hash of it is kept. */
function digest(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
