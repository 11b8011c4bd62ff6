import type { ConfigIssue, JSONSchema } from '@portcullis/core'
import { Ajv as Ajv7, type AnySchema, type ErrorObject, type Options, type ValidateFunction } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { LinearPattern } from '../pattern/linear-pattern.ts'
import { Budget, BudgetError } from './budget.ts'
import { fromDraft04 } from './draft-04.ts'
import { FORMATS } from './formats.ts'
import { type Draft, draftOf } from './keywords.ts'
import { COST, member, prepareSchema } from './prepare.ts'
import { hasUniqueItems } from './unique-items.ts'

/** What is wrong with a value: where, and which keyword says so. It never holds the value. */
export interface Mismatch {
  /** JSON Pointer (RFC 6901) of the part of the value, cut to 200 characters. */
  at: string
  keyword: string
  /** What the schema wants, in words. */
  message: string
}

/** A compiled schema. */
export type Validator = (value: unknown) => Mismatch | undefined

type Ajv = Ajv7 | Ajv2019 | Ajv2020
const CLASSES = { 'draft-07': Ajv7, '2019-09': Ajv2019, '2020-12': Ajv2020 }

/**
 * An Ajv of a draft, as this package wants it: nothing coerced, nothing removed, nothing defaulted, own members only,
 * formats bounded, patterns linear, lists compared in linear time.
 */
export function makeAjv(draft: Draft, budget: Budget): Ajv {
  const options: Options = {
    strict: false,
    validateSchema: false,
    ownProperties: true,
    multipleOfPrecision: 9,
    logger: false,
    validateFormats: true,
    formats: { ...FORMATS },
    code: { regExp: Object.assign((source: string) => new LinearPattern(source, budget), { code: 'LinearPattern' }) },
  }
  const ajv = new CLASSES[draft](options)
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    validate: (unique: boolean, list: unknown[]) => !unique || hasUniqueItems(list, budget),
    error: { message: 'must NOT have duplicate items' },
  })
  ajv.addKeyword({
    keyword: COST,
    validate: (_: unknown, data: unknown) => {
      budget.spend(sizeOf(data))
      return true
    },
  })
  return ajv
}

/** What a part of a value costs each time that a schema looks at it, in steps. */
function sizeOf(data: unknown): number {
  if (typeof data === 'string') return 10 + (data.length >> 6)
  if (typeof data !== 'object' || data === null) return 10
  return 10 + (Array.isArray(data) ? data.length : Object.keys(data).length)
}

/** Makes a validator of Ajv's: bounded in work, and with one short account of the first mismatch. */
export function toValidator(validate: ValidateFunction, budget: Budget): Validator {
  return (value) => {
    budget.reset()
    try {
      return validate(value) ? undefined : mismatch(validate.errors?.[0])
    } catch (error) {
      if (error instanceof BudgetError || error instanceof RangeError) {
        return { at: '', keyword: 'complexity', message: 'takes too long to check' }
      }
      throw error
    }
  }
}

function mismatch(error: ErrorObject | undefined): Mismatch {
  return {
    at: (error?.instancePath ?? '').slice(0, 200),
    keyword: error?.keyword ?? 'schema',
    message: (error?.message ?? 'does not match').slice(0, 300),
  }
}

/** A compiled schema, or everything that is wrong with it. */
export type Compiled = { issues: ConfigIssue[]; validate?: undefined } | { issues: readonly []; validate: Validator }

const memory = new WeakMap<object, Map<string, Compiled>>()

/**
 * Compiles a schema of a configuration.
 *
 * @param schema a schema; its `$schema` decides the draft, otherwise `version` does.
 * @param version a draft's name, such as `2020-12`, `draft-07` or Kong's `draft201909`. Default draft-07.
 */
export function compileSchema(schema: JSONSchema | boolean, version = 'draft-07'): Compiled {
  if (typeof schema === 'boolean') return compile({ allOf: [schema] }, version)
  const known = memory.get(schema) ?? new Map<string, Compiled>()
  memory.set(schema, known)
  let compiled = known.get(version)
  if (compiled === undefined) {
    compiled = compileText(schema, version)
    known.set(version, compiled)
  }
  return compiled
}

