import { durationSchema, type JSONSchema, runOnPreflightSchema, sizeSchema } from '@portcullis/core'
import { ALGORITHMS, type Algorithm } from './algorithms.ts'
import type { KeyIdStrategy } from './jwk-set.ts'

/** Where the keys of one issuer come from, and the algorithm that they are used with. */
export interface KeyConfig {
  alg?: Algorithm
  jwk_url?: string
  jwk_local_path?: string
  jwk_local_ca?: string
  jwk_fingerprints?: string[]
  disable_jwk_security?: boolean
  key_identify_strategy?: KeyIdStrategy
  secret?: string
  secret_is_base64?: boolean
  public_key?: string
}

/** One of several issuers. */
export interface IssuerConfig extends KeyConfig {
  issuer?: string
  key?: string
  audience?: string[]
}

/** The block `auth/validator`. */
export interface JwtConfig extends KeyConfig {
  issuers?: IssuerConfig[]
  key_claim_name?: string
  cache?: boolean
  cache_duration?: string | number
  failed_jwk_key_cooldown?: string | number
  jwk_max_stale?: string | number
  jwk_timeout?: string | number
  auth_header_name?: string
  header_names?: string[]
  cookie_key?: string
  cookie_names?: string[]
  uri_param_names?: string[]
  max_token_size?: string | number
  optional?: boolean
  strip_token?: boolean
  run_on_preflight?: boolean
  realm?: string
  issuer?: string
  audience?: string[]
  audience_matcher?: 'all' | 'any'
  claims_to_verify?: string[]
  leeway?: string | number
  maximum_expiration?: string | number
  roles?: string[]
  roles_key?: string
  roles_key_is_nested?: boolean
  scopes?: string[]
  scopes_key?: string
  scopes_matcher?: 'all' | 'any'
  propagate_claims?: [claim: string, header: string][]
  propagate_claims_preserve_array?: boolean
  inject_authenticated_header?: boolean | string
  operation_debug?: boolean
  mode?: 'enforce' | 'monitor'
}

const text = (description: string, more: JSONSchema = {}): JSONSchema => ({
  type: 'string',
  minLength: 1,
  ...more,
  description,
})
const texts = (description: string, items: JSONSchema = {}): JSONSchema => ({
  type: 'array',
  minItems: 1,
  items: { type: 'string', minLength: 1, ...items },
  description,
})
const flag = (description: string, byDefault: boolean): JSONSchema => ({
  type: 'boolean',
  default: byDefault,
  description,
})
const time = (description: string, byDefault: string | number): JSONSchema => ({
  ...durationSchema,
  default: byDefault,
  description,
})
const headerName: JSONSchema = { pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", expects: 'a header name' }
const scopeToken: JSONSchema = { pattern: '^[!#-\\[\\]-~]+$', expects: 'a scope without spaces and quotes' }

const keyFields: Record<string, JSONSchema> = {
  alg: {
    enum: ALGORITHMS,
    description:
      'The one signature algorithm; what a token says of itself never chooses it. Default HS256 with `secret`, else RS256.',
  },
  jwk_url: text('URL of the JWK set; https, unless `disable_jwk_security`.'),
  jwk_local_path: text('File with the JWK set; read again when it changes.'),
  jwk_local_ca: text('File with PEM certificates that are trusted for `jwk_url` beside the public ones.'),
  jwk_fingerprints: texts(
    'Base64url SHA-256 of public keys (SubjectPublicKeyInfo), one of which must be in the chain of `jwk_url`.',
  ),
  disable_jwk_security: flag('Allow `http:` in `jwk_url`. Certificates of https are verified all the same.', false),
  key_identify_strategy: {
    enum: ['kid', 'x5t', 'x5t#S256', 'kid_x5t'],
    default: 'kid',
    description: 'The members by which a token names its key.',
  },
  secret: text('The secret of an HS algorithm: at least as many bytes as its hash has.', { writeOnly: true }),
  secret_is_base64: flag('`secret` is base64 or base64url of the bytes.', false),
  public_key: text('A public key or certificate in PEM, or the name of a file with one.'),
}

const issuerSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...keyFields,
    issuer: text('What `iss` must be.'),
    key: text('The value of `key_claim_name` that chooses this entry. Default: `issuer`.'),
    audience: texts('Audiences, as the field of the block; checked beside it.'),
  },
}

