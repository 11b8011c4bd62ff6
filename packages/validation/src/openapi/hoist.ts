import { type ConfigIssue, ConfigurationError, type JSONSchema } from '@portcullis/core'
import type { AnySchema } from 'ajv'
import { pointerResolver, type Resolve, TypeReader } from '../parameters/coerce.ts'
import { Budget } from '../schema/budget.ts'
import { makeAjv, toValidator, type Validator } from '../schema/compile.ts'
import { fromDraft04 } from '../schema/draft-04.ts'
import { KEYWORDS } from '../schema/keywords.ts'
import { prepareSchema } from '../schema/prepare.ts'

/** A schema of the document, as one use of it sees it. */
export interface SchemaUse {
  /** `{ "$ref": "#/$defs/s1" }`, to read types of with {@link SchemaSet.reader}. */
  schema: JSONSchema
  validate: Validator
}

const ID = 'portcullis:openapi'
const DROPPED: ReadonlySet<string> = new Set(['$id', '$schema', '$anchor', '$defs', 'definitions'])

/**
 * Every schema of a document in one set, translated into plain JSON Schema, in one direction: a request may not set what is
 * `readOnly`, a response does not hold what is `writeOnly`. Schemas are compiled together, each once.
 */
export class SchemaSet {
  /** Reads the types of schemas of this set. */
  readonly reader: TypeReader
  readonly #resolve: Resolve
  readonly #legacy: boolean
  readonly #hidden: 'readOnly' | 'writeOnly'
  readonly #defs: Record<string, unknown> = {}
  readonly #names = new Map<unknown, string>()
  readonly #origins = new Map<string, string>()
  readonly #issues: ConfigIssue[] = []
  readonly #uses: { name: string; use: SchemaUse }[] = []

