import type { IncomingMessage, ServerResponse } from 'node:http'
import helmet, { type HelmetOptions } from 'helmet'
import type { HttpSecureConfig } from './config.ts'

/** Response headers, names in lower case. */
export type HeaderList = readonly (readonly [name: string, value: string])[]

/** The security headers of one block: constants, made once. */
export interface HeaderBlock {
  /** On responses over plain HTTP. */
  plain: HeaderList
  /** On responses over HTTPS. */
  secure: HeaderList
  /** Response headers that are taken away, whoever set them. */
  removed: readonly string[]
}

/** Where a policy has this, each response has a nonce of its own. */
export const NONCE_PLACE = '$NONCE'

const SERVER_HEADERS = ['server', 'x-powered-by', 'x-aspnet-version', 'x-aspnetmvc-version', 'x-generator']

/**
 * The headers of a block. Values come from helmet's own middleware where helmet has the header; policies are sent as
 * they are written.
 *
 * @throws Error when helmet takes a value for wrong; see {@link policyProblems}.
 */
export function headerBlock(config: HttpSecureConfig): HeaderBlock {
  const common = new Map([...helmetHeaders(commonOptions(config)), ...verbatimHeaders(config)])
  const transport = transportHeaders(config)
  const forced = config.force_sts_header === true ? transport.filter(([name]) => name !== 'public-key-pins') : []
  return {
    plain: [...common, ...forced],
    secure: [...common, ...transport],
    removed: config.hide_server_headers === false ? [] : SERVER_HEADERS,
  }
}

/** What only HTTPS may say (RFC 6797 section 7.2). */
function transportHeaders(config: HttpSecureConfig): HeaderList {
  if (config.is_development === true) return []
  const headers: (readonly [string, string])[] = []
  const maxAge = Math.floor(config.sts_seconds ?? 0)
  if (maxAge > 0) {
    const strictTransportSecurity = {
      maxAge,
      includeSubDomains: config.sts_include_subdomains === true,
      preload: config.sts_preload === true,
    }
    headers.push(...helmetHeaders({ ...NOTHING, strictTransportSecurity }))
  }
  if (config.hpkp_public_key) headers.push(['public-key-pins', config.hpkp_public_key])
  return headers
}

function commonOptions(config: HttpSecureConfig): HelmetOptions {
  const frame = frameAction(config)
  const { cross_origin_opener_policy: opener, cross_origin_embedder_policy: embedder } = config
  const { cross_origin_resource_policy: resource } = config
  return {
    ...NOTHING,
    xFrameOptions: frame === undefined ? false : { action: frame },
    xContentTypeOptions: config.content_type_nosniff === true,
    referrerPolicy: config.referrer_policy ? { policy: referrerPolicies(config.referrer_policy) } : false,
    crossOriginOpenerPolicy: opener === undefined ? false : { policy: opener },
    crossOriginEmbedderPolicy: embedder === undefined ? false : { policy: embedder },
    crossOriginResourcePolicy: resource === undefined ? false : { policy: resource },
  }
}

/** What helmet can say of frames; other values, such as ALLOW-FROM, are sent as they are written. */
function frameAction(config: HttpSecureConfig): 'deny' | 'sameorigin' | undefined {
  const custom = config.custom_frame_options_value?.trim().toLowerCase()
  if (custom === 'deny' || custom === 'sameorigin') return custom
  return config.frame_deny === true && !custom ? 'deny' : undefined
}

function verbatimHeaders(config: HttpSecureConfig): HeaderList {
  const candidates: (readonly [string, string | undefined])[] = [
    ['x-frame-options', frameAction(config) === undefined ? config.custom_frame_options_value : undefined],
    // helmet says 0, which switches the filter off; the field asks for KrakenD's value.
    ['x-xss-protection', config.browser_xss_filter === true ? '1; mode=block' : undefined],
    ['content-security-policy', config.content_security_policy],
    ['content-security-policy-report-only', config.content_security_policy_report_only],
    ['permissions-policy', config.permissions_policy],
  ]
  return candidates.flatMap(([name, value]) => (value ? [[name, value] as const] : []))
}

/** helmet's middleware run once against a recorder. */
function helmetHeaders(options: HelmetOptions): HeaderList {
  const headers: (readonly [string, string])[] = []
  const recorder = {
    setHeader: (name: string, value: string) => headers.push([name.toLowerCase(), value]),
    removeHeader: () => undefined,
  }
  const fail = (error?: unknown): void => {
    if (error !== undefined) throw error
  }
  helmet(options)({} as IncomingMessage, recorder as unknown as ServerResponse, fail)
  return headers
}

const NOTHING = {
  contentSecurityPolicy: false,
  crossOriginEmbedderPolicy: false,
  crossOriginOpenerPolicy: false,
  crossOriginResourcePolicy: false,
  originAgentCluster: false,
  referrerPolicy: false,
  strictTransportSecurity: false,
  xContentTypeOptions: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xFrameOptions: false,
  xPermittedCrossDomainPolicies: false,
  xPoweredBy: false,
  xXssProtection: false,
}

type ReferrerPolicies = Exclude<Extract<HelmetOptions['referrerPolicy'], object>['policy'], undefined>

function referrerPolicies(text: string): ReferrerPolicies {
  return text.split(',').map((policy) => policy.trim()) as ReferrerPolicies
}

/** What helmet finds wrong with the policies of a block, by field. */
export function policyProblems(config: HttpSecureConfig): { field: string; message: string }[] {
  const problems: { field: string; message: string }[] = []
  const attempt = (field: string, run: () => unknown): void => {
    try {
      run()
    } catch (error) {
      problems.push({ field, message: (error as Error).message })
    }
  }
  const { referrer_policy: referrer } = config
  if (referrer) attempt('referrer_policy', () => helmet.referrerPolicy({ policy: referrerPolicies(referrer) }))
  for (const field of ['content_security_policy', 'content_security_policy_report_only'] as const) {
    const policy = config[field]
    if (policy)
      attempt(field, () => helmet.contentSecurityPolicy({ useDefaults: false, directives: directivesOf(policy) }))
  }
  return problems
}

type Directives = Record<string, Iterable<string> | typeof helmet.contentSecurityPolicy.dangerouslyDisableDefaultSrc>

/** A policy's directives as helmet takes them, so that it may judge them. */
function directivesOf(policy: string): Directives {
  const directives: Directives = {}
  for (const part of policy.split(';')) {
    const [name, ...values] = part.trim().split(/\s+/)
    if (!name) continue
    if (Object.hasOwn(directives, name)) throw new Error(`the directive "${name}" stands there twice`)
    directives[name] = values.map((value) => (value === NONCE_PLACE ? "'nonce-x'" : value))
  }
  directives['default-src'] ??= helmet.contentSecurityPolicy.dangerouslyDisableDefaultSrc
  return directives
}
