import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type ConfigIssue, duration, durationSchema, type JSONSchema, parseAddress } from '@portcullis/core'

/** The fields of `auth/client-credentials`. */
export interface ClientCredentialsConfig {
  mode?: 'enforce' | 'monitor'
  client_id: string
  client_secret: string
  token_url: string
  scopes?: string | readonly string[]
  endpoint_params?: Readonly<Record<string, string | readonly string[]>>
  is_disabled?: boolean
  auth_style?: 'basic' | 'post'
  header_name?: string
  expiry_margin?: string | number
  retry_on_401?: boolean
  timeout?: string | number
  ca_certs?: readonly string[]
  allow_insecure_token_url?: boolean
}

/** JSON Schema of {@link ClientCredentialsConfig}. */
export const clientCredentialsSchema: JSONSchema = {
  type: 'object',
  properties: {
    client_id: { type: 'string', minLength: 1, description: 'The gateway’s id at the authorization server.' },
    client_secret: { type: 'string', minLength: 1, description: 'Its secret; it appears in no log and no error.' },
    token_url: { type: 'string', minLength: 1, description: 'The token endpoint, https.' },
    scopes: {
      type: ['string', 'array'],
      items: { type: 'string', minLength: 1 },
      description: 'Scopes to ask for: a list, or a text with commas or spaces between them.',
    },
    endpoint_params: {
      type: 'object',
      additionalProperties: { type: ['string', 'array'], items: { type: 'string' } },
      description: 'Further form fields of the token request, such as "audience".',
    },
    is_disabled: { type: 'boolean', default: false, description: 'Send requests without a token.' },
    auth_style: {
      enum: ['basic', 'post'],
      default: 'basic',
      description: 'Send id and secret in an Authorization header (basic) or as form fields (post).',
    },
    header_name: {
      type: 'string',
      pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
      expects: 'the name of a header',
      default: 'Authorization',
      description: 'The header that carries the token; what the client sent in it is replaced.',
    },
    expiry_margin: {
      ...durationSchema,
      default: '10s',
      description: 'A token is renewed in the background this long before it expires.',
    },
    retry_on_401: {
      type: 'boolean',
      default: true,
      description: 'When the upstream answers 401, drop the token and try an idempotent request once more.',
    },
    timeout: { ...durationSchema, default: '5s', description: 'How long a token request may take as a whole.' },
    ca_certs: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      description: 'Certificates (PEM files) to trust at the token endpoint instead of the system’s.',
    },
    allow_insecure_token_url: {
      type: 'boolean',
      default: false,
      description: 'Allow http for a token endpoint that is not on this machine.',
    },
  },
  required: ['client_id', 'client_secret', 'token_url'],
  additionalProperties: false,
}

const OWN_PARAMS = ['grant_type', 'client_id', 'client_secret', 'scope']
const NOT_FOR_TOKENS = [
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'te',
  'upgrade',
  'trailer',
  'expect',
]

/** What the schema cannot see. Never repeats the token URL: it may hold a secret. */
export function checkClientCredentials(config: ClientCredentialsConfig, context: { baseDir: string }): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const say = (place: string, message: string): void => void issues.push({ place, message })
  const url = URL.canParse(config.token_url) ? new URL(config.token_url) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    say('.token_url', 'expected a URL such as "https://login.example.com/oauth/token"')
  } else {
    if (url.username !== '' || url.password !== '') say('.token_url', 'must not hold credentials')
    if (url.hash !== '') say('.token_url', 'must not have a fragment')
    if (url.protocol === 'http:' && !isLoopback(url.hostname) && config.allow_insecure_token_url !== true) {
      say(
        '.token_url',
        'would send the client secret unencrypted: use https, or state "allow_insecure_token_url": true',
      )
    }
  }
  for (const name of OWN_PARAMS) {
    if (config.endpoint_params !== undefined && Object.hasOwn(config.endpoint_params, name)) {
      say(`.endpoint_params.${name}`, name === 'scope' ? 'belongs into "scopes"' : 'is set by the grant itself')
    }
  }
  if (duration(config.timeout ?? '5s') <= 0) say('.timeout', 'must be longer than nothing')
  if (NOT_FOR_TOKENS.includes(config.header_name?.toLowerCase() ?? '')) say('.header_name', 'cannot carry a token')
  config.ca_certs?.forEach((file, i) => {
    if (!existsSync(resolve(context.baseDir, file))) say(`.ca_certs[${i}]`, `there is no file ${JSON.stringify(file)}`)
  })
  return issues
}

/** The scopes in the form of RFC 6749 section 3.3, undefined when there are none. */
export function scopeText(scopes: string | readonly string[] | undefined): string | undefined {
  const list = typeof scopes === 'string' ? scopes.split(/[\s,]+/) : (scopes ?? [])
  const text = list.filter((scope) => scope !== '').join(' ')
  return text === '' ? undefined : text
}

function isLoopback(hostname: string): boolean {
  if (hostname === 'localhost' || hostname.endsWith('.localhost')) return true
  const address = parseAddress(hostname.replace(/^\[|\]$/g, ''))
  if (address === undefined) return false
  return address.family === 4 ? address.value >>> 24 === 127 : address.value === '1'.padStart(32, '0')
}
