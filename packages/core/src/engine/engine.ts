import type { Readable } from 'node:stream'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { Component, Context, Gauge, Level, ParserRefusal } from '../component.ts'
import { type Block, ComponentIndex, readBlocks } from '../config/blocks.ts'
import { type ConfigIssue, ConfigurationError, formatIssue } from '../config/issues.ts'
import { IdentityHeaders } from '../identity-headers.ts'
import { peerTrust } from '../peer-trust.ts'
import { RequestState } from '../request-state.ts'
import { onRouteOf } from '../seen-routes.ts'
import { MemoryStore } from '../store/memory.ts'
import type { Store } from '../store/store.ts'
import { runParsing } from './body.ts'
import { type BoundInstance, compilePlan, type Order, type Plan } from './plan.ts'
import { runRequest, runSend } from './run.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The blocks of this route: the same namespaces and fields as an endpoint of a gateway's configuration. */
    extra_config?: Readonly<Record<string, unknown>> | undefined
    /** Set by the gateway on the routes of its own endpoints. */
    portcullisEndpoint?: EndpointRoute | undefined
    /** A route of the gateway's own (health, metrics): only components that refuse nothing stand around it. */
    portcullisExempt?: boolean | undefined
  }
}

/** What the gateway says of a route that it made of an endpoint. */
export interface EndpointRoute {
  /** `endpoints[2]` */
  place: string
  /** The `extra_config` of its backend, checked like the endpoint's. */
  backend?: { place: string; extra_config: Readonly<Record<string, unknown>> }
  /** The blocks of both, when they were read and checked before: then they are not read again. */
  blocks?: readonly Block[]
  /** Its content-type parser hands over the bytes: they need not be captured on the way. */
  keepsRawBody?: boolean
}

/** What an engine is made of. */
export interface EngineOptions {
  components: readonly Component[]
  order?: Order
  /** The service-level blocks, checked already. */
  blocks: ReadonlyMap<string, Block>
  baseDir?: string
  /** The store of `policy: "redis"`; `local` is the engine's own memory store. */
  redisStore?: Store
  /** What to say of a namespace in a route's `extra_config` that no component of this engine has. */
  unknownNamespace?: (key: string) => string | undefined
}

const ENGINES = Symbol.for('portcullis.engines')
const IDENTITY = Symbol.for('portcullis.identity')

/** The engines around an instance's routes: those of its parents first, then its own, each in order of registration. */
export function enginesOf(fastify: FastifyInstance): readonly Engine[] {
  const found: Engine[] = []
  let holder: object | null = fastify
  while (holder !== null) {
    if (Object.hasOwn(holder, ENGINES)) found.unshift(...(holder as Record<symbol, Engine[]>)[ENGINES]!)
    holder = Object.getPrototypeOf(holder) as object | null
  }
  return found
}

/** One set of reserved names for a whole tree: whichever engine sees a request first strips the names of all. */
function identityHeadersOf(fastify: FastifyInstance): IdentityHeaders {
  const holder = fastify.server as unknown as Record<symbol, IdentityHeaders | undefined>
  const names = holder[IDENTITY] ?? new IdentityHeaders()
  holder[IDENTITY] = names
  return names
}

/** A namespace of a route that this engine does not have. */
interface Stranger {
  key: string
  place: string
  scope: FastifyInstance
}

/**
 * Runs components around the routes of a Fastify scope: one hook per phase, one plan per route. It alone knows about
 * modes, records and how a refusal becomes a response.
 */
export class Engine {
  readonly index: ComponentIndex
  /** The names that belong to the gateway: those of every engine of the tree. */
  readonly identityHeaders: IdentityHeaders
  readonly gauges: Gauge[] = []
  /** Headers for answers that run no hook. */
  readonly rawHeaders: Readonly<Record<string, string>>
  readonly servicePlan: Plan
  readonly #fastify: FastifyInstance
  readonly #options: EngineOptions
  readonly #service: BoundInstance[]
  readonly #all: BoundInstance[] = []
  readonly #plans = new WeakMap<object, Plan>()
  /** Instances by block and URL, so that a route and its HEAD twin share one. */
  readonly #instances = new WeakMap<object, Map<string, BoundInstance[]>>()
  readonly #shared = new Map<string, unknown>()
  readonly #issues: ConfigIssue[] = []
  readonly #strangers: Stranger[] = []
  readonly #routePlans: { methods: readonly string[]; url: string; plan: Plan }[] = []
  readonly #trusts: (request: FastifyRequest) => boolean
  readonly #localStore = new MemoryStore()

