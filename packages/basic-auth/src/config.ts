import { type JSONSchema, runOnPreflightSchema } from '@portcullis/core'

/** The block `auth/basic`. */
export interface BasicAuthConfig {
  htpasswd_path?: string
  users?: Record<string, string>
  realm?: string
  hide_credentials?: boolean
  run_on_preflight?: boolean
  mode?: 'enforce' | 'monitor'
}

/** JSON Schema of the block `auth/basic`. */
export const basicAuthSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    htpasswd_path: {
      type: 'string',
      minLength: 1,
      description: 'File of `name:hash` lines with bcrypt hashes (`htpasswd -B`); read again when it changes.',
    },
    users: {
      type: 'object',
      additionalProperties: { type: 'string', writeOnly: true },
      description: 'Names and the bcrypt hashes of their passwords, beside those of the file.',
    },
    realm: {
      type: 'string',
      default: 'service',
      pattern: '^[ !#-\\[\\]-~]+$',
      expects: 'printable ASCII without quotes and backslashes',
      description: 'The realm of the challenge: what the browser’s dialogue shows.',
    },
    hide_credentials: {
      type: 'boolean',
      default: true,
      description: 'Name and password do not reach the upstream.',
    },
    run_on_preflight: runOnPreflightSchema as JSONSchema,
  },
}
