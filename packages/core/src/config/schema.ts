import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { type ConfigIssue, didYouMean } from './issues.ts'

/** A JSON Schema, draft 7, with one keyword of our own: `expects` (how a wrong value is told what was expected). */
export type JSONSchema = { [keyword: string]: unknown }

/** How {@link checkSchema} names what it finds. */
export interface CheckOptions {
  /** Where the value stands: `extra_config["security/http"]`. */
  place: string
  /** Is this key a comment? Comments are allowed everywhere. Default: KrakenD's `@`, `$`, `_` and `#`. */
  isComment?: (key: string) => boolean
}

const ajv = new Ajv({ allErrors: true, strict: false, verbose: true, allowUnionTypes: true, validateFormats: false })
ajv.addKeyword('expects')
const compiled = new WeakMap<JSONSchema, ValidateFunction>()

/**
 * Every way in which a value breaks a schema, in words: the place, what was expected, what was found and, for a
 * misspelt field or value, the nearest right one. Only short plain values are echoed, and none of a field that its
 * schema calls a secret (`writeOnly`).
 */
export function checkSchema(schema: JSONSchema, value: unknown, options: CheckOptions): ConfigIssue[] {
  let validate = compiled.get(schema)
  if (validate === undefined) {
    validate = ajv.compile(schema)
    compiled.set(schema, validate)
  }
  if (validate(value)) return []
  const isComment = options.isComment ?? isCommentKey
  const issues = new Map<string, ConfigIssue>()
  for (const error of relevant(validate.errors ?? [], schema)) {
    if (error.keyword === 'additionalProperties' && isComment(error.params.additionalProperty)) continue
    const issue = toIssue(error, options.place)
    issues.set(`${issue.place} ${issue.message}`, issue)
  }
  return [...issues.values()]
}

/** KrakenD's comments: keys that start with `@`, `$`, `_` or `#`. */
export function isCommentKey(key: string): boolean {
  return key !== '' && '@$_#'.includes(key[0]!)
}

/** Of a failed `anyOf`, `oneOf` or `if` only the summary is told; its branches would contradict each other. */
function relevant(errors: readonly ErrorObject[], root: JSONSchema): ErrorObject[] {
  const summaries = errors
    .filter((error) => error.keyword === 'anyOf' || error.keyword === 'oneOf')
    .map((summary) => ({ summary, branches: reachable(summary.schema, root) }))
  const covered = (error: ErrorObject) =>
    summaries.some(
      ({ summary, branches }) =>
        error !== summary &&
        isBelow(error.instancePath, summary.instancePath) &&
        branches.has(error.parentSchema as object),
    )
  return errors.filter((error) => error.keyword !== 'if' && !covered(error))
}

function isBelow(pointer: string, other: string): boolean {
  return pointer === other || pointer.startsWith(`${other}/`)
}

/** Every schema inside these, and those that they refer to within the document. */
function reachable(start: unknown, root: JSONSchema): Set<object> {
  const found = new Set<object>()
  const pending = [start]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next !== 'object' || next === null || found.has(next)) continue
    found.add(next)
    pending.push(...Object.values(next))
    const { $ref } = next as JSONSchema
    if (typeof $ref === 'string' && $ref.startsWith('#')) pending.push(resolvePointer($ref.slice(1), root))
  }
  return found
}

function resolvePointer(pointer: string, root: JSONSchema): unknown {
  let value: unknown = root
  for (const part of pointer.split('/').slice(1)) {
    value = (value as JSONSchema | undefined)?.[part.replaceAll('~1', '/').replaceAll('~0', '~')]
  }
  return value
}

function toIssue(error: ErrorObject, place: string): ConfigIssue {
  const at = place + pointerToPlace(error.instancePath)
  const parent = error.parentSchema as JSONSchema
  if (error.keyword === 'additionalProperties' || error.keyword === 'unevaluatedProperties') {
    const name: string = error.params.additionalProperty ?? error.params.unevaluatedProperty
    const known = Object.keys((parent.properties ?? {}) as object)
    return { place: `${at}${member(name)}`, message: `unknown field${didYouMean(name, known)}` }
  }
  if (error.keyword === 'required') return { place: at, message: `field "${error.params.missingProperty}" is missing` }
  if (error.keyword === 'propertyNames')
    return { place: at, message: `field name "${error.params.propertyName}" is not allowed` }
  const expected = typeof parent.expects === 'string' ? parent.expects : expectation(error)
  if (parent.writeOnly === true) return { place: at, message: `expected ${expected}` }
  return { place: at, message: `expected ${expected}, got ${show(error.data)}${nearValue(error)}` }
}

function expectation(error: ErrorObject): string {
  const { keyword, params } = error
  switch (keyword) {
    case 'type':
      return [params.type].flat().map(withArticle).join(' or ')
    case 'enum':
      return `one of ${params.allowedValues.map((value: unknown) => JSON.stringify(value)).join(', ')}`
    case 'const':
      return JSON.stringify(params.allowedValue)
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return `a number ${params.comparison} ${params.limit}`
    case 'minItems':
      return params.limit === 1 ? 'a list with at least one entry' : `a list of at least ${params.limit} entries`
    case 'maxItems':
      return `a list of at most ${params.limit} entries`
    case 'minProperties':
      return params.limit === 1 ? 'an object with at least one field' : `an object of at least ${params.limit} fields`
    case 'maxProperties':
      return `an object of at most ${params.limit} fields`
    case 'multipleOf':
      return `a multiple of ${params.multipleOf}`
    case 'maxLength':
      return `a text of at most ${params.limit} characters`
    case 'minLength':
      return params.limit === 1 ? 'a text that is not empty' : `a text of at least ${params.limit} characters`
    case 'uniqueItems':
      return 'a list without repeated entries'
    case 'pattern':
      return `a text that matches ${params.pattern}`
    case 'anyOf':
    case 'oneOf':
      return branches(error)
    default:
      return error.message ?? keyword
  }
}

function branches(error: ErrorObject): string {
  const alternatives = (error.schema as JSONSchema[]).map((branch) => {
    if (typeof branch.expects === 'string') return branch.expects
    if (Array.isArray(branch.enum)) return branch.enum.map((value) => JSON.stringify(value)).join(', ')
    if (Array.isArray(branch.required) && branch.type === undefined)
      return `the field "${branch.required.join('" and "')}"`
    return [branch.type ?? 'value'].flat().map(String).map(withArticle).join(' or ')
  })
  return [...new Set(alternatives)].join(' or ')
}

function withArticle(type: string): string {
  const names: Record<string, string> = {
    array: 'a list',
    object: 'an object',
    integer: 'a whole number',
    boolean: 'true or false',
    string: 'a text',
    null: 'null',
  }
  return names[type] ?? `a ${type}`
}

function nearValue(error: ErrorObject): string {
  const { allowedValues } = error.params as { allowedValues?: unknown[] }
  if (error.keyword !== 'enum' || typeof error.data !== 'string' || allowedValues === undefined) return ''
  return didYouMean(
    error.data,
    allowedValues.filter((value) => typeof value === 'string'),
  )
}

function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (value === null) return 'null'
  if (typeof value === 'object') return 'an object'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…"` : text
}

/** `/endpoints/2/extra_config/auth~1validator` as one would write it in code. */
function pointerToPlace(pointer: string): string {
  if (pointer === '') return ''
  const parts = pointer.slice(1).split('/')
  return parts.map((part) => member(part.replaceAll('~1', '/').replaceAll('~0', '~'))).join('')
}

function member(name: string): string {
  if (/^[0-9]+$/.test(name)) return `[${name}]`
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
}
