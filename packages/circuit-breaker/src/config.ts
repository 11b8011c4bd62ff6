import { durationSchema, type JSONSchema } from '@portcullis/core'

/** The fields of `qos/circuit-breaker`. */
export interface CircuitBreakerConfig {
  mode?: 'enforce' | 'monitor'
  max_errors: number
  interval?: string | number
  timeout?: string | number
  name?: string
  log_status_change?: boolean
  failure_statuses?: readonly (number | string)[]
}

/** JSON Schema of {@link CircuitBreakerConfig}. */
export const circuitBreakerSchema: JSONSchema = {
  type: 'object',
  properties: {
    max_errors: {
      type: 'integer',
      minimum: 0,
      maximum: 1e6,
      description: 'It opens when more failures than this follow on each other: with 1 the second one opens it.',
    },
    interval: {
      ...durationSchema,
      default: 60,
      description: 'The count of failures starts anew after this time; 0 = never.',
    },
    timeout: {
      ...durationSchema,
      default: 60,
      description: 'How long it stays open before one request may try again; 0 = 60 seconds.',
    },
    name: {
      type: 'string',
      minLength: 1,
      description: 'Breakers of one name and the same settings are one. Default: one for each upstream host.',
    },
    log_status_change: { type: 'boolean', default: false, description: 'Log when it opens and closes.' },
    failure_statuses: {
      type: 'array',
      items: {
        type: ['integer', 'string'],
        minimum: 100,
        maximum: 599,
        pattern: '^[1-5]xx$',
        expects: 'a status such as 503, or a class such as "5xx"',
      },
      default: ['5xx'],
      description: 'Statuses that count as failures, beside upstreams that do not answer.',
    },
  },
  required: ['max_errors'],
  additionalProperties: false,
}

/** A quick test of whether a status is a failure. */
export function failureTest(statuses: readonly (number | string)[] = ['5xx']): (status: number) => boolean {
  const exact = new Set(statuses.filter((status) => typeof status === 'number'))
  const classes = new Set(statuses.filter((status) => typeof status === 'string').map((text) => Number(text[0])))
  return (status) => classes.has(Math.floor(status / 100)) || exact.has(status)
}
