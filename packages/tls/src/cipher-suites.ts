/** Suites by IANA name: number and OpenSSL's name. TLS 1.3 suites have the same name in both. */
const SUITES: Readonly<Record<string, readonly [number: number, openssl: string]>> = {
  TLS_AES_128_GCM_SHA256: [0x1301, 'TLS_AES_128_GCM_SHA256'],
  TLS_AES_256_GCM_SHA384: [0x1302, 'TLS_AES_256_GCM_SHA384'],
  TLS_CHACHA20_POLY1305_SHA256: [0x1303, 'TLS_CHACHA20_POLY1305_SHA256'],
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: [0xc02b, 'ECDHE-ECDSA-AES128-GCM-SHA256'],
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: [0xc02c, 'ECDHE-ECDSA-AES256-GCM-SHA384'],
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: [0xc02f, 'ECDHE-RSA-AES128-GCM-SHA256'],
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: [0xc030, 'ECDHE-RSA-AES256-GCM-SHA384'],
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: [0xcca8, 'ECDHE-RSA-CHACHA20-POLY1305'],
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: [0xcca9, 'ECDHE-ECDSA-CHACHA20-POLY1305'],
  TLS_DHE_RSA_WITH_AES_128_GCM_SHA256: [0x009e, 'DHE-RSA-AES128-GCM-SHA256'],
  TLS_DHE_RSA_WITH_AES_256_GCM_SHA384: [0x009f, 'DHE-RSA-AES256-GCM-SHA384'],
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: [0xc023, 'ECDHE-ECDSA-AES128-SHA256'],
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: [0xc027, 'ECDHE-RSA-AES128-SHA256'],
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: [0xc009, 'ECDHE-ECDSA-AES128-SHA'],
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: [0xc00a, 'ECDHE-ECDSA-AES256-SHA'],
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: [0xc013, 'ECDHE-RSA-AES128-SHA'],
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: [0xc014, 'ECDHE-RSA-AES256-SHA'],
  TLS_RSA_WITH_AES_128_GCM_SHA256: [0x009c, 'AES128-GCM-SHA256'],
  TLS_RSA_WITH_AES_256_GCM_SHA384: [0x009d, 'AES256-GCM-SHA384'],
  TLS_RSA_WITH_AES_128_CBC_SHA256: [0x003c, 'AES128-SHA256'],
  TLS_RSA_WITH_AES_128_CBC_SHA: [0x002f, 'AES128-SHA'],
  TLS_RSA_WITH_AES_256_CBC_SHA: [0x0035, 'AES256-SHA'],
}

/** Forward secrecy and authenticated encryption only (RFC 9325 section 4.2). */
const DEFAULT_12 = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
]
const DEFAULT_13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']

const byNumber = new Map(Object.values(SUITES).map(([number, openssl]) => [number, openssl]))
const known = new Set([...byNumber.values()])

/** IANA names of every suite that may be configured. */
export const suiteNames: readonly string[] = Object.keys(SUITES)

/** OpenSSL's name of a suite given by IANA name, OpenSSL name or number; undefined for one that is not run. */
export function suite(value: string | number): string | undefined {
  if (typeof value === 'number') return byNumber.get(value)
  return SUITES[value]?.[1] ?? (known.has(value) ? value : undefined)
}

/**
 * The `ciphers` option: the TLS 1.2 suites of the list restrict TLS 1.2, its TLS 1.3 suites restrict TLS 1.3; a version
 * of which the list names none keeps the safe defaults.
 */
export function ciphers(suites: readonly (string | number)[] | undefined): string {
  const names = (suites ?? []).map((value) => suite(value)).filter((name) => name !== undefined)
  const tls13 = names.filter((name) => name.startsWith('TLS_'))
  const tls12 = names.filter((name) => !name.startsWith('TLS_'))
  return [...(tls13.length > 0 ? tls13 : DEFAULT_13), ...(tls12.length > 0 ? tls12 : DEFAULT_12)].join(':')
}

const CURVES: Readonly<Record<string, readonly [number: number, openssl: string]>> = {
  'P-256': [23, 'P-256'],
  'P-384': [24, 'P-384'],
  'P-521': [25, 'P-521'],
  X25519: [29, 'X25519'],
}
const curveByNumber = new Map(Object.values(CURVES).map(([number, name]) => [number, name]))
const CURVE_ALIASES: Readonly<Record<string, string>> = {
  CurveP256: 'P-256',
  CurveP384: 'P-384',
  CurveP521: 'P-521',
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
}

/** Names of every curve that may be configured. */
export const curveNames: readonly string[] = Object.keys(CURVES)

/** OpenSSL's name of a curve given by name or number; undefined for one that is not known. */
export function curve(value: string | number): string | undefined {
  if (typeof value === 'number') return curveByNumber.get(value)
  return CURVES[value]?.[1] ?? CURVE_ALIASES[value]
}

/** The `ecdhCurve` option. */
export function curves(names: readonly (string | number)[] | undefined): string {
  if (names === undefined) return 'X25519:P-256:P-384:P-521'
  return names.map((name) => curve(name)!).join(':')
}
