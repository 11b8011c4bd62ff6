import {
  type InspectableBody,
  inspectableBody,
  isJsonType,
  isUtf8Type,
  type JsonLimits,
  type MediaType,
  parseStrictJson,
  type Refusal,
  type RequestState,
} from '@portcullis/core'
import type { FastifyRequest } from 'fastify'
import type { TypeReader } from './parameters/coerce.ts'
import { groupPairs, readPairs } from './parameters/pairs.ts'
import type { Refusals } from './refusals.ts'
import type { Validator } from './schema/compile.ts'

/** Methods whose requests usually have no body: without one there is nothing to check. */
const BODYLESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** What is said of the bodies of one content type. */
export interface BodyRule {
  validate?: Validator | undefined
  schema?: unknown
  reader?: TypeReader | undefined
  /** The bytes are not looked at: the rule says that anything goes. */
  opaque?: boolean
}

/** How bodies are checked. */
export interface BodyOptions {
  /** The rule of a content type; undefined when it is not allowed. */
  ruleOf: (media: MediaType) => BodyRule | undefined
  /** Must there be a body? */
  required: boolean
  limits: JsonLimits
  refusals: Refusals
}

/**
 * Makes the check of a body. It reads a copy of the very bytes that go upstream, as what their content type says they are; what
 * it cannot read it refuses.
 */
export function bodyCheck(options: BodyOptions): (request: FastifyRequest, state: RequestState) => Refusal | undefined {
  const { refusals } = options
  return (request, state) => {
    const body = inspectableBody(request, state)
    if (body.obstacle !== undefined) return obstacle(body, refusals)
    if (body.bytes === undefined) {
      return options.required && !BODYLESS.has(request.method) ? refusals.bodyMissing : undefined
    }
    const rule = body.media === undefined ? undefined : options.ruleOf(body.media)
    if (rule === undefined) return refusals.typeNotAllowed
    return rule.opaque === true ? undefined : readBody(body.bytes, body.media!, rule, options)
  }
}

function obstacle(body: InspectableBody, refusals: Refusals): Refusal {
  switch (body.obstacle) {
    case 'encoded':
      return refusals.encoded
    case 'unread':
      return refusals.bodyUnexpected
    case 'two-types':
      return refusals.body('there is more than one Content-Type', { keyword: 'content-type' })
    default:
      return refusals.typeNotAllowed
  }
}

/** Checks bytes against a rule, as what the content type says that they are. */
export function readBody(
  bytes: Buffer,
  media: MediaType,
  rule: BodyRule,
  { limits, refusals }: { limits: JsonLimits; refusals: Refusals },
): Refusal | undefined {
  if (!isUtf8Type(media)) return refusals.typeNotAllowed
  let value: unknown
  if (isJsonType(media)) {
    const read = parseStrictJson(bytes, limits)
    if (read.fault !== undefined) return refusals.json(read.fault)
    value = read.value
  } else if (media.essence === 'application/x-www-form-urlencoded') {
    const form = readForm(bytes, rule, limits)
    if (form.fault !== undefined) return refusals.body(form.fault, { keyword: 'form' })
    value = form.value
  } else if (media.type === 'text') value = bytes.toString('utf8')
  else return rule.validate === undefined ? undefined : refusals.typeNotAllowed
  const mismatch = rule.validate?.(value)
  return mismatch === undefined ? undefined : refusals.bodyMismatch(mismatch)
}

type Form = { fault: string; value?: undefined } | { fault?: undefined; value: Record<string, unknown> }

/** A form as an object: a name that the schema calls a list holds a list, any other name stands once. */
function readForm(bytes: Buffer, rule: BodyRule, limits: JsonLimits): Form {
  const pairs = readPairs(bytes.toString('latin1'))
  if (pairs === undefined) return { fault: 'it is not percent-encoded UTF-8' }
  const groups = groupPairs(pairs)
  if (groups.size > limits.maxKeys) return { fault: 'it has too many fields' }
  const value: Record<string, unknown> = {}
  for (const [name, group] of groups) {
    if (name === '__proto__') return { fault: 'a field has a forbidden name' }
    if (name.length > limits.maxNameLength) return { fault: 'the name of a field is too long' }
    if (group.some((pair) => pair.value.length > limits.maxStringLength)) return { fault: 'a field is too long' }
    const { reader, schema } = rule
    const property = reader?.property(schema, name)
    if (reader?.types(property).has('array')) {
      if (group.length > limits.maxItems) return { fault: 'a field is there too often' }
      const items = reader.items(property)
      value[name] = group.map((pair) => reader.reading(pair.value, items))
      continue
    }
    if (group.length > 1 && limits.duplicateKeys === 'reject') return { fault: 'a field is there more than once' }
    const text = group.at(-1)!.value
    value[name] = reader === undefined ? text : reader.reading(text, property)
  }
  return { value }
}
