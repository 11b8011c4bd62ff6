import {
  type EndpointDocument,
  type GatewayDocument,
  type LoadedConfig,
  type LoadOptions,
  loadConfig,
} from '@portcullis/gateway'

/** Severities, mildest first. */
export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const

/** How grave a finding is. */
export type Severity = (typeof SEVERITIES)[number]

/** One piece of advice on a valid configuration. */
export interface AuditFinding {
  id: string
  severity: Severity
  place: string
  message: string
}

type Bag = Record<string, unknown>

/**
 * Security advice on a configuration that is valid but could be safer. Unlike KrakenD's audit it looks at values, not
 * only at whether a block is there.
 *
 * @throws ConfigurationError when the configuration is not valid.
 */
export function audit(config: string | GatewayDocument, options: LoadOptions = {}): AuditFinding[] {
  const loaded = loadConfig(config, options)
  const findings: AuditFinding[] = []
  const add: Add = (id, severity, place, message) => void findings.push({ id, severity, place, message })
  auditService(loaded, add)
  const { endpoints = [] } = loaded.document
  for (const [i, endpoint] of endpoints.entries()) auditEndpoint(endpoint, `endpoints[${i}]`, loaded, add)
  return findings.sort((a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity))
}

type Add = (id: string, severity: Severity, place: string, message: string) => void

function auditService(loaded: LoadedConfig, add: Add): void {
  const { document } = loaded
  const has = (component: string): boolean => loaded.blocks.has(component)
  const anywhere = (part: string): boolean => JSON.stringify(document).includes(`"${part}`)
  if (document.tls === undefined && block(loaded, 'http-secure')?.ssl_certificate === undefined)
    add('tls.none', 'high', 'tls', 'clients are served without TLS; fine only behind a proxy that terminates it')
  if (document.tls?.disabled === true)
    add('tls.disabled', 'critical', 'tls.disabled', 'TLS is configured and switched off')
  if (!has('http-secure'))
    add('http.none', 'high', 'extra_config', 'no security/http block: no allowed hosts, no security headers')
  else auditHttp(block(loaded, 'http-secure')!, add)
  if (!has('request-limits'))
    add(
      'limits.none',
      'medium',
      'extra_config',
      'no security/request-limits block: the defaults of the server alone bound requests',
    )
  if (!anywhere('qos/ratelimit/')) add('rate.none', 'high', 'extra_config', 'no rate limit anywhere')
  if (!anywhere('qos/circuit-breaker')) add('breaker.none', 'low', 'endpoints', 'no circuit breaker at any backend')
  if (!has('audit-log')) add('log.none', 'medium', 'extra_config', 'no telemetry/audit-log block')
  if (document.client_tls?.allow_insecure_connections === true)
    add('backend.insecure', 'critical', 'client_tls.allow_insecure_connections', 'no backend’s certificate is verified')
  auditTrust(document, add)
}

function auditHttp(http: Bag, add: Add): void {
  const place = 'extra_config["security/http"]'
  if (!Array.isArray(http.allowed_hosts) || http.allowed_hosts.length === 0)
    add('http.hosts', 'medium', `${place}.allowed_hosts`, 'any Host is accepted')
  if (http.is_development === true)
    add('http.development', 'critical', `${place}.is_development`, 'host check, redirect and HSTS are off')
  if (http.sts_seconds === undefined || http.sts_seconds === 0)
    add('http.hsts', 'medium', `${place}.sts_seconds`, 'no Strict-Transport-Security')
  if (http.content_type_nosniff !== true)
    add('http.nosniff', 'low', `${place}.content_type_nosniff`, 'browsers may sniff content types')
  if (http.hpkp_public_key !== undefined)
    add('http.hpkp', 'low', `${place}.hpkp_public_key`, 'no browser honours public key pins')
}

function auditTrust(document: GatewayDocument, add: Add): void {
  const wide = (document.trusted_proxies ?? []).filter((entry) => /\/[0-7]$/.test(entry))
  for (const entry of wide)
    add('trust.wide', 'high', 'trusted_proxies', `${entry} believes what almost anybody says of the client`)
}

function auditEndpoint(endpoint: EndpointDocument, place: string, loaded: LoadedConfig, add: Add): void {
  const extra = JSON.stringify(endpoint.extra_config ?? {})
  const identified =
    ['jwt', 'api-keys', 'basic-auth'].some((name) => loaded.blocks.has(name)) ||
    /"(auth\/|github[._]com\/devopsfaith\/krakend-jose)/.test(extra)
  if (!identified) add('auth.none', 'medium', place, `${endpoint.endpoint} asks for no identity`)
  if (endpoint.input_headers?.includes('*') === true)
    add('forward.headers', 'high', `${place}.input_headers`, 'every client header reaches the backend')
  if (endpoint.input_query_strings?.includes('*') === true)
    add('forward.query', 'medium', `${place}.input_query_strings`, 'every query parameter reaches the backend')
  const validator = endpoint.extra_config?.['auth/validator'] as Bag | undefined
  if (validator !== undefined && typeof validator === 'object')
    auditValidator(validator, `${place}.extra_config["auth/validator"]`, add)
  endpoint.backend.forEach((backend, i) => {
    const at = `${place}.backend[${i}]`
    const tls = backend.extra_config?.client_tls as Bag | undefined
    if (tls?.allow_insecure_connections === true)
      add('backend.insecure', 'critical', `${at}.extra_config.client_tls`, 'the backend’s certificate is not verified')
  })
}

function auditValidator(validator: Bag, place: string, add: Add): void {
  if (validator.issuer === undefined && validator.issuers === undefined)
    add('jwt.issuer', 'medium', place, 'tokens of any issuer with a known key pass')
  if (validator.audience === undefined) add('jwt.audience', 'medium', place, 'tokens meant for other services pass')
  if (validator.disable_jwk_security === true)
    add('jwt.insecure', 'critical', `${place}.disable_jwk_security`, 'keys are fetched without verified HTTPS')
  if (Array.isArray(validator.claims_to_verify) && !validator.claims_to_verify.includes('exp'))
    add('jwt.exp', 'high', `${place}.claims_to_verify`, 'tokens without an end are accepted')
}

function block(loaded: LoadedConfig, component: string): Bag | undefined {
  return loaded.blocks.get(component)?.config as Bag | undefined
}
