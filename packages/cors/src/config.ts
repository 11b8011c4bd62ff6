import { METHODS } from 'node:http'
import { durationSchema, type JSONSchema } from '@portcullis/core'

/** The block `security/cors`. */
export interface CorsConfig {
  /** Origins that may read responses. Absent, empty, or with `"*"` in it: any origin. */
  allow_origins?: string[]
  /** Methods that a foreign page may use. Default GET, HEAD, POST. */
  allow_methods?: string[]
  /** Request headers that a foreign page may send. Absent, empty, or with `"*"` in it: any header. */
  allow_headers?: string[]
  /** Response headers that a foreign page may read. */
  expose_headers?: string[]
  /** May cookies and other credentials come along? Not together with any origin. */
  allow_credentials?: boolean
  /** How long a browser may remember a preflight's answer. Under one second: not said. */
  max_age?: string | number
  /** May a public page reach this server in a private network? */
  allow_private_network?: boolean
  /** Give preflights their headers, but let the app's own OPTIONS route answer them. */
  options_passthrough?: boolean
  /** Status of a preflight's answer. Default 204. */
  options_success_status?: number
  /** Log every decision at level debug. */
  debug?: boolean
}

const names = (description: string): JSONSchema => ({
  type: 'array',
  items: { type: 'string', pattern: "^([A-Za-z0-9!#$%&'*+.^_`|~-]+)$", expects: 'a header name' },
  description,
})

/** JSON Schema of {@link CorsConfig}. */
export const corsSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    allow_origins: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      default: ['*'],
      description:
        'Origins such as "https://app.example.com". A * in an entry stands for one host label ("https://*.example.com") or the port ("http://localhost:*"), never for dots or slashes. "*" alone allows any origin.',
    },
    allow_methods: {
      type: 'array',
      items: { enum: METHODS },
      default: ['GET', 'HEAD', 'POST'],
      description: 'Methods that a foreign page may use; upper case.',
    },
    allow_headers: names('Request headers that a foreign page may send; case does not matter. "*" allows any.'),
    expose_headers: names('Response headers that a foreign page may read.'),
    allow_credentials: {
      type: 'boolean',
      default: false,
      description: 'Cookies and other credentials may come along. Not together with any origin.',
    },
    max_age: {
      ...durationSchema,
      description: 'How long a browser may remember a preflight’s answer. Under one second it is not said.',
    },
    allow_private_network: {
      type: 'boolean',
      default: false,
      description: 'A public page may reach this server in a private network.',
    },
    options_passthrough: {
      type: 'boolean',
      default: false,
      description: 'Preflights get their headers, but the app’s own OPTIONS route answers them.',
    },
    options_success_status: {
      type: 'integer',
      minimum: 200,
      maximum: 299,
      default: 204,
      description: 'Status of a preflight’s answer.',
    },
    debug: { type: 'boolean', default: false, description: 'Log every decision at level debug.' },
  },
}
