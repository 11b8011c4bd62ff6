import type { JSONSchema } from '@portcullis/core'

/** Finds what a local `$ref` of a schema refers to. */
export type Resolve = (reference: string) => unknown

const INTEGER = /^-?(?:0|[1-9][0-9]*)$/
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/

/** What a schema says of texts that stand for values. */
export class TypeReader {
  readonly #resolve: Resolve

  constructor(resolve: Resolve) {
    this.#resolve = resolve
  }

  /** The types that a schema can take, as far as it says; none when it does not say. */
  types(schema: unknown, depth = 0): Set<string> {
    const found = new Set<string>()
    const own = this.#target(schema)
    if (own === undefined || depth > 20) return found
    for (const type of [own.type ?? []].flat()) found.add(String(type))
    if (own.nullable === true) found.add('null')
    const values = [...(Array.isArray(own.enum) ? own.enum : []), ...('const' in own ? [own.const] : [])]
    if (own.type === undefined) for (const value of values) found.add(typeOf(value))
    for (const keyword of ['allOf', 'anyOf', 'oneOf']) {
      const parts = own[keyword]
      if (!Array.isArray(parts) || own.type !== undefined) continue
      for (const part of parts) for (const type of this.types(part, depth + 1)) found.add(type)
    }
    return found
  }

  /** The schema of the elements of a list. */
  items(schema: unknown): unknown {
    return this.#part(schema, (own) => (Array.isArray(own.items) ? undefined : own.items))
  }

  /** The schema of a member. */
  property(schema: unknown, name: string): unknown {
    return this.#part(schema, (own) => {
      const properties = own.properties as JSONSchema | undefined
      if (properties !== undefined && Object.hasOwn(properties, name)) return properties[name]
      return typeof own.additionalProperties === 'object' ? own.additionalProperties : undefined
    })
  }

  /** The names that a schema's `properties` has. */
  propertyNames(schema: unknown, depth = 0): string[] {
    const own = this.#target(schema)
    if (own === undefined || depth > 20) return []
    const parts = ['allOf', 'anyOf', 'oneOf'].flatMap((keyword) => (Array.isArray(own[keyword]) ? own[keyword] : []))
    const names = Object.keys((own.properties as object | undefined) ?? {})
    return [...new Set([...names, ...parts.flatMap((part) => this.propertyNames(part, depth + 1))])]
  }

  /** Everything that a text may stand for under a schema: numbers only as JSON writes them, never `0x10` or `+1`. */
  readings(text: string, schema: unknown): unknown[] {
    const types = this.types(schema)
    const readings: unknown[] = []
    if ((types.has('integer') && INTEGER.test(text)) || (types.has('number') && NUMBER.test(text))) {
      const number = Number(text)
      if (Number.isFinite(number)) readings.push(number)
    }
    if (types.has('boolean') && (text === 'true' || text === 'false')) readings.push(text === 'true')
    if (types.has('null') && text === '') readings.push(null)
    if (types.size === 0 || types.has('string') || readings.length === 0) readings.push(text)
    return readings
  }

  /** The one reading of a text inside of a list or an object. */
  reading(text: string, schema: unknown): unknown {
    return this.readings(text, schema)[0]
  }

  #part(schema: unknown, pick: (own: JSONSchema) => unknown, depth = 0): unknown {
    const own = this.#target(schema)
    if (own === undefined || depth > 20) return undefined
    const found = pick(own)
    if (found !== undefined) return found
    for (const keyword of ['allOf', 'anyOf', 'oneOf']) {
      for (const part of Array.isArray(own[keyword]) ? own[keyword] : []) {
        const inner = this.#part(part, pick, depth + 1)
        if (inner !== undefined) return inner
      }
    }
    return undefined
  }

  #target(schema: unknown): JSONSchema | undefined {
    let own = schema
    for (let hops = 0; hops < 20; hops++) {
      if (typeof own !== 'object' || own === null) return undefined
      const reference = (own as JSONSchema).$ref
      if (typeof reference !== 'string') return own as JSONSchema
      own = this.#resolve(reference)
    }
    return undefined
  }
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value === 'number' && Number.isInteger(value) ? 'integer' : typeof value
}

/** A resolver of JSON Pointers (`#/definitions/x`) within one document. */
export function pointerResolver(root: unknown): Resolve {
  return (reference) => {
    if (!reference.startsWith('#')) return undefined
    let node = root
    for (const part of reference.slice(1).split('/').slice(1)) {
      const name = safeDecode(part).replaceAll('~1', '/').replaceAll('~0', '~')
      if (typeof node !== 'object' || node === null || !Object.hasOwn(node, name)) return undefined
      node = (node as Record<string, unknown>)[name]
    }
    return node
  }
}

function safeDecode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
