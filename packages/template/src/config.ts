import type { JSONSchema } from '@portcullis/core'

/** The block `security/required-header`: the options of the plugin are the same fields. */
export interface RequiredHeaderConfig {
  header: string
  mode?: 'enforce' | 'monitor'
}

/** JSON Schema of the block; `mode` is added by core. */
export const requiredHeaderSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['header'],
  properties: {
    header: { type: 'string', minLength: 1, description: 'Name of the header that every request must have.' },
  },
}
