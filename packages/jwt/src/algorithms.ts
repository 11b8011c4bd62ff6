import type { KeyObject } from 'node:crypto'

/** The signature algorithms of RFC 7518 and RFC 8037 that a configuration may name. `none` is not one of them. */
export const ALGORITHMS = [
  'HS256',
  'HS384',
  'HS512',
  'RS256',
  'RS384',
  'RS512',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
] as const

export type Algorithm = (typeof ALGORITHMS)[number]

const CURVES: Partial<Record<Algorithm, string>> = { ES256: 'prime256v1', ES384: 'secp384r1', ES512: 'secp521r1' }

/** Is it an HMAC, so that who can verify can also sign? */
export function isSymmetric(alg: Algorithm): boolean {
  return alg.startsWith('HS')
}

/** Bytes that a secret needs at least: as many as the hash has (RFC 7518, section 3.2). */
function leastSecretBytes(alg: Algorithm): number {
  return Number(alg.slice(2)) / 8
}

/**
 * Why a key must not be used with an algorithm, in words; undefined when it may. Weak keys do not fit any:
 * secrets shorter than their hash, RSA below 2048 bits or with an exponent of 1 or an even one.
 */
export function misfit(alg: Algorithm, key: KeyObject): string | undefined {
  if (key.type === 'private') return 'is a private key; the gateway verifies and needs the public one'
  if (isSymmetric(alg)) return secretMisfit(alg, key)
  if (key.type === 'secret') return `is a secret, but ${alg} needs a public key`
  const type = key.asymmetricKeyType
  if (alg === 'EdDSA')
    return type === 'ed25519' || type === 'ed448' ? undefined : wrongType(alg, 'Ed25519 or Ed448', type)
  if (alg.startsWith('ES')) {
    if (type !== 'ec') return wrongType(alg, 'elliptic curve', type)
    const curve = key.asymmetricKeyDetails?.namedCurve
    return curve === CURVES[alg] ? undefined : `is on the curve ${curve}, but ${alg} needs ${CURVES[alg]}`
  }
  if (type !== 'rsa') return wrongType(alg, 'RSA', type)
  return rsaMisfit(key)
}

function secretMisfit(alg: Algorithm, key: KeyObject): string | undefined {
  if (key.type !== 'secret') return `is a public key, but ${alg} needs a secret`
  const least = leastSecretBytes(alg)
  const bytes = key.symmetricKeySize ?? 0
  return bytes >= least ? undefined : `has ${bytes} bytes, but ${alg} needs at least ${least} (RFC 7518, 3.2)`
}

function rsaMisfit(key: KeyObject): string | undefined {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < 2048) return `has ${modulusLength} bits, but RSA needs at least 2048 (RFC 7518, 3.3)`
  if (modulusLength > 16_384) return `has ${modulusLength} bits; more than 16384 cost too much to verify`
  if (publicExponent < 3n || publicExponent % 2n === 0n) return 'has a public exponent that protects nothing'
  return undefined
}

function wrongType(alg: Algorithm, wanted: string, found: string | undefined): string {
  return `is of the type ${found}, but ${alg} needs one of the type ${wanted}`
}