  /** @param legacy OpenAPI 3.0, whose schemas are a dialect of draft-04. */
  constructor(document: unknown, direction: 'request' | 'response', legacy: boolean) {
    this.#resolve = pointerResolver(document)
    this.#legacy = legacy
    this.#hidden = direction === 'request' ? 'readOnly' : 'writeOnly'
    this.reader = new TypeReader((reference) => this.#defs[reference.slice('#/$defs/'.length)])
  }

  /** Takes a schema in. Its validator works after {@link compile}. @param origin where it stands, for messages. */
  use(schema: unknown, origin: string): SchemaUse {
    const name = this.#hoist(schema, origin)
    const use: SchemaUse = {
      schema: { $ref: `#/$defs/${name}` },
      validate: () => ({ at: '', keyword: 'schema', message: 'is not compiled' }),
    }
    this.#uses.push({ name, use })
    return use
  }

  /**
   * Compiles what was taken in.
   *
   * @returns formats that are not known and therefore not enforced.
   * @throws ConfigurationError with every mistake and its place in the document.
   */
  compile(place: string): ReadonlySet<string> {
    const draft = this.#legacy ? 'draft-07' : '2020-12'
    const prepared = prepareSchema({ $defs: this.#defs }, { draft, openapi: true })
    const issues = [...this.#issues, ...prepared.issues.map((issue) => this.#inDocument(issue))]
    if (issues.length > 0)
      throw new ConfigurationError(issues.map((issue) => ({ ...issue, place: `${place} ${issue.place}` })))
    const budget = new Budget()
    const ajv = makeAjv(draft, budget)
    ajv.addSchema({ ...(prepared.schema as object), $id: ID } as AnySchema, ID)
    const made = new Map<string, Validator>()
    for (const { name, use } of this.#uses) {
      let validate = made.get(name)
      if (validate === undefined) {
        try {
          validate = toValidator(ajv.compile({ $ref: `${ID}#/$defs/${name}` }), budget)
        } catch (error) {
          const at = `${place} ${this.#origins.get(name)}`
          throw new ConfigurationError([
            { place: at, message: `is no schema that can be compiled: ${(error as Error).message}` },
          ])
        }
        made.set(name, validate)
      }
      use.validate = validate
    }
    return prepared.unknownFormats
  }

  #inDocument({ place, message }: ConfigIssue): ConfigIssue {
    const found = /^\.\$defs\.(s[0-9]+)(.*)$/s.exec(place)
    return { place: found === null ? place : `${this.#origins.get(found[1]!)}${found[2]}`, message }
  }

  #hoist(schema: unknown, origin: string): string {
    const known = this.#names.get(schema)
    if (known !== undefined && typeof schema === 'object') return known
    const name = `s${this.#origins.size}`
    this.#origins.set(name, origin)
    this.#names.set(schema, name)
    const plain = this.#legacy ? fromDraft04(schema, readNullable) : schema
    this.#defs[name] = this.#translate(plain, origin)
    return name
  }

  /** Replaces references by ones into the set, and hides what does not travel in this direction. */
  #translate(schema: unknown, origin: string): unknown {
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return schema
    const source = schema as JSONSchema
    if (this.#legacy && typeof source.$ref === 'string') return { $ref: this.#refer(source.$ref, origin) }
    const copy: JSONSchema = {}
    for (const [keyword, value] of Object.entries(source)) {
      if (keyword === '$ref') copy.$ref = this.#refer(String(value), origin)
      else if (keyword === '$dynamicRef') this.#issues.push({ place: origin, message: '$dynamicRef is not understood' })
      else if (!DROPPED.has(keyword)) copy[keyword] = this.#part(keyword, value, `${origin}.${keyword}`)
    }
    return this.#hide(copy, source)
  }

  #part(keyword: string, value: unknown, origin: string): unknown {
    const { holds } = KEYWORDS.get(keyword) ?? {}
    if (holds === undefined || typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map((part) => this.#translate(part, origin))
    if (holds !== 'map' && holds !== 'dependencies') return this.#translate(value, origin)
    const parts = Object.entries(value).map(([name, part]) => [name, this.#translate(part, `${origin}.${name}`)])
    return Object.fromEntries(parts)
  }

  #refer(reference: string, origin: string): string {
    const target = this.#resolve(reference)
    if (target === undefined) {
      this.#issues.push({
        place: origin,
        message: `refers to ${JSON.stringify(reference)}, which is not in the document`,
      })
      return '#/$defs/none'
    }
    return `#/$defs/${this.#hoist(target, reference)}`
  }

  #hide(copy: JSONSchema, source: JSONSchema): JSONSchema {
    const properties = source.properties as Record<string, unknown> | undefined
    if (properties === undefined) return copy
    const hidden = Object.keys(properties).filter((name) => this.#isHidden(properties[name]))
    if (hidden.length === 0) return copy
    const shown = { ...(copy.properties as JSONSchema), ...Object.fromEntries(hidden.map((name) => [name, false])) }
    const required = Array.isArray(copy.required)
      ? { required: copy.required.filter((name) => !hidden.includes(name)) }
      : undefined
    return { ...copy, properties: shown, ...required }
  }

  #isHidden(schema: unknown): boolean {
    let own = schema as JSONSchema | undefined
    for (let hops = 0; hops < 20 && typeof own === 'object' && own !== null; hops++) {
      if (own[this.#hidden] === true) return true
      if (typeof own.$ref !== 'string') return false
      own = this.#resolve(own.$ref) as JSONSchema | undefined
    }
    return false
  }
}

/** OpenAPI 3.0's `nullable`, which counts only beside a `type`. */
function readNullable(schema: JSONSchema): JSONSchema {
  const { nullable, ...rest } = schema
  if (nullable !== true || typeof rest.type !== 'string') return rest
  return {
    ...rest,
    type: [rest.type, 'null'],
    ...(Array.isArray(rest.enum) ? { enum: [...rest.enum, null] } : undefined),
  }
}
