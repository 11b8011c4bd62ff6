import { type Component, ComponentIndex, type Context, onRouteOf } from '@portcullis/core'
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import type { CorsConfig } from './config.ts'

/** Name of the router constraint that tells a preflight from any other OPTIONS request. */
const CONSTRAINT = 'portcullisPreflight'
/** The router takes at most 31 constrained routes for one path and method; the rest are the app's own. */
const MAX_PER_PATH = 24

/** Shared by all preflight routes of a tree. */
interface Sharing {
  /** Routes differ in their CORS blocks, so that a preflight must find the very route that it asks about. */
  policiesDiffer: boolean
}

/** What is known of a tree's preflight routes. One twin serves every engine around its scope: all their hooks run. */
interface Twins {
  sharing: Sharing
  /** Service-level blocks in the tree. */
  services: number
  /** Twins of routes without blocks of their own, by path and host: one serves all methods. */
  plain: Map<string, Target>
  perPath: Map<string, number>
  methodsSeen: Map<string, Set<string>>
}

const TWINS = Symbol.for('portcullis.preflightTwins')

function twinsOf(fastify: FastifyInstance): Twins {
  const holder = fastify.server as unknown as Record<symbol, Twins | undefined>
  holder[TWINS] ??= {
    sharing: { policiesDiffer: false },
    services: 0,
    plain: new Map(),
    perPath: new Map(),
    methodsSeen: new Map(),
  }
  return holder[TWINS]
}

/** What a preflight route stands for. The router compares and stores it; the methods of plain routes grow. */
interface Target {
  methods: string[]
  sharing: Sharing
}

type HeadersOnly = Pick<FastifyRequest['raw'], 'method' | 'headers'>

/**
 * Is it a preflight: OPTIONS with an origin and the method that it asks for (Fetch standard, section 3.2.2)?
 * Any other OPTIONS request belongs to the app.
 */
export function isPreflight(request: HeadersOnly): boolean {
  if (request.method !== 'OPTIONS') return false
  const { headers } = request
  return Boolean(headers['access-control-request-method']) && Boolean(headers.origin)
}

/**
 * Gives every route of the app a twin for preflights, so that a preflight has the plan of the route that it asks
 * about, and a preflight of an unknown path is a 404 like any other request for it. The twins are OPTIONS routes
 * under a router constraint: they match preflights only, so that an app's own OPTIONS routes stay possible.
 */
export class PreflightRoutes {
  readonly #context: Context
  readonly #index: ComponentIndex
  readonly #service: CorsConfig | undefined
  readonly #twins: Twins

  constructor(context: Context, component: Component) {
    this.#context = context
    this.#index = new ComponentIndex([component])
    this.#service = context.serviceBlock(component.namespaces[0]) as CorsConfig | undefined
    this.#twins = twinsOf(context.fastify)
    if (this.#service !== undefined && ++this.#twins.services > 1) this.#twins.sharing.policiesDiffer = true
  }

  /** Adds twins of the routes declared so far, and from now on of each route as it is declared. */
  start(): void {
    const own = this.#context.fastify
    onRouteOf(own, (route, scope) => {
      if (scope === own || Object.prototype.isPrototypeOf.call(own, scope)) this.#add(route, scope)
    })
  }

  #add(route: RouteOptions, scope: FastifyInstance): void {
    if (route.constraints !== undefined && CONSTRAINT in route.constraints) return
    if (route.config?.portcullisExempt === true) return
    const extraConfig = route.config?.extra_config
    const block = this.#blockOf(extraConfig)
    if (block !== undefined) this.#twins.sharing.policiesDiffer = true
    const policy = block === undefined ? this.#service : block
    if (policy === undefined || policy === false || policy.options_passthrough === true) return
    const host = (route.constraints as { host?: string | RegExp } | undefined)?.host
    const key = `${route.url} ${String(host)}`
    const methods = this.#newMethods(key, [route.method].flat().map(String))
    if (methods.length === 0) return
    if (extraConfig === undefined) this.#addPlain(key, methods, route, scope, host)
    else this.#declare({ methods, sharing: this.#twins.sharing }, route, scope, host)
  }

