import { type ConfigIssue, ConfigurationError, type JSONSchema, type JsonLimits } from '@portcullis/core'
import { bundle, compileErrors, validate } from '@readme/openapi-parser'
import type { BodyRule } from '../body.ts'
import { pointerResolver, type Resolve } from '../parameters/coerce.ts'
import type { Parameter, ParameterPlace } from '../parameters/parameter.ts'
import { STYLES, type Style, shapeOf } from '../parameters/styles.ts'
import { type Document, isObject } from './files.ts'
import { SchemaSet } from './hoist.ts'

/** Bodies by media type or range, as the document lists them. */
export type Content = readonly (readonly [entry: string, rule: BodyRule])[]

/** What the document says of one response. */
export interface ResponseModel {
  content: Content
  headers: readonly Parameter[]
}

/** One operation of the document. */
export interface OperationModel {
  /** `GET /users/{id}` */
  id: string
  parameters: readonly Parameter[]
  /** Names of query parameters that security schemes read. */
  queryKeys: readonly string[]
  /** Undefined: no body is declared. */
  body: { required: boolean; content: Content } | undefined
  /** By status, `4XX` or `default`. */
  responses: ReadonlyMap<string, ResponseModel>
}

/** One path of the document. */
export interface PathModel {
  template: string
  /** By method, upper-case. */
  operations: ReadonlyMap<string, OperationModel>
}

/** A document, compiled. */
export interface ApiModel {
  paths: readonly PathModel[]
  /** Formats that are not known, and therefore not enforced. */
  unknownFormats: ReadonlySet<string>
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'] as const
const IGNORED_HEADERS = new Set(['accept', 'content-type', 'authorization'])

/**
 * Bundles, checks and compiles a document.
 *
 * @param spec an absolute file name, or the document; inspected by `inspectSpec` before.
 * @param place where it stands, for messages.
 * @throws ConfigurationError with every mistake.
 */
export async function loadModel(spec: string | Document, place: string, limits: JsonLimits): Promise<ApiModel> {
  let document: Document
  try {
    const input = (): never => (typeof spec === 'string' ? spec : structuredClone(spec)) as never
    const verdict = await validate(input(), { validate: { rules: { openapi: { 'array-without-items': 'warning' } } } })
    if (!verdict.valid) throw new Error(compileErrors(verdict))
    document = (await bundle(input())) as unknown as Document
  } catch (error) {
    throw new ConfigurationError([
      { place, message: `is no valid OpenAPI document: ${(error as Error).message.trim()}` },
    ])
  }
  return new ModelReader(document, limits).read(place)
}

class ModelReader {
  readonly #document: Document
  readonly #limits: JsonLimits
  readonly #resolve: Resolve
  readonly #requests: SchemaSet
  readonly #responses: SchemaSet
  readonly #issues: ConfigIssue[] = []

  constructor(document: Document, limits: JsonLimits) {
    this.#document = document
    this.#limits = limits
    this.#resolve = pointerResolver(document)
    const legacy = String(document.openapi).startsWith('3.0')
    this.#requests = new SchemaSet(document, 'request', legacy)
    this.#responses = new SchemaSet(document, 'response', legacy)
  }

