import type { Component, Level } from '../component.ts'
import { type ConfigIssue, didYouMean } from './issues.ts'
import { checkSchema, isCommentKey, type JSONSchema } from './schema.ts'

/** One block of `extra_config`, checked; `false` switches a component off for a route. */
export interface Block {
  component: Component
  level: Level
  /** `extra_config["security/http"]` */
  place: string
  config: unknown
  off: boolean
}

/** The blocks of one `extra_config` by component name, and what is wrong with it. */
export interface Blocks {
  blocks: Map<string, Block>
  issues: ConfigIssue[]
}

/** How blocks are read. */
export interface ReadOptions {
  level: Level
  /** Where the `extra_config` stands: `endpoints[2].extra_config`. */
  place: string
  baseDir: string
  /** What to say of a namespace that no component has; undefined = it is somebody else's, leave it. */
  unknownNamespace?: (key: string) => string | undefined
}

/** Finds components by any spelling of their namespaces. */
export class ComponentIndex {
  readonly #byKey = new Map<string, Component>()
  readonly names: readonly string[]

  constructor(components: readonly Component[]) {
    for (const component of components) {
      for (const namespace of component.namespaces) this.#byKey.set(fold(namespace), component)
    }
    this.names = components.flatMap((component) => [...component.namespaces])
  }

  get(key: string): Component | undefined {
    return this.#byKey.get(fold(key))
  }
}

/** KrakenD writes `github_com/…` at service level and `github.com/…` elsewhere; both are read everywhere. */
function fold(key: string): string {
  return key.replace(/^github_com\//, 'github.com/')
}

/** Reads and checks an `extra_config`: every mistake is found, none throws. */
export function readBlocks(extraConfig: unknown, index: ComponentIndex, options: ReadOptions): Blocks {
  const blocks = new Map<string, Block>()
  const issues: ConfigIssue[] = []
  if (extraConfig === undefined) return { blocks, issues }
  if (typeof extraConfig !== 'object' || extraConfig === null || Array.isArray(extraConfig)) {
    return { blocks, issues: [{ place: options.place, message: 'expected an object of namespaces' }] }
  }
  for (const [key, value] of Object.entries(extraConfig)) {
    if (isCommentKey(key)) continue
    const place = `${options.place}[${JSON.stringify(key)}]`
    const component = index.get(key)
    if (component === undefined) {
      const unknown = options.unknownNamespace ?? ((name) => `unknown namespace${didYouMean(name, index.names)}`)
      const message = unknown(key)
      if (message !== undefined) issues.push({ place, message })
      continue
    }
    const twin = blocks.get(component.name)
    if (twin !== undefined) {
      issues.push({ place, message: `the same block as ${twin.place}: state it once` })
      continue
    }
    const block = readBlock(component, value, place, options, issues)
    if (block !== undefined) blocks.set(component.name, block)
  }
  return { blocks, issues }
}

function readBlock(
  component: Component,
  value: unknown,
  place: string,
  options: ReadOptions,
  issues: ConfigIssue[],
): Block | undefined {
  const { level } = options
  if (!component.levels.includes(level)) {
    const where = component.levels.map((name) =>
      name === 'service' ? 'the service' : `an ${name}`.replace('an backend', 'a backend'),
    )
    issues.push({
      place,
      message: `"${component.namespaces[0]}" belongs to ${where.join(' or ')}, not to ${level === 'backend' ? 'a' : level === 'endpoint' ? 'an' : 'the'} ${level}`,
    })
    return undefined
  }
  if (value === false && level !== 'service' && component.combine === 'replace') {
    return { component, level, place, config: undefined, off: true }
  }
  const config = renameFields(component, value, place, issues)
  const found = checkSchema(schemaOf(component, level), config, { place })
  if (found.length === 0 && component.check !== undefined) {
    const relative = component.check(config, { level, baseDir: options.baseDir })
    found.push(...relative.map((issue) => ({ place: place + issue.place, message: issue.message })))
  }
  issues.push(...found)
  return found.length === 0 ? { component, level, place, config, off: false } : undefined
}

/** Old field names become the present ones. A field stated under both names is a mistake. */
function renameFields(component: Component, value: unknown, place: string, issues: ConfigIssue[]): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const renamed = component.renamedFields ?? {}
  const result: Record<string, unknown> = {}
  for (const [field, content] of Object.entries(value)) {
    const present = Object.hasOwn(renamed, field) ? renamed[field]! : field
    if (present !== field && Object.hasOwn(value, present)) {
      issues.push({
        place: `${place}[${JSON.stringify(field)}]`,
        message: `is the old name of "${present}", which is stated too`,
      })
      continue
    }
    result[present] = content
  }
  return result
}

const withMode = new WeakMap<JSONSchema, JSONSchema>()

/** JSON Schema of the field `mode`, which every component that can refuse accepts. */
export const modeSchema: JSONSchema = {
  enum: ['enforce', 'monitor'],
  default: 'enforce',
  description: 'enforce: refuse. monitor: let the request pass and only record what would have been refused.',
}

/** A component's schema at a level, with the field `mode` where it can refuse and lists its fields. */
export function schemaOf(component: Component, level: Level): JSONSchema {
  const own = typeof component.schema === 'function' ? component.schema(level) : component.schema
  if (component.refuses === false || own.properties === undefined) return own
  let schema = withMode.get(own)
  if (schema === undefined) {
    schema = { ...own, properties: { ...(own.properties as object), mode: modeSchema } }
    withMode.set(own, schema)
  }
  return schema
}
