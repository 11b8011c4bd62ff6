import type { JSONSchema } from '@portcullis/core'

/** One block `security/ip-filter`: the options of the plugin. */
export interface IpFilterConfig {
  /** Addresses and CIDR ranges that may come in. With an allow list, all others are refused. */
  allow?: string[]
  /** Addresses and CIDR ranges that are refused, also when they are allowed. */
  deny?: string[]
  /** A file of further entries for `allow`, one a line. */
  allow_file?: string
  /** A file of further entries for `deny`, one a line. */
  deny_file?: string
  /** Status of the refusal, 400 to 499. Default 403. */
  status?: number
  /** Message of the refusal. */
  message?: string
  mode?: 'enforce' | 'monitor'
}

const entries: JSONSchema = { type: 'array', items: { type: 'string' } }
const file: JSONSchema = { type: 'string', minLength: 1 }

/** JSON Schema of the block, draft 7. */
export const ipFilterSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  anyOf: ['allow', 'deny', 'allow_file', 'deny_file'].map((field) => ({ required: [field] })),
  properties: {
    allow: {
      ...entries,
      description:
        'Addresses and CIDR ranges (IPv4, IPv6) that may come in; with an allow list all others are refused.',
    },
    deny: { ...entries, description: 'Addresses and CIDR ranges that are refused. Deny wins over allow.' },
    allow_file: {
      ...file,
      description: 'File of further entries for `allow`, one a line, `#` starts a comment. Read again when it changes.',
    },
    deny_file: { ...file, description: 'File of further entries for `deny`, in the same form.' },
    status: {
      type: 'integer',
      minimum: 400,
      maximum: 499,
      default: 403,
      description: 'Status of the refusal.',
    },
    message: {
      type: 'string',
      minLength: 1,
      default: 'Access from this address is not allowed',
      description: 'Message of the refusal.',
    },
  },
}
