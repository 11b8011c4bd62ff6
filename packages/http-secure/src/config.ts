import type { JSONSchema } from '@portcullis/core'

/** The block `security/http`. */
export interface HttpSecureConfig {
  /** Hosts (`example.com` or `example.com:8443`) that requests may be for. Absent or empty: any. */
  allowed_hosts?: string[]
  /** The entries of `allowed_hosts` are regular expressions, each for the whole host. */
  allowed_hosts_are_regex?: boolean
  /** Headers in which a trusted proxy names the host that the client asked for; the first that is not empty counts. */
  host_proxy_headers?: string[]
  /** Redirect plain HTTP to HTTPS. */
  ssl_redirect?: boolean
  /** Host of the redirect's target; may hold a port. Default: the request's own host. */
  ssl_host?: string
  /** Port of the redirect's target. 443 is left out. */
  ssl_port?: string | number
  /** Headers with which a trusted proxy says that the client uses HTTPS: `{ "X-Forwarded-Proto": "https" }`. */
  ssl_proxy_headers?: Record<string, string>
  /** Redirect with 302 and 307 instead of 301 and 308. */
  ssl_temporary_redirect?: boolean
  /** PEM file of the server's certificate chain. */
  ssl_certificate?: string
  /** PEM file of its private key. */
  ssl_private_key?: string
  /** `max-age` of Strict-Transport-Security. 0 = no such header. */
  sts_seconds?: number
  sts_include_subdomains?: boolean
  sts_preload?: boolean
  /** Send Strict-Transport-Security over plain HTTP too. */
  force_sts_header?: boolean
  /** `X-Frame-Options: DENY` */
  frame_deny?: boolean
  /** Value of X-Frame-Options; wins over `frame_deny`. */
  custom_frame_options_value?: string
  /** `X-Content-Type-Options: nosniff` */
  content_type_nosniff?: boolean
  /** `X-XSS-Protection: 1; mode=block` */
  browser_xss_filter?: boolean
  /** Value of Content-Security-Policy; `$NONCE` becomes a nonce of each response. */
  content_security_policy?: string
  content_security_policy_report_only?: string
  referrer_policy?: string
  permissions_policy?: string
  cross_origin_opener_policy?: 'same-origin' | 'same-origin-allow-popups' | 'noopener-allow-popups' | 'unsafe-none'
  cross_origin_embedder_policy?: 'require-corp' | 'credentialless' | 'unsafe-none'
  cross_origin_resource_policy?: 'same-origin' | 'same-site' | 'cross-origin'
  /** Value of Public-Key-Pins, sent over HTTPS. Browsers ignore it. */
  hpkp_public_key?: string
  /** Remove `Server`, `X-Powered-By` and their like from responses. Default true. */
  hide_server_headers?: boolean
  /** No host check, no redirect, no Strict-Transport-Security; the other headers stay. */
  is_development?: boolean
  /** `monitor`: hosts and redirects are only recorded. */
  mode?: 'enforce' | 'monitor'
}

const flag = (description: string, byDefault = false): JSONSchema => ({
  type: 'boolean',
  default: byDefault,
  description,
})

const HEADER_NAME: JSONSchema = {
  type: 'string',
  pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
  expects: 'a header name',
}

/** A text that may stand in a header. */
const value = (description: string): JSONSchema => ({
  type: 'string',
  pattern: '^[\\x20-\\x7e]*$',
  expects: 'a text of plain printable characters',
  description,
})

/** JSON Schema of {@link HttpSecureConfig}. */
export const httpSecureSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    allowed_hosts: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      description: 'Hosts, with the port where clients send one, that requests may be for. Empty: any host.',
    },
    allowed_hosts_are_regex: flag('The entries of allowed_hosts are regular expressions, each for the whole host.'),
    host_proxy_headers: {
      type: 'array',
      items: HEADER_NAME,
      description: 'Headers in which a trusted proxy names the host; the first that is not empty counts.',
    },
    ssl_redirect: flag('Redirect plain HTTP to HTTPS: 301 for GET and HEAD, 308 for other methods.'),
    ssl_host: value('Host of the redirect’s target; may hold a port. Default: the request’s own, allowed host.'),
    ssl_port: {
      anyOf: [
        { type: 'integer', minimum: 1, maximum: 65535 },
        { type: 'string', pattern: '^[1-9][0-9]{0,4}$' },
      ],
      expects: 'a port',
      description: 'Port of the redirect’s target; 443 is left out.',
    },
    ssl_proxy_headers: {
      type: 'object',
      propertyNames: HEADER_NAME,
      additionalProperties: { type: 'string', minLength: 1 },
      description: 'Headers and values with which a trusted proxy says that the client uses HTTPS; one is enough.',
    },
    ssl_temporary_redirect: flag('Redirect with 302 and 307 instead of 301 and 308.'),
    ssl_certificate: { type: 'string', minLength: 1, description: 'PEM file of the server’s certificate chain.' },
    ssl_private_key: { type: 'string', minLength: 1, description: 'PEM file of the server’s private key.' },
    sts_seconds: {
      type: 'number',
      minimum: 0,
      maximum: 9_007_199_254_740_991,
      default: 0,
      description: 'max-age of Strict-Transport-Security, sent over HTTPS. 0: no such header.',
    },
    sts_include_subdomains: flag('Adds includeSubDomains.'),
    sts_preload: flag('Adds preload.'),
    force_sts_header: flag('Sends Strict-Transport-Security over plain HTTP too.'),
    frame_deny: flag('X-Frame-Options: DENY.'),
    custom_frame_options_value: value('Value of X-Frame-Options; wins over frame_deny.'),
    content_type_nosniff: flag('X-Content-Type-Options: nosniff.'),
    browser_xss_filter: flag('X-XSS-Protection: 1; mode=block. For old browsers.'),
    content_security_policy: value('Value of Content-Security-Policy; $NONCE becomes a nonce of each response.'),
    content_security_policy_report_only: value('Value of Content-Security-Policy-Report-Only.'),
    referrer_policy: value('Value of Referrer-Policy: one policy, or several with commas.'),
    permissions_policy: value('Value of Permissions-Policy.'),
    cross_origin_opener_policy: {
      enum: ['same-origin', 'same-origin-allow-popups', 'noopener-allow-popups', 'unsafe-none'],
      description: 'Value of Cross-Origin-Opener-Policy.',
    },
    cross_origin_embedder_policy: {
      enum: ['require-corp', 'credentialless', 'unsafe-none'],
      description: 'Value of Cross-Origin-Embedder-Policy.',
    },
    cross_origin_resource_policy: {
      enum: ['same-origin', 'same-site', 'cross-origin'],
      description: 'Value of Cross-Origin-Resource-Policy.',
    },
    hpkp_public_key: value('Value of Public-Key-Pins, sent over HTTPS. Browsers ignore it.'),
    hide_server_headers: flag('Removes Server, X-Powered-By and their like from responses.', true),
    is_development: flag('No host check, no redirect, no Strict-Transport-Security; the other headers stay.'),
  },
}
