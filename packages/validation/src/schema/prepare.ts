import { type ConfigIssue, didYouMean, type JSONSchema } from '@portcullis/core'
import { LinearPattern } from '../pattern/linear-pattern.ts'
import { Budget } from './budget.ts'
import { FORMATS } from './formats.ts'
import { type Draft, KEYWORDS, OPENAPI_ANNOTATIONS } from './keywords.ts'

/** How strictly a schema is read. */
export interface PrepareOptions {
  draft: Draft
  /** OpenAPI's annotations are known, unknown keywords and formats are annotations. */
  openapi?: boolean
}

/** A schema ready to compile, what is wrong with it, and what is only worth a warning. */
export interface Prepared {
  schema: unknown
  issues: ConfigIssue[]
  /** Formats that are not known and therefore not enforced: only OpenAPI documents may have them. */
  unknownFormats: Set<string>
  /** References, with their places. */
  references: Map<string, string>
}

/** The keyword that charges the budget (its prefix is dropped from every schema that is read); it is put into schemas that refer to themselves or to others. */
export const COST = 'x-portcullis-cost'

/**
 * Walks a schema once: names what is misspelt or unsafe with its place, drops comments, and puts a charge on every
 * part when the schema has references, because alternatives that refer to themselves can take exponential time.
 */
export function prepareSchema(schema: unknown, options: PrepareOptions): Prepared {
  const walker = new SchemaWalker(options)
  const copy = walker.walk(schema, '')
  return {
    schema: walker.references.size > 0 ? charge(copy) : copy,
    issues: walker.issues,
    unknownFormats: walker.unknownFormats,
    references: walker.references,
  }
}

class SchemaWalker {
  readonly issues: ConfigIssue[] = []
  readonly unknownFormats = new Set<string>()
  readonly references = new Map<string, string>()
  readonly #options: PrepareOptions
  readonly #budget = new Budget()

  constructor(options: PrepareOptions) {
    this.#options = options
  }

  walk(schema: unknown, place: string): unknown {
    if (typeof schema === 'boolean') return schema
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
      this.issues.push({ place, message: 'expected a schema: an object, true or false' })
      return true
    }
    const copy: JSONSchema = {}
    for (const [keyword, value] of Object.entries(schema)) {
      const at = `${place}${member(keyword)}`
      if (this.#isKnown(keyword, at)) copy[keyword] = this.#keyword(keyword, value, at)
    }
    return copy
  }

  #isKnown(keyword: string, at: string): boolean {
    if (/^(?:[@_#]|x-)/.test(keyword)) return false
    const { draft, openapi } = this.#options
    if (openapi === true && OPENAPI_ANNOTATIONS.has(keyword)) return false
    const known = KEYWORDS.get(keyword)
    if (known?.drafts.includes(draft) === true) return true
    if (known !== undefined) {
      this.issues.push({ place: at, message: `is not a keyword of ${draft}, but of ${known.drafts.join(' and ')}` })
    } else if (openapi !== true) {
      const hint = didYouMean(keyword, KEYWORDS.keys()) || '; a note of your own begins with "x-"'
      this.issues.push({ place: at, message: `unknown keyword${hint}` })
    }
    return false
  }

  #keyword(keyword: string, value: unknown, at: string): unknown {
    switch (KEYWORDS.get(keyword)!.holds) {
      case 'schema':
        return this.walk(value, at)
      case 'list':
        return this.#list(value, at)
      case 'either':
        if (Array.isArray(value) && this.#options.draft === '2020-12') {
          this.issues.push({ place: at, message: 'is a list only before 2020-12, where it is called "prefixItems"' })
        }
        return Array.isArray(value) ? this.#list(value, at) : this.walk(value, at)
      case 'map':
        return this.#map(keyword, value, at, (inner) => !Array.isArray(inner))
      case 'dependencies':
        return this.#map(keyword, value, at, (inner) => !Array.isArray(inner))
      default:
        return this.#plain(keyword, value, at)
    }
  }

  #plain(keyword: string, value: unknown, at: string): unknown {
    if (typeof value !== 'string') return value
    if (keyword === 'pattern') this.#pattern(value, at)
    else if (keyword === 'format' && !Object.hasOwn(FORMATS, value)) {
      if (this.#options.openapi === true) this.unknownFormats.add(value)
      else this.issues.push({ place: at, message: `unknown format${didYouMean(value, Object.keys(FORMATS))}` })
    } else if (/^\$(?:ref|recursiveRef|dynamicRef)$/.test(keyword)) this.references.set(value, at)
    return value
  }

  #pattern(source: string, at: string): void {
    try {
      new LinearPattern(source, this.#budget)
    } catch (error) {
      this.issues.push({ place: at, message: `the pattern ${(error as Error).message}` })
    }
  }

  #list(value: unknown, at: string): unknown {
    if (!Array.isArray(value)) {
      this.issues.push({ place: at, message: 'expected a list of schemas' })
      return []
    }
    return value.map((inner, index) => this.walk(inner, `${at}[${index}]`))
  }

  #map(keyword: string, value: unknown, at: string, isSchema: (inner: unknown) => boolean): unknown {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.issues.push({ place: at, message: 'expected an object of schemas by name' })
      return {}
    }
    const entries = Object.entries(value).map(([name, inner]) => {
      const place = `${at}${member(name)}`
      if (keyword === 'patternProperties') this.#pattern(name, place)
      return [name, isSchema(inner) ? this.walk(inner, place) : inner]
    })
    return Object.fromEntries(entries)
  }
}

/** Puts the charge into every part of a prepared schema. */
function charge(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null) return schema
  const copy: JSONSchema = { [COST]: true }
  for (const [keyword, value] of Object.entries(schema)) {
    const { holds } = KEYWORDS.get(keyword) ?? {}
    const inner = (part: unknown): unknown => (Array.isArray(part) ? part : charge(part))
    if (holds === undefined) copy[keyword] = value
    else if (Array.isArray(value)) copy[keyword] = value.map(charge)
    else if (holds === 'map' || holds === 'dependencies') {
      copy[keyword] = Object.fromEntries(Object.entries(value as object).map(([name, part]) => [name, inner(part)]))
    } else copy[keyword] = charge(value)
  }
  return copy
}

/** A member's name as one would write it in code. */
export function member(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
}
