import { foldHeaderName, type Refusal } from '@portcullis/core'
import type { FastifyRequest } from 'fastify'
import type { Refusals } from '../refusals.ts'
import type { Mismatch } from '../schema/compile.ts'
import { groupPairs, queryOf, readPairs } from './pairs.ts'
import { checkCookie, checkPlain, checkQuery, type Parameter } from './parameter.ts'

/** How a request's parameters are checked. */
export interface ParametersOptions {
  /** Refuse query parameters that are not declared. */
  rejectUnknown: boolean
  /** Declared elsewhere: an API key's name. */
  alsoKnown?: readonly string[]
  refusals: Refusals
}

/** Every parameter of an operation, checked against the text that goes upstream, not against a parsed copy of it. */
export class Parameters {
  readonly #query: readonly Parameter[]
  readonly #path: readonly Parameter[]
  readonly #headers: readonly { parameter: Parameter; key: string; folded: string }[]
  readonly #cookies: readonly Parameter[]
  readonly #known: ReadonlySet<string>
  readonly #deep: ReadonlySet<string>
  readonly #options: ParametersOptions

  constructor(parameters: readonly Parameter[], options: ParametersOptions) {
    const at = (place: string): Parameter[] => parameters.filter((parameter) => parameter.in === place)
    this.#query = at('query')
    this.#path = at('path')
    this.#cookies = at('cookie')
    this.#headers = at('header').map((parameter) => ({
      parameter,
      key: parameter.name.toLowerCase(),
      folded: foldHeaderName(parameter.name),
    }))
    this.#known = new Set([...this.#query.flatMap(namesOf), ...(options.alsoKnown ?? [])])
    this.#deep = new Set(this.#query.filter(({ style }) => style === 'deepObject').map(({ name }) => name))
    this.#options = options
  }

  /** @param pathValues the decoded values of the path's parameters by name. */
  check(request: FastifyRequest, pathValues: Readonly<Record<string, unknown>>): Refusal | undefined {
    return (
      this.#checkPath(pathValues) ??
      this.#checkQuery(request) ??
      this.#checkHeaders(request) ??
      this.#checkCookies(request)
    )
  }

  #checkPath(values: Readonly<Record<string, unknown>>): Refusal | undefined {
    for (const parameter of this.#path) {
      const value = Object.hasOwn(values, parameter.name) ? values[parameter.name] : undefined
      const mismatch = checkPlain(parameter, typeof value === 'string' ? value : undefined)
      if (mismatch !== undefined) return this.#refuse(parameter, mismatch)
    }
    return undefined
  }

  #checkQuery(request: FastifyRequest): Refusal | undefined {
    if (this.#query.length === 0 && !this.#options.rejectUnknown) return undefined
    const { refusals } = this.#options
    const pairs = readPairs(queryOf(request.raw.url ?? request.url))
    if (pairs === undefined)
      return refusals.parameter('query', { at: '', keyword: 'encoding', message: 'is not percent-encoded UTF-8' })
    const all = groupPairs(pairs)
    for (const name of all.keys()) {
      const fault = this.#judgeName(name)
      if (fault !== undefined) return refusals.parameter('query', { at: '', ...fault })
    }
    for (const parameter of this.#query) {
      const mismatch = checkQuery(parameter, all.get(parameter.name), all)
      if (mismatch !== undefined) return this.#refuse(parameter, mismatch)
    }
    return undefined
  }

  /** `page[]` and `page[x]` are `page` to many readers, so they may not go around what is said of `page`. */
  #judgeName(name: string): { keyword: string; message: string } | undefined {
    if (this.#known.has(name)) return undefined
    if (this.#deep.has(name)) return { keyword: 'style', message: 'a declared parameter is written without brackets' }
    const bracket = name.indexOf('[')
    if (bracket > 0) {
      const base = name.slice(0, bracket)
      if (this.#deep.has(base)) return undefined
      if (this.#known.has(base)) return { keyword: 'style', message: 'a declared parameter is written with brackets' }
    }
    return this.#options.rejectUnknown ? { keyword: 'unknown', message: 'a parameter is not declared' } : undefined
  }

  #checkHeaders(request: FastifyRequest): Refusal | undefined {
    if (this.#headers.length === 0) return undefined
    const { headers } = request.raw
    for (const { parameter, key, folded } of this.#headers) {
      const value = headers[key]
      const mismatch =
        checkPlain(parameter, Array.isArray(value) ? value.join(', ') : value) ?? twinOf(headers, key, folded)
      if (mismatch !== undefined) return this.#refuse(parameter, mismatch)
    }
    return undefined
  }

  #checkCookies(request: FastifyRequest): Refusal | undefined {
    for (const parameter of this.#cookies) {
      const mismatch = checkCookie(parameter, request.raw.headers.cookie)
      if (mismatch !== undefined) return this.#refuse(parameter, mismatch)
    }
    return undefined
  }

  #refuse(parameter: Parameter, mismatch: Mismatch): Refusal {
    return this.#options.refusals.parameter(`${parameter.in} parameter ${JSON.stringify(parameter.name)}`, mismatch)
  }
}

/** Another spelling of a checked header, such as `x_page`, that an upstream may fold into it. */
function twinOf(headers: object, key: string, folded: string): Mismatch | undefined {
  for (const name in headers) {
    if (name !== key && name.length === key.length && foldHeaderName(name) === folded) {
      return { at: '', keyword: 'twin', message: 'is there in another spelling' }
    }
  }
  return undefined
}

/** The names under which a query parameter is sent. */
function namesOf(parameter: Parameter): string[] {
  const { style, explode, shape, json } = parameter
  if (shape === 'object' && !json && style === 'form' && explode)
    return parameter.reader.propertyNames(parameter.schema)
  return style === 'deepObject' ? [] : [parameter.name]
}