  /** A route without blocks has the service's plan, so one twin serves all such routes of a path. */
  #addPlain(
    key: string,
    methods: string[],
    route: RouteOptions,
    scope: FastifyInstance,
    host: string | RegExp | undefined,
  ): void {
    const known = this.#twins.plain.get(key)
    if (known !== undefined) {
      known.methods.push(...methods)
      return
    }
    const target = { methods, sharing: this.#twins.sharing }
    this.#twins.plain.set(key, target)
    this.#declare(target, route, scope, host)
  }

  /** The methods that no twin of this path and host serves yet: versions of a route share one. */
  #newMethods(key: string, methods: readonly string[]): string[] {
    const seen = this.#twins.methodsSeen.get(key) ?? new Set<string>()
    this.#twins.methodsSeen.set(key, seen)
    const fresh = methods.filter((method) => !seen.has(method))
    for (const method of fresh) seen.add(method)
    // HEAD is Fastify's twin of GET, declared after it: its preflights are those of GET.
    return seen.has('GET') ? fresh.filter((method) => method !== 'HEAD') : fresh
  }

  #declare(target: Target, route: RouteOptions, scope: FastifyInstance, host: string | RegExp | undefined): void {
    const count = (this.#twins.perPath.get(route.url) ?? 0) + 1
    if (count > MAX_PER_PATH) {
      this.#context.log.warn({ url: route.url }, 'too many routes of one path: some of its preflights find no route')
      return
    }
    this.#twins.perPath.set(route.url, count)
    addConstraint(scope)
    const { config } = route
    const place = config?.portcullisEndpoint?.place ?? `route ${[route.method].flat().join(',')} ${route.url}: config`
    scope.route({
      method: 'OPTIONS',
      ...pathIn(scope, route),
      constraints: { ...(host === undefined ? undefined : { host }), [CONSTRAINT]: target },
      config:
        config?.extra_config === undefined
          ? {}
          : { extra_config: config.extra_config, portcullisEndpoint: { ...config.portcullisEndpoint, place } },
      // For documentation generators: this is no route of the app.
      schema: { hide: true } as object,
      handler: (_request, reply) => reply.callNotFound(),
    })
  }

  #blockOf(extraConfig: Readonly<Record<string, unknown>> | undefined): CorsConfig | false | undefined {
    for (const key in extraConfig) {
      if (this.#index.get(key) !== undefined) return extraConfig[key] as CorsConfig | false
    }
    return undefined
  }
}

/** The route's path as its own scope, which adds its prefix again, has to say it. */
function pathIn(scope: FastifyInstance, route: RouteOptions): { url: string; prefixTrailingSlash?: 'both' } {
  const { prefix } = scope
  const rest = route.url.slice(prefix.length)
  if (prefix !== '' && (rest === '' || rest === '/') && (route.prefixTrailingSlash ?? 'both') === 'both') {
    return { url: '/', prefixTrailingSlash: 'both' }
  }
  return { url: rest }
}

function addConstraint(fastify: FastifyInstance): void {
  if (fastify.hasConstraintStrategy(CONSTRAINT)) return
  fastify.addConstraintStrategy({
    name: CONSTRAINT,
    mustMatchWhenDerived: false,
    storage: () => new TargetStore() as never,
    validate: () => undefined,
    deriveConstraint: (request) =>
      request.method === 'OPTIONS' && isPreflight(request as HeadersOnly)
        ? (request.headers['access-control-request-method'] as string)
        : undefined,
  })
}

/**
 * The router's store of one path. It keeps masks of route numbers by target while the path is built, and is asked by
 * the method that a preflight wants. When no route of the path has that method, any of them may answer as long as
 * they all have one policy: the client then learns from the actual request that there is no such route.
 */
class TargetStore {
  readonly #entries: { target: Target; mask: number }[] = []

  get(wanted: Target | string): number | undefined {
    if (typeof wanted !== 'string') return this.#entries.find(({ target }) => target === wanted)?.mask
    let exact = 0
    let any = 0
    for (const { target, mask } of this.#entries) {
      if (target.methods.includes(wanted) || (wanted === 'HEAD' && target.methods.includes('GET'))) exact |= mask
      if (!target.sharing.policiesDiffer) any |= mask
    }
    return exact === 0 ? any : exact
  }

  set(target: Target, mask: number): void {
    const entry = this.#entries.find((known) => known.target === target)
    if (entry === undefined) this.#entries.push({ target, mask })
    else entry.mask = mask
  }
}
