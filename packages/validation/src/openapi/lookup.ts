import type { FastifyRequest } from 'fastify'
import type { ApiModel, OperationModel, PathModel } from './model.ts'
import { PathTemplates, skeleton } from './templates.ts'

/** The operation of a request, or why there is none. */
export type Found =
  | { fault: 'path' | 'unsafe' }
  | { fault: 'method'; allowed: string }
  | { fault?: undefined; operation: OperationModel; params: Readonly<Record<string, unknown>> }

const UNKNOWN: Found = { fault: 'path' }
const UNSAFE: Found = { fault: 'unsafe' }

/**
 * Finds the operation of a request. On an endpoint the routed pattern decides; at service level the document's templates do,
 * on the raw path, and where none matches the routed pattern: whatever spelling the router takes for a route (letter case, a
 * trailing slash) is still checked as that route.
 */
export class OperationLookup {
  readonly #templates = new PathTemplates<PathModel>()
  readonly #byShape = new Map<string, PathModel>()
  readonly #basePath: string
  readonly #routed: boolean
  readonly #allowed = new Map<PathModel, Found>()

  /** @param routed only the routed pattern counts: the block stands on an endpoint without a wildcard. */
  constructor(model: ApiModel, basePath: string, routed: boolean) {
    this.#basePath = basePath
    this.#routed = routed
    for (const path of model.paths) {
      this.#templates.add(basePath + path.template, path)
      this.#byShape.set(basePath + skeleton(path.template).shape, path)
      const methods = [...path.operations.keys()]
      if (methods.includes('GET') && !methods.includes('HEAD')) methods.push('HEAD')
      this.#allowed.set(path, { fault: 'method', allowed: methods.sort().join(', ') })
    }
  }

  /** The document's path of a route, undefined when it has none. */
  pathOf(route: string): PathModel | undefined {
    return this.#byShape.get(skeleton(route).shape)
  }

  find(request: FastifyRequest): Found {
    if (this.#routed) return this.#byRoute(request)
    const url = request.raw.url ?? request.url
    const match = this.#templates.match(url.slice(0, endOfPath(url)))
    if (match === 'unsafe') return UNSAFE
    return match === undefined ? this.#byRoute(request) : this.#operation(match.value, request.method, match.params)
  }

  #byRoute(request: FastifyRequest): Found {
    const pattern = request.routeOptions.url
    if (pattern === undefined || pattern.includes('*')) return UNKNOWN
    const route = skeleton(pattern)
    const path = this.#byShape.get(route.shape)
    if (path === undefined) return UNKNOWN
    const names = skeleton(this.#basePath + path.template).names
    const given = request.params as Record<string, unknown>
    const params = Object.fromEntries(names.map((name, index) => [name, given[route.names[index]!]]))
    return this.#operation(path, request.method, params)
  }

  #operation(path: PathModel, method: string, params: Readonly<Record<string, unknown>>): Found {
    const operation = path.operations.get(method) ?? (method === 'HEAD' ? path.operations.get('GET') : undefined)
    return operation === undefined ? this.#allowed.get(path)! : { operation, params }
  }
}

function endOfPath(url: string): number {
  for (let at = 0; at < url.length; at++) if (url[at] === '?' || url[at] === '#') return at
  return url.length
}
