import { type JSONSchema, sizeSchema } from '@portcullis/core'

/** One block `security/waf`: the options of the plugin. */
export interface WafConfig {
  /** Rule files in SecRule language; paths may hold `*`, `?` and `[…]`. Read in this order, after `crs`. */
  rules_files?: string[]
  /** SecRule text, or a list of such texts, read after the files. */
  rules?: string | string[]
  /** Folder of an OWASP Core Rule Set, or `embedded` for the small rule set of this package. */
  crs?: string
  /** 1 to 4: how strict the rule set is. */
  paranoia_level?: 1 | 2 | 3 | 4
  /** Score at which a request is refused. */
  anomaly_threshold_inbound?: number
  /** Score at which a response is refused. */
  anomaly_threshold_outbound?: number
  /** Further TX variables of the rule set's setup, such as `allowed_methods`. */
  crs_settings?: Record<string, string | number>
  /** Rules to leave out: ids, ranges of ids (`"942000-942999"`), tags (`*` stands for anything). */
  exclude_rules?: (number | string)[]
  /** Look at response bodies too. */
  inspect_responses?: boolean
  /** Largest request body that is looked at, in bytes or as `"1M"`. */
  request_body_limit?: number | string
  /** Largest response body that is looked at. */
  response_body_limit?: number | string
  /** What happens to larger bodies. */
  body_limit_action?: 'reject' | 'process_partial'
  /** Audit entries: true, or the parts of SecAuditLogParts to write. */
  audit?: boolean | string
  /** Names of arguments, headers and cookies whose values are never shown, beside those that always are. */
  redact?: string[]
  /** Where IP, SESSION and the other lasting collections live. */
  policy?: 'local' | 'redis'
  mode?: 'enforce' | 'monitor'
}

const fileList: JSONSchema = { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 }
const threshold: JSONSchema = { type: 'integer', minimum: 1, maximum: 100_000 }

/** JSON Schema of the block, draft 7. */
export const wafSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    rules_files: {
      ...fileList,
      description: 'Rule files in SecRule language, in order; paths may hold `*`, `?` and `[…]`.',
    },
    rules: {
      expects: 'SecRule text, or a list of such texts',
      anyOf: [
        { type: 'string', minLength: 1 },
        { type: 'array', items: { type: 'string' }, minItems: 1 },
      ],
      description: 'SecRule text, or a list of such texts; read after the files.',
    },
    crs: {
      type: 'string',
      minLength: 1,
      description: 'Folder of an OWASP Core Rule Set, or `embedded` for the small rule set of this package.',
    },
    paranoia_level: { enum: [1, 2, 3, 4], description: 'How strict the rule set is. Default: its own setup, 1.' },
    anomaly_threshold_inbound: {
      ...threshold,
      description: 'Score at which a request is refused. Default: the rule set’s, 5.',
    },
    anomaly_threshold_outbound: {
      ...threshold,
      description: 'Score at which a response is refused. Default: the rule set’s, 4.',
    },
    crs_settings: {
      type: 'object',
      propertyNames: { pattern: '^[a-z0-9_]+$' },
      additionalProperties: { type: ['string', 'number'] },
      description: 'Further TX variables of the rule set’s setup, such as `allowed_methods`.',
    },
    exclude_rules: {
      type: 'array',
      items: {
        type: ['integer', 'string'],
        minLength: 1,
        expects: 'a rule id, a range such as "942100-942190", or a tag',
      },
      description: 'Rules to leave out: ids, ranges of ids, tags (`*` stands for anything).',
    },
    inspect_responses: {
      type: 'boolean',
      default: false,
      description: 'Look at response bodies too (phase 4); they are buffered up to `response_body_limit`.',
    },
    request_body_limit: {
      ...sizeSchema,
      description: 'Largest request body that is looked at. Default: the rules’ SecRequestBodyLimit, 12.5M.',
    },
    response_body_limit: {
      ...sizeSchema,
      description: 'Largest response body that is looked at. Default: the rules’ SecResponseBodyLimit, 512K.',
    },
    body_limit_action: {
      enum: ['reject', 'process_partial'],
      description:
        'Larger bodies are refused, or looked at as far as the limit. Default: reject for requests, process_partial for responses.',
    },
    audit: {
      type: ['boolean', 'string'],
      pattern: '^[A-Z]+$',
      expects: 'true, false, or parts such as "ABFHZ"',
      default: false,
      description: 'Audit entries in ModSecurity’s JSON form: true, or the parts to write.',
    },
    redact: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      description: 'Arguments, headers and cookies whose values are never shown, beside the usual secrets.',
    },
    policy: {
      enum: ['local', 'redis'],
      default: 'local',
      description: 'Where IP, SESSION and the other lasting collections live.',
    },
  },
}