  /** @throws RangeError when the server's `trustProxy` is a number. */
  constructor(fastify: FastifyInstance, options: EngineOptions) {
    this.#fastify = fastify
    this.#options = options
    this.#trusts = peerTrust(fastify)
    this.identityHeaders = identityHeadersOf(fastify)
    this.index = new ComponentIndex(options.components)
    this.#service = [...options.blocks.values()].map((block) => this.#instantiate(block, undefined))
    this.servicePlan = compilePlan(this.#inPipelineOrder(this.#service), options.order ?? {}, this)
    this.rawHeaders = Object.assign({}, ...this.#service.map(({ instance }) => instance.rawHeaders))
    const holder = fastify as unknown as Record<symbol, Engine[]>
    if (Object.hasOwn(fastify, ENGINES)) holder[ENGINES]!.push(this)
    else holder[ENGINES] = [this]
    if (!fastify.hasRequestDecorator('portcullis')) fastify.decorateRequest('portcullis', null)
    this.#addHooks()
    for (const component of options.components) component.attach?.(this.#context('service', '', undefined))
  }

  /** The plan of every route declared so far, for display. */
  get routePlans(): readonly { methods: readonly string[]; url: string; plan: Plan }[] {
    return this.#routePlans
  }

  /** Every instance, service level first. */
  get instances(): readonly BoundInstance[] {
    return this.#all
  }

  get log(): FastifyBaseLogger {
    return this.#fastify.log
  }

  /** Can every component do its work, and every store be reached? */
  async healthy(): Promise<boolean> {
    const answers = await Promise.all(this.#all.map(async ({ instance }) => (await instance.healthy?.()) ?? true))
    return answers.every(Boolean)
  }

  /** Lets every component read its files again; a failure keeps the old state and is logged. */
  async reload(): Promise<void> {
    for (const { component, instance } of this.#all) {
      try {
        await instance.reload?.()
      } catch (error) {
        this.log.error({ err: error, component: component.name }, 'reload failed, the old state is kept')
      }
    }
  }

  /** Runs the response steps of a request for which Fastify runs no hooks. */
  finishWithoutHooks(request: FastifyRequest, reply: FastifyReply, body: string, state: RequestState): void {
    runSend(this.servicePlan.onSend, 0, request, reply, body, state, () => undefined)
    reply.raw.once('finish', () => {
      for (const step of this.servicePlan.onResponse) step.run(request, reply, state)
    })
  }

  /** Tells components of a request that the parser refused. */
  tellParserRefusal(refusal: ParserRefusal): void {
    for (const { instance } of this.#service) instance.onParserRefusal?.(refusal)
  }

  #addHooks(): void {
    const fastify = this.#fastify
    fastify.addHook('onRequest', (request, reply, done) => {
      const state = this.#begin(request)
      runRequest(this.#planOf(request, state).onRequest, 0, request, reply, state, done)
    })
    fastify.addHook('preParsing', (request, reply, payload, done) => {
      const state = this.#begin(request)
      runParsing(this.#planOf(request, state), request, reply, state, payload as Readable, done as never)
    })
    fastify.addHook('preValidation', (request, reply, done) => {
      const state = this.#begin(request)
      runRequest(this.#planOf(request, state).preValidation, 0, request, reply, state, done)
    })
    fastify.addHook('preHandler', (request, reply, done) => {
      const state = this.#begin(request)
      runRequest(this.#planOf(request, state).preHandler, 0, request, reply, state, done)
    })
    fastify.addHook('onSend', (request, reply, payload, done) => {
      const state = this.#begin(request)
      runSend(this.#planOf(request, state).onSend, 0, request, reply, payload, state, done as never)
    })
    fastify.addHook('onResponse', (request, reply, done) => {
      const state = this.#begin(request)
      for (const step of this.#planOf(request, state).onResponse) step.run(request, reply, state)
      done()
    })
    fastify.addHook('onRequestAbort', (request, done) => {
      const state = this.#begin(request)
      for (const step of this.#planOf(request, state).onRequestAbort) step.run(request, state)
      done()
    })
    onRouteOf(fastify, (route, scope) => this.#declare(route, scope))
    fastify.addHook('onReady', () => this.#ready())
    fastify.addHook('onClose', () => this.#close())
  }

  /** The state of a request; the first engine to see it makes it, and removes what no client may say. */
  #begin(request: FastifyRequest): RequestState {
    let state = request.portcullis
    if (state === null || state === undefined) {
      this.identityHeaders.strip(request.raw)
      const { config } = request.routeOptions
      state = new RequestState(this.#plans.get(config) ?? this.#compile(config))
      request.portcullis = state
    }
    return state
  }

  #planOf(request: FastifyRequest, state: RequestState): Plan {
    if (state.plan.owner === this) return state.plan
    const { config } = request.routeOptions
    return this.#plans.get(config) ?? this.#compile(config)
  }

  /** A route is declared: its mistakes are collected, its plan is made. Routes of other scopes are not ours. */
  #declare(route: RouteOptions, scope: FastifyInstance): void {
    if (scope !== this.#fastify && !Object.prototype.isPrototypeOf.call(this.#fastify, scope)) return
    const config = route.config
    if (config?.extra_config === undefined && config?.portcullisEndpoint === undefined) {
      this.#routePlans.push({ methods: [route.method].flat(), url: route.url, plan: this.servicePlan })
      return
    }
    const methods = [route.method].flat()
    // A HEAD twin has the mistakes of its GET: they are told once.
    const isTwin = this.#instances.get((config.extra_config ?? config) as object)?.has(route.url) === true
    const blocks = this.#readRoute(config, methods, route.url, isTwin ? [] : this.#issues, isTwin ? undefined : scope)
    const plan = this.#planFor(blocks, config, { url: route.url, methods })
    this.#plans.set(config, plan)
    this.#routePlans.push({ methods, url: route.url, plan })
  }

  /** The plan of the gateway's own routes: headers, records and numbers, but nothing that can refuse. */
  #exemptPlan(): Plan {
    const observers = new Set(
      this.#options.components.filter(({ refuses }) => refuses === false).map(({ name }) => name),
    )
    const onRequest = this.servicePlan.onRequest.filter(({ component }) => observers.has(component))
    return {
      ...this.servicePlan,
      onRequest,
      preParsing: [],
      preValidation: [],
      preHandler: [],
      body: undefined,
      tap: undefined,
    }
  }

  /** A plan on first sight: routes without blocks, 404s, and routes that no `onRoute` told of. */
  #compile(config: {
    url?: string
    method?: string | readonly string[]
    extra_config?: unknown
    portcullisEndpoint?: EndpointRoute | undefined
    portcullisExempt?: boolean | undefined
  }): Plan {
    let plan = this.servicePlan
    if (config.portcullisExempt === true) plan = this.#exemptPlan()
    else if (config.extra_config !== undefined || config.portcullisEndpoint !== undefined) {
      const methods = [config.method ?? 'GET'].flat()
      const issues: ConfigIssue[] = []
      const blocks = this.#readRoute(config, methods, config.url ?? '', issues, this.#fastify)
      if (issues.length > 0) throw new ConfigurationError(issues)
      plan = this.#planFor(blocks, config, { url: config.url ?? '', methods })
    }
    this.#plans.set(config, plan)
    return plan
  }

  #readRoute(
    config: { extra_config?: unknown; portcullisEndpoint?: EndpointRoute | undefined },
    methods: readonly string[],
    url: string,
    issues: ConfigIssue[],
    scope: FastifyInstance | undefined,
  ): Block[] {
    const endpoint = config.portcullisEndpoint
    if (endpoint?.blocks !== undefined) return [...endpoint.blocks]
    const place = endpoint === undefined ? `route ${methods.join(',')} ${url}: config` : endpoint.place
    const found: Block[] = []
    const read = (extraConfig: unknown, level: Level, at: string): void => {
      const result = readBlocks(extraConfig, this.index, {
        level,
        place: at,
        baseDir: this.#options.baseDir ?? process.cwd(),
        unknownNamespace: (key) => this.#unknown(key, `${at}[${JSON.stringify(key)}]`, scope),
      })
      issues.push(...result.issues)
      found.push(...result.blocks.values())
    }
    read(config.extra_config, 'endpoint', `${place}.extra_config`)
    if (endpoint?.backend !== undefined) read(endpoint.backend.extra_config, 'backend', endpoint.backend.place)
    return found
  }

  /**
   * A namespace is unknown only when no engine around the route has it: single plugins share a route's blocks, and
   * the plugin in question may be registered later. So it is judged when everything is.
   */
  #unknown(key: string, place: string, scope: FastifyInstance | undefined): string | undefined {
    if (this.#options.unknownNamespace !== undefined) return this.#options.unknownNamespace(key)
    if (scope !== undefined) this.#strangers.push({ key, place, scope })
    return undefined
  }

  #unknownNamespaces(): ConfigIssue[] {
    const unknown = this.#strangers.filter(
      ({ key, scope }) => !enginesOf(scope).some((engine) => engine.index.get(key) !== undefined),
    )
    return unknown.map(({ place }) => ({ place, message: 'no registered plugin has this namespace' }))
  }

  #planFor(blocks: readonly Block[], config: object, route: { url: string; methods: readonly string[] }): Plan {
    const own = this.#instancesOf(blocks, config, route)
    const overriding = new Set(
      blocks.filter(({ component }) => component.combine === 'replace').map(({ component }) => component.name),
    )
    const kept = this.#service.filter(({ component }) => !overriding.has(component.name))
    const endpoint = (config as { portcullisEndpoint?: EndpointRoute }).portcullisEndpoint
    return compilePlan(
      this.#inPipelineOrder([...kept, ...own]),
      this.#options.order ?? {},
      this,
      endpoint?.keepsRawBody === true,
    )
  }

  #instancesOf(
    blocks: readonly Block[],
    config: object,
    route: { url: string; methods: readonly string[] },
  ): BoundInstance[] {
    const key = ((config as { extra_config?: object }).extra_config ?? config) as object
    const byUrl = this.#instances.get(key) ?? new Map<string, BoundInstance[]>()
    this.#instances.set(key, byUrl)
    let made = byUrl.get(route.url)
    if (made === undefined) {
      made = blocks.filter((block) => !block.off).map((block) => this.#instantiate(block, route))
      byUrl.set(route.url, made)
    }
    return made
  }

  #instantiate(block: Block, route: { url: string; methods: readonly string[] } | undefined): BoundInstance {
    const { component, level, place, config } = block
    const context = this.#context(level, place, route)
    const instance = component.create(config, context)
    this.identityHeaders.add(instance.identityHeaders ?? [])
    const monitor = (config as { mode?: string } | undefined)?.mode === 'monitor'
    const bound: BoundInstance = { component, level, place, monitor, config, instance }
    this.#all.push(bound)
    return bound
  }

  #context(level: Level, place: string, route: Context['route']): Context {
    return {
      level,
      place,
      ...(route === undefined ? undefined : { route }),
      log: this.#fastify.log,
      fastify: this.#fastify,
      baseDir: this.#options.baseDir ?? process.cwd(),
      store: (policy) => this.#store(policy),
      serviceBlock: (namespace) => {
        const wanted = this.index.get(namespace)
        return wanted === undefined ? undefined : this.#options.blocks.get(wanted.name)?.config
      },
      trustsPeer: this.#trusts,
      shared: (key, make) => this.#share(key, make),
      gauge: (gauge) => this.gauges.push(gauge),
    }
  }

  #share<T>(key: string, make: () => T): T {
    if (!this.#shared.has(key)) this.#shared.set(key, make())
    return this.#shared.get(key) as T
  }

  #store(policy: 'local' | 'redis'): Store {
    if (policy === 'local') return this.#localStore
    if (this.#options.redisStore !== undefined) return this.#options.redisStore
    throw new Error('policy "redis" needs a redis connection')
  }

  #inPipelineOrder(instances: BoundInstance[]): BoundInstance[] {
    const { components } = this.#options
    return instances.sort((a, b) => components.indexOf(a.component) - components.indexOf(b.component))
  }

  async #ready(): Promise<void> {
    const unique = new Map([...this.#issues, ...this.#unknownNamespaces()].map((issue) => [formatIssue(issue), issue]))
    if (unique.size > 0) {
      throw new ConfigurationError([...unique.values()])
    }
    await Promise.all(this.#all.map(({ instance }) => instance.ready?.()))
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#all.map(async ({ instance }) => instance.close?.()))
    this.#localStore.close()
  }
}
