import type { JSONSchema } from '@portcullis/core'

/** Names and values: `{ "X-A": "1" }`, `{ "X-A": ["1", "2"] }`, or lines `["X-A: 1"]` as Kong writes them. */
export type HeaderValues = Readonly<Record<string, string | readonly string[]>> | readonly string[]

/** The blocks `modifier/request-headers` and `modifier/response-headers`. Rules apply in the order of these fields. */
export interface HeadersConfig {
  /** Headers to remove. */
  delete?: readonly string[]
  /** Present name to new name: values move, and overwrite what stands under the new name. */
  rename?: Readonly<Record<string, string>> | readonly string[]
  /** Headers to set, whether or not they are there. */
  replace?: HeaderValues
  /** Headers to set only where they are not there. */
  add?: HeaderValues
  /** Values to add to what is there. */
  append?: HeaderValues
}

const text: JSONSchema = { type: 'string' }
const LINES: readonly JSONSchema[] = [
  { type: 'array', items: text },
  {
    type: 'object',
    properties: { headers: { type: 'array', items: text } },
    required: ['headers'],
    additionalProperties: false,
  },
]

const NAMES: JSONSchema = {
  anyOf: [{ type: 'object', additionalProperties: text }, ...LINES],
  expects: 'names and names ({ "X-A": "X-B" }) or lines (["X-A: X-B"])',
}

const VALUES: JSONSchema = {
  anyOf: [{ type: 'object', additionalProperties: { type: ['string', 'array'], items: text, minItems: 1 } }, ...LINES],
  expects: 'names and values ({ "X-A": "1" } or { "X-A": ["1"] }) or lines (["X-A: 1"])',
}

/** JSON Schema of {@link HeadersConfig}. */
export const headersSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    delete: { type: 'array', items: { type: 'string' }, description: 'Headers to remove.' },
    rename: {
      ...NAMES,
      description: 'Present name to new name: values move, and overwrite what stands under the new name.',
    },
    replace: { ...VALUES, description: 'Headers to set, whether or not they are there.' },
    add: { ...VALUES, description: 'Headers to set only where they are not there.' },
    append: { ...VALUES, description: 'Values to add to what is there.' },
  },
}
