import { durationSchema, type JSONSchema, sizeSchema } from '@portcullis/core'

/** `enforce`: refuse. `monitor`: let pass and record. */
export type Mode = 'enforce' | 'monitor'

/** Operations that may be sent: a manifest's file, documents by id, or documents. */
export type AllowedOperations = string | readonly string[] | Readonly<Record<string, string>>

/** The block of `security/graphql`. */
export interface GraphqlConfig {
  max_depth?: number
  max_complexity?: number
  max_queries_per_minute?: number
  limit_by?: 'consumer' | 'credential' | 'ip' | 'service'
  policy?: 'local' | 'redis'
  max_aliases?: number
  max_directives?: number
  max_root_fields?: number
  max_tokens?: number
  max_document_size?: string | number
  max_batch?: number
  introspection?: boolean
  allow_get_mutations?: boolean
  allow_subscriptions?: boolean
  allowed_operations?: AllowedOperations
  schema?: string
  list_arguments?: readonly string[]
  default_list_size?: number
  mode?: Mode
}

/** The block of `qos/graphql-cache`. */
export interface GraphqlCacheConfig {
  ttl?: string | number
  policy?: 'local' | 'redis'
  max_items?: number
  max_size?: string | number
  max_memory?: string | number
  vary_headers?: readonly string[]
  vary_identity?: boolean
}

/** The names of arguments that say how long a list is, where none are configured. */
export const DEFAULT_LIST_ARGUMENTS: readonly string[] = [
  'first',
  'last',
  'limit',
  'take',
  'top',
  'count',
  'size',
  'pageSize',
  'page_size',
  'perPage',
  'per_page',
]

const count = (description: string, fallback: number | undefined, maximum: number): JSONSchema => ({
  type: 'integer',
  minimum: 1,
  maximum,
  ...(fallback === undefined ? undefined : { default: fallback }),
  description,
})

const policy: JSONSchema = {
  enum: ['local', 'redis'],
  default: 'local',
  description: 'Keep it in this process, or in the Redis that all gateways share.',
}

/** JSON Schema of the block of `security/graphql`. */
export const graphqlSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    max_depth: count('Levels of fields; the root is 1, leaves count, fragments do not.', 10, 200),
    max_complexity: count('Cost of all operations of a request.', 1000, 1_000_000_000),
    max_queries_per_minute: count(
      'Operations per client in a window of 60 s; a batch of n counts n. Off by default.',
      undefined,
      1_000_000_000,
    ),
    limit_by: {
      enum: ['consumer', 'credential', 'ip', 'service'],
      default: 'consumer',
      description: 'Who counts as one client; who is not authenticated counts by address.',
    },
    policy,
    max_aliases: count('Aliases in an operation, fragments counted as often as they are spread.', 15, 10_000),
    max_directives: count('Directives in an operation, counted likewise.', 50, 10_000),
    max_root_fields: count('Fields of the root in an operation, counted likewise.', 20, 10_000),
    max_tokens: count('Lexical tokens of a document.', 2000, 10_000),
    max_document_size: { ...sizeSchema, default: '32K', description: 'Longest document.' },
    max_batch: count('Operations in one request; 1: no batches.', 1, 100),
    introspection: { type: 'boolean', default: false, description: 'Allow __schema and __type.' },
    allow_get_mutations: { type: 'boolean', default: false, description: 'Allow mutations by GET.' },
    allow_subscriptions: {
      type: 'boolean',
      default: false,
      description: 'Allow subscriptions, which an HTTP request can hold open.',
    },
    allowed_operations: {
      type: ['string', 'array', 'object'],
      expects: 'a file name, a list of documents, or documents by id',
      items: { type: 'string', minLength: 1 },
      minItems: 1,
      minProperties: 1,
      additionalProperties: { type: 'string', minLength: 1 },
      minLength: 1,
      description: 'Persisted operations: nothing else may be sent. A manifest (JSON), documents, or documents by id.',
    },
    schema: {
      type: 'string',
      minLength: 1,
      description: 'SDL file: validates documents and knows lists, @cost and @listSize.',
    },
    list_arguments: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      default: DEFAULT_LIST_ARGUMENTS,
      description: 'Names of arguments that say how long a list is.',
    },
    default_list_size: count('Length of a list where nothing says it.', 10, 1_000_000),
  },
}

/** JSON Schema of the block of `qos/graphql-cache`. */
export const graphqlCacheSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ttl: { ...durationSchema, default: '5m', description: 'Longest life of a response; Cache-Control can shorten it.' },
    policy,
    max_items: count('Most responses kept in this process.', 1000, 1_000_000),
    max_size: { ...sizeSchema, default: '256K', description: 'Longest response that is kept.' },
    max_memory: { ...sizeSchema, default: '64M', description: 'Most memory of all responses kept in this process.' },
    vary_headers: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      default: [],
      description: 'Request headers whose values keep responses apart.',
    },
    vary_identity: { type: 'boolean', default: true, description: 'Keep the responses of different clients apart.' },
  },
}