  read(place: string): ApiModel {
    const paths: PathModel[] = []
    for (const [template, raw] of Object.entries(this.#document.paths as object)) {
      if (template.startsWith('/')) paths.push(this.#path(template, this.#target(raw)))
    }
    if (this.#issues.length > 0)
      throw new ConfigurationError(this.#issues.map((issue) => ({ ...issue, place: `${place} ${issue.place}` })))
    const unknownFormats = new Set([...this.#requests.compile(place), ...this.#responses.compile(place)])
    return { paths, unknownFormats }
  }

  #path(template: string, item: Document): PathModel {
    const operations = new Map<string, OperationModel>()
    for (const method of METHODS) {
      if (isObject(item[method])) {
        operations.set(method.toUpperCase(), this.#operation(`${method.toUpperCase()} ${template}`, item, item[method]))
      }
    }
    return { template, operations }
  }

  #operation(id: string, item: Document, operation: Document): OperationModel {
    const byKey = new Map<string, Document>()
    for (const raw of [...list(item.parameters), ...list(operation.parameters)]) {
      const parameter = this.#target(raw)
      byKey.set(`${parameter.in} ${parameter.name}`, parameter)
    }
    const body = operation.requestBody === undefined ? undefined : this.#target(operation.requestBody)
    const responses = Object.entries((operation.responses ?? {}) as object).map(([status, raw]) => {
      const at = `${id} responses.${status}`
      return [status.toUpperCase().replace('DEFAULT', 'default'), this.#response(this.#target(raw), at)] as const
    })
    return {
      id,
      parameters: [...byKey.values()].flatMap((parameter) =>
        this.#parameter(parameter, this.#requests, `${id} parameters.${parameter.name}`),
      ),
      queryKeys: this.#queryKeys(operation),
      body: body && {
        required: body.required === true,
        content: this.#content(body.content, this.#requests, `${id} requestBody`),
      },
      responses: new Map(responses),
    }
  }

  #response(response: Document, at: string): ResponseModel {
    const headers = Object.entries((response.headers ?? {}) as object)
      .filter(([name]) => name.toLowerCase() !== 'content-type')
      .flatMap(([name, raw]) =>
        this.#parameter({ ...this.#target(raw), in: 'header', name }, this.#responses, `${at}.headers.${name}`),
      )
    return { content: this.#content(response.content, this.#responses, at), headers }
  }

  #content(content: unknown, set: SchemaSet, at: string): Content {
    return Object.entries((content ?? {}) as object).map(([entry, raw]) => {
      const { schema } = this.#target(raw)
      if (anythingGoes(schema)) return [entry, isBinary(entry) ? { opaque: true } : {}] as const
      const use = set.use(schema, `${at} ${entry}`)
      return [
        entry,
        {
          get validate() {
            return use.validate
          },
          schema: use.schema,
          reader: set.reader,
        },
      ] as const
    })
  }

  #parameter(parameter: Document, set: SchemaSet, at: string): Parameter[] {
    const place = parameter.in as ParameterPlace
    const name = String(parameter.name)
    if (place === 'header' && IGNORED_HEADERS.has(name.toLowerCase())) return []
    const content = Object.values((parameter.content ?? {}) as object)[0] as Document | undefined
    const use = set.use(content === undefined ? (parameter.schema ?? true) : (content.schema ?? true), at)
    const style = (parameter.style as Style | undefined) ?? STYLES[place][0]
    if (!(STYLES[place] as readonly string[]).includes(style)) {
      this.#issues.push({ place: at, message: `the style ${JSON.stringify(style)} does not exist in ${place}` })
    }
    return [
      {
        in: place,
        name,
        required: parameter.required === true,
        style,
        explode: typeof parameter.explode === 'boolean' ? parameter.explode : style === 'form',
        // A schema is complete only when all of the document was taken in.
        get shape() {
          return shapeOf(set.reader, use.schema)
        },
        schema: use.schema,
        get validate() {
          return use.validate
        },
        coerce: true,
        allowEmpty: parameter.allowEmptyValue === true,
        json: content !== undefined,
        reader: set.reader,
        limits: this.#limits,
      },
    ]
  }

  #queryKeys(operation: Document): string[] {
    const { securitySchemes = {} } = (this.#document.components ?? {}) as { securitySchemes?: object }
    const required = list(operation.security ?? this.#document.security).flatMap((scheme) =>
      Object.keys(scheme as object),
    )
    return Object.entries(securitySchemes)
      .map(([name, raw]) => ({ name, scheme: this.#target(raw) }))
      .filter(({ name, scheme }) => required.includes(name) && scheme.type === 'apiKey' && scheme.in === 'query')
      .map(({ scheme }) => String(scheme.name))
  }

  /** What a node, or the reference in its place, stands for. */
  #target(node: unknown): Document {
    let own = node
    for (let hops = 0; hops < 20 && isObject(own) && typeof own.$ref === 'string'; hops++) own = this.#resolve(own.$ref)
    return isObject(own) ? own : {}
  }
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/** No schema, an empty one, or OpenAPI 3.0's "any bytes". */
function anythingGoes(schema: unknown): boolean {
  if (schema === undefined || schema === true) return true
  const own = schema as JSONSchema
  return Object.keys(own).length === 0 || (own.type === 'string' && own.format === 'binary')
}

/** Not JSON, which is read strictly even where anything goes. */
function isBinary(entry: string): boolean {
  return !/^application\/(?:.*\+)?json\b/i.test(entry) && !entry.includes('*')
}