/** Schemas by their text: a configuration is loaded for the server and for the gateway, and endpoints share schemas. */
const byText = new Map<string, Compiled>()
const MOST_TEXTS = 2000

function compileText(schema: JSONSchema, version: string): Compiled {
  const key = `${version} ${JSON.stringify(schema)}`
  let compiled = byText.get(key)
  if (compiled === undefined) {
    compiled = compile(schema, version)
    if (byText.size >= MOST_TEXTS) byText.clear()
    byText.set(key, compiled)
  }
  return compiled
}

function compile(schema: JSONSchema, version: string): Compiled {
  const named = typeof schema.$schema === 'string' ? draftOf(schema.$schema) : draftOf(version)
  if (named === undefined)
    return {
      issues: [{ place: '.$schema', message: 'is not a draft that is understood: draft-07, 2019-09 or 2020-12' }],
    }
  const draft = named === 'draft-04' ? 'draft-07' : named
  const { $schema: _, ...own } = named === 'draft-04' ? (fromDraft04(schema) as JSONSchema) : schema
  const prepared = prepareSchema(own, { draft })
  const issues = [...prepared.issues, ...metaIssues(own, draft)]
  if (issues.length > 0) return { issues }
  const { ajv, budget } = compilerOf(draft)
  const ready = prepared.schema as AnySchema
  try {
    const validate = toValidator(ajv.compile(ready), budget)
    for (const sample of [null, {}, [], '', 0]) {
      if (validate(sample)?.keyword === 'complexity')
        return { issues: [{ place: '', message: 'refers to itself without end' }] }
    }
    return { issues: [], validate }
  } catch (error) {
    return { issues: [compileIssue(error as Error, prepared.references)] }
  } finally {
    // The validator lives on its own; schemas of other blocks may bear the same `$id`.
    ajv.removeSchema(ready)
  }
}

const compilers = new Map<Draft, { ajv: Ajv; budget: Budget }>()

/** One Ajv per draft for all schemas: making one costs more than compiling. Validators run to their end, so they share a budget. */
function compilerOf(draft: Draft): { ajv: Ajv; budget: Budget } {
  let made = compilers.get(draft)
  if (made === undefined) {
    const budget = new Budget()
    made = { ajv: makeAjv(draft, budget), budget }
    compilers.set(draft, made)
  }
  return made
}

function compileIssue(error: Error & { missingRef?: string }, references: ReadonlyMap<string, string>): ConfigIssue {
  const { missingRef } = error
  if (missingRef === undefined) return { place: '', message: `is no schema that can be compiled: ${error.message}` }
  const found = [...references].find(([reference]) => missingRef.endsWith(reference) || reference.endsWith(missingRef))
  return {
    place: found?.[1] ?? '',
    message: `refers to ${JSON.stringify(found?.[0] ?? missingRef)}, which is not in this schema; nothing is fetched`,
  }
}

const judges = new Map<Draft, Ajv>()

/** What the draft's own meta-schema says of a schema. */
function metaIssues(schema: JSONSchema, draft: Draft): ConfigIssue[] {
  let judge = judges.get(draft)
  if (judge === undefined) {
    judge = new CLASSES[draft]({ strict: false, allErrors: true, validateFormats: false, logger: false })
    judges.set(draft, judge)
  }
  if (judge.validateSchema(schema) === true) return []
  const issues = new Map<string, ConfigIssue>()
  for (const error of judge.errors ?? []) {
    if (['anyOf', 'if', 'allOf', '$ref', '$dynamicRef', '$recursiveRef'].includes(error.keyword)) continue
    const place = error.instancePath
      .split('/')
      .slice(1)
      .map((part) => member(part.replaceAll('~1', '/').replaceAll('~0', '~')))
      .join('')
    if (!issues.has(place)) issues.set(place, { place, message: `is no schema: ${error.message}` })
  }
  return [...issues.values()]
}
