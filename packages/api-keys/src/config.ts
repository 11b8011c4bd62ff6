import { type JSONSchema, type Level, runOnPreflightSchema } from '@portcullis/core'

/** How keys are written in the configuration. */
export type KeyHash = 'plain' | 'sha256' | 'sha512' | 'sha1'

/** One key and what it may do. */
export interface KeyEntry {
  key: string
  id?: string
  roles?: string[]
  client_max_rate?: number
}

/** The block `auth/api-keys`. */
export interface ApiKeysConfig {
  keys?: KeyEntry[]
  keys_file?: string
  hash?: KeyHash
  salt?: string
  strategy?: 'header' | 'query_string'
  identifier?: string
  hide_credentials?: boolean
  propagate_role?: string
  roles?: string[]
  client_max_rate?: number
  realm?: string
  run_on_preflight?: boolean
  mode?: 'enforce' | 'monitor'
}

const role: JSONSchema = {
  type: 'string',
  pattern: '^[!-+\\--~]+$',
  expects: 'a role of printable ASCII without spaces and commas',
}
const rate = (description: string): JSONSchema => ({ type: 'number', exclusiveMinimum: 0, description })

/** JSON Schema of one entry of `keys`, which is that of the keys file too. */
export const keyEntrySchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['key'],
  properties: {
    key: {
      type: 'string',
      pattern: '^[!-~]([ -~]*[!-~])?$',
      expects: 'a key of printable ASCII',
      writeOnly: true,
      description: 'The key, or its hash in hexadecimal digits as `hash` says.',
    },
    id: { type: 'string', minLength: 1, description: 'Name of the client, for logs and limits. Never the key.' },
    roles: { type: 'array', items: role, description: 'What the client may be asked for by an endpoint’s `roles`.' },
    client_max_rate: rate('Requests per second of this client, in place of the block’s.'),
  },
}

const shared: Record<string, JSONSchema> = {
  strategy: { enum: ['header', 'query_string'], default: 'header', description: 'Where clients put the key.' },
  identifier: {
    type: 'string',
    pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z\\[\\]-]+$",
    expects: 'a header name or a query parameter',
    description: 'Name of the header (default `Authorization`) or of the query parameter (default `key`).',
  },
  hide_credentials: { type: 'boolean', default: true, description: 'The key does not reach the upstream.' },
  propagate_role: {
    type: 'string',
    minLength: 1,
    description: 'Request header that tells the upstream the roles that matched; without `roles`, all of the key’s.',
  },
  roles: { type: 'array', minItems: 1, items: role, description: 'The key must have one of these roles.' },
  client_max_rate: rate('Requests per second of each client; the rate limits enforce it.'),
  realm: {
    type: 'string',
    default: 'service',
    pattern: '^[ !#-\\[\\]-~]+$',
    expects: 'printable ASCII without quotes and backslashes',
    description: 'The realm of the challenge.',
  },
  run_on_preflight: runOnPreflightSchema as JSONSchema,
}

const service: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    keys: { type: 'array', items: keyEntrySchema, description: 'The keys.' },
    keys_file: {
      type: 'string',
      minLength: 1,
      description: 'JSON file with more keys (a list, or an object with the list `keys`); read again when it changes.',
    },
    hash: {
      enum: ['plain', 'sha256', 'sha512', 'sha1'],
      default: 'plain',
      description: 'How `key` is written: as it is, or as hexadecimal digits of a hash over salt and key.',
    },
    salt: { type: 'string', minLength: 1, writeOnly: true, description: 'Stands before the key when it is hashed.' },
    ...shared,
  },
}

const endpoint: JSONSchema = { type: 'object', additionalProperties: false, properties: shared }

/** JSON Schema of the block: keys belong to the service, an endpoint says who may use it. */
export function apiKeysSchema(level: Level): JSONSchema {
  return level === 'service' ? service : endpoint
}