/** JSON Schema of the block `auth/validator`. */
export const jwtSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...keyFields,
    issuers: {
      type: 'array',
      minItems: 1,
      items: issuerSchema,
      description: 'Several issuers with keys of their own, in place of the key fields of the block.',
    },
    key_claim_name: text(
      'The claim (or header parameter) that names the issuer. Default `iss` with `issuers`; else only looked at when stated, and must be there.',
    ),
    cache: { type: 'boolean', description: 'Accepted; keys and verified tokens are always cached.' },
    cache_duration: time('How long fetched keys are good.', 900),
    failed_jwk_key_cooldown: time('Least time between two fetches because of unknown key ids.', '10s'),
    jwk_max_stale: time('How much longer keys are used while `jwk_url` does not answer.', '12h'),
    jwk_timeout: time('Time for one fetch of `jwk_url`, all of it.', '3s'),
    auth_header_name: text('The header with the token; `Authorization` is then not read.', {
      ...headerName,
      default: 'Authorization',
    }),
    header_names: texts('Several headers that may hold the token.', headerName),
    cookie_key: text('A cookie that may hold the token. Default: none.'),
    cookie_names: texts('Several cookies that may hold the token.'),
    uri_param_names: texts('Query parameters that may hold the token. Default: none.'),
    max_token_size: {
      ...sizeSchema,
      default: '8K',
      description: 'Longer tokens are refused before anything is parsed.',
    },
    optional: flag('Requests without a token pass, without an identity. A wrong token is refused all the same.', false),
    strip_token: flag('The token does not reach the upstream.', true),
    run_on_preflight: runOnPreflightSchema as JSONSchema,
    realm: text('The realm of the challenge.', {
      default: 'service',
      pattern: '^[ !#-\\[\\]-~]+$',
      expects: 'printable ASCII without quotes and backslashes',
    }),
    issuer: text('What `iss` must be. A token without it is refused.'),
    audience: texts('Audiences that `aud` must hold. A token without it is refused.'),
    audience_matcher: {
      enum: ['all', 'any'],
      default: 'all',
      description: 'Must `aud` hold all of `audience`, or any?',
    },
    claims_to_verify: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      default: ['exp'],
      description: 'Claims that must be there. `exp`, `nbf` and `iat` are always checked when they are.',
    },
    leeway: time('How far the clocks of issuer and gateway may differ; at most 10m.', '1s'),
    maximum_expiration: time('Longest time that a token may have left; 0 = any. Needs `exp` in `claims_to_verify`.', 0),
    roles: texts('The token must have one of these roles.'),
    roles_key: text('The claim with the roles: an array, or words between spaces.', { default: 'roles' }),
    roles_key_is_nested: flag('Dots in `roles_key` lead into objects.', false),
    scopes: texts('The token must have these scopes.', scopeToken),
    scopes_key: text('The claim with the scopes; dots lead into objects.', { default: 'scope' }),
    scopes_matcher: { enum: ['all', 'any'], default: 'any', description: 'Must the token have all `scopes`, or any?' },
    propagate_claims: {
      type: 'array',
      items: {
        type: 'array',
        items: { type: 'string', minLength: 1 },
        minItems: 2,
        maxItems: 2,
        expects: 'a pair [claim, header]',
      },
      description: 'Pairs of a claim (dots lead into objects) and the request header that it becomes.',
    },
    propagate_claims_preserve_array: flag('Arrays become several header lines, not one with commas.', false),
    inject_authenticated_header: {
      type: ['boolean', 'string'],
      ...headerName,
      default: false,
      description: 'Send `x-authenticated: true`, or a header of this name, with requests whose token was accepted.',
      expects: 'true, false or a header name',
    },
    operation_debug: flag('Log why a token was refused; never the token, nor what is in it.', false),
  },
}
