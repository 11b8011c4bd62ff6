import { type JSONSchema, sizeSchema } from '@portcullis/core'

/** `enforce`: refuse. `monitor`: let pass and record. */
export type Mode = 'enforce' | 'monitor'

/** The block of `validation/json-schema`: the schema itself. */
export type JsonSchemaConfig = JSONSchema & { mode?: Mode }

/** One parameter of `validation/request`. */
export interface ParameterConfig {
  in: 'query' | 'path' | 'header' | 'cookie'
  name: string
  required?: boolean
  /** A JSON Schema, or one as a JSON text. */
  schema?: JSONSchema | boolean | string
  style?: 'form' | 'simple' | 'label' | 'matrix' | 'spaceDelimited' | 'pipeDelimited' | 'deepObject'
  explode?: boolean
}

/** The block of `validation/request`. */
export interface RequestValidationConfig {
  /** A JSON Schema, or one as a JSON text. */
  body_schema?: JSONSchema | boolean | string
  parameter_schema?: readonly ParameterConfig[]
  allowed_content_types?: readonly string[]
  version?: string
  reject_unknown_parameters?: boolean
  coerce?: boolean
  verbose_response?: boolean
  max_depth?: number
  max_keys?: number
  max_array_element_count?: number
  max_object_entry_name_length?: number
  max_string_value_length?: number
  duplicate_keys?: 'reject' | 'allow'
  mode?: Mode
}

/** The block of `validation/openapi`. */
export interface OpenApiConfig {
  /** A file (JSON or YAML), relative to the configuration, or the document itself. */
  spec: string | Readonly<Record<string, unknown>>
  validate_request?: boolean | 'off' | 'log' | 'enforce'
  validate_response?: boolean | 'off' | 'log' | 'enforce'
  reject_unknown_paths?: boolean
  reject_unknown_parameters?: boolean
  base_path?: string
  verbose_response?: boolean
  unchecked_content_types?: readonly string[]
  max_depth?: number
  max_keys?: number
  max_response_size?: string | number
  mode?: Mode
}

const bound = (description: string, fallback: number): JSONSchema => ({
  type: 'integer',
  minimum: -1,
  maximum: 1_000_000,
  default: fallback,
  description: `${description} -1: no bound.`,
})

const depth: JSONSchema = {
  type: 'integer',
  minimum: 1,
  maximum: 500,
  default: 64,
  description: 'How deep a JSON body may nest; [1] is 1 deep.',
}

const schemaValue = (description: string): JSONSchema => ({
  type: ['object', 'boolean', 'string'],
  expects: 'a JSON Schema, or one written as a JSON text',
  description,
})

const parameterSchema: JSONSchema = {
  type: 'object',
  required: ['in', 'name'],
  additionalProperties: false,
  properties: {
    in: { enum: ['query', 'path', 'header', 'cookie'], description: 'Where the parameter stands.' },
    name: { type: 'string', minLength: 1, description: 'Its name; in "path" the name of the route’s parameter.' },
    required: { type: 'boolean', default: false, description: 'Refuse requests without it.' },
    schema: schemaValue('What its value must be.'),
    style: {
      enum: ['form', 'simple', 'label', 'matrix', 'spaceDelimited', 'pipeDelimited', 'deepObject'],
      description:
        'How lists and objects are written, as in OpenAPI. Default: form in query and cookie, simple elsewhere.',
    },
    explode: { type: 'boolean', description: 'Is each part written on its own? Default: true with style form.' },
  },
}

/** JSON Schema of the block of `validation/json-schema`; the meta-schema is applied by `check`. */
export const jsonSchemaSchema: JSONSchema = {
  type: 'object',
  expects: 'a JSON Schema',
  description: 'The schema of the request’s body.',
}

/** JSON Schema of the block of `validation/request`. */
export const requestSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    body_schema: schemaValue('What the body must be.'),
    parameter_schema: { type: 'array', items: parameterSchema, description: 'What the parameters must be.' },
    allowed_content_types: {
      type: 'array',
      items: { type: 'string' },
      minItems: 1,
      default: ['application/json'],
      description: 'Content types of bodies; application/*+json and text/* stand for many.',
    },
    version: {
      enum: ['draft-07', '2019-09', '2020-12', 'draft4', 'draft6', 'draft7', 'draft201909', 'draft202012'],
      default: 'draft-07',
      description: 'The draft of schemas without $schema.',
    },
    reject_unknown_parameters: {
      type: 'boolean',
      default: false,
      description: 'Refuse query parameters that are not declared.',
    },
    coerce: {
      type: 'boolean',
      default: true,
      description: 'Read the texts of parameters as the types of their schemas. Bodies are never coerced.',
    },
    verbose_response: {
      type: 'boolean',
      default: false,
      description: 'Tell the client the place and the keyword that failed.',
    },
    max_depth: depth,
    max_keys: bound('Most members of one object, or fields of a form.', 1000),
    max_array_element_count: bound('Most elements of one list.', -1),
    max_object_entry_name_length: bound('Longest name of a member, in characters.', 1024),
    max_string_value_length: bound('Longest text, in characters.', -1),
    duplicate_keys: {
      enum: ['reject', 'allow'],
      default: 'reject',
      description:
        'What to do with an object that names a member twice. allow: the last one is checked, whichever the backend takes.',
    },
  },
}

const direction = (what: string, fallback: string): JSONSchema => ({
  enum: ['off', 'log', 'enforce', true, false],
  default: fallback,
  description: `${what} off, log (record what is wrong) or enforce; true is enforce, false is off.`,
})

/** JSON Schema of the block of `validation/openapi`. */
export const openApiSchema: JSONSchema = {
  type: 'object',
  required: ['spec'],
  additionalProperties: false,
  properties: {
    spec: {
      type: ['string', 'object'],
      minLength: 1,
      expects: 'a file name, or an OpenAPI document',
      description: 'OpenAPI 3.0 or 3.1: a JSON or YAML file, or the document itself.',
    },
    validate_request: direction('Check requests:', 'enforce'),
    validate_response: direction('Check responses:', 'off'),
    reject_unknown_paths: {
      type: 'boolean',
      default: true,
      description: 'Refuse paths (404) and methods (405) that the document does not have.',
    },
    reject_unknown_parameters: {
      type: 'boolean',
      default: false,
      description: 'Refuse query parameters that are not declared.',
    },
    base_path: {
      type: 'string',
      pattern: '^(/[^/?#]+)*$',
      default: '',
      expects: 'a path such as "/v1"',
      description: 'What stands before the document’s paths here.',
    },
    verbose_response: {
      type: 'boolean',
      default: false,
      description: 'Tell the client the place and the keyword that failed.',
    },
    unchecked_content_types: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'Declared content types that cannot be checked (multipart, XML) and may pass all the same.',
    },
    max_depth: depth,
    max_keys: bound('Most members of one object, or fields of a form.', 1000),
    max_response_size: {
      ...sizeSchema,
      default: '1M',
      description: 'Longest response body that is checked; a longer one is refused when enforced.',
    },
  },
}
