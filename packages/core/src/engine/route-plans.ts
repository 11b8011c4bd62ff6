import type { FastifyInstance, RouteOptions } from 'fastify'
import type { Level } from '../component.ts'
import { type Block, type ComponentIndex, readBlocks } from '../config/blocks.ts'
import { type ConfigIssue, ConfigurationError } from '../config/issues.ts'
import type { EndpointRoute, EngineOptions } from './engine.ts'
import { type BoundInstance, compilePlan, type Plan } from './plan.ts'
import type { Workshop } from './workshop.ts'

/** What a route's configuration says to an engine. */
export interface RouteConfig {
  url?: string
  method?: string | readonly string[]
  extra_config?: unknown
  portcullisEndpoint?: EndpointRoute | undefined
  portcullisExempt?: boolean | undefined
}

/** A route and its plan, for display. */
export interface RoutePlan {
  methods: readonly string[]
  url: string
  plan: Plan
}

/** A namespace of a route that this engine does not have. */
interface Stranger {
  key: string
  place: string
  scope: FastifyInstance
}

interface Route {
  url: string
  methods: readonly string[]
}

/**
 * One plan per route. A plan is found by the identity of the route's configuration object, which Fastify keeps for as
 * long as the route lives: no second router that could disagree with the first.
 */
export class RoutePlans {
  /** For routes without blocks, and for what no route matches. */
  readonly service: Plan
  readonly declared: RoutePlan[] = []
  /** Mistakes in the blocks of routes, told when everything is declared. */
  readonly issues: ConfigIssue[] = []
  readonly #owner: object
  readonly #options: EngineOptions
  readonly #index: ComponentIndex
  readonly #workshop: Workshop
  readonly #serviceInstances: readonly BoundInstance[]
  readonly #plans = new WeakMap<object, Plan>()
  /** Instances by block and URL, so that a route and its HEAD twin share one. */
  readonly #instances = new WeakMap<object, Map<string, BoundInstance[]>>()
  readonly #strangers: Stranger[] = []

  constructor(owner: object, options: EngineOptions, index: ComponentIndex, workshop: Workshop) {
    this.#owner = owner
    this.#options = options
    this.#index = index
    this.#workshop = workshop
    this.#serviceInstances = [...options.blocks.values()].map((block) => workshop.make(block))
    this.service = this.#compile(this.#serviceInstances)
  }

  /** The plan for a route's configuration; made on first sight for 404s and for routes that no `onRoute` told of. */
  get(config: RouteConfig): Plan {
    return this.#plans.get(config) ?? this.#discover(config)
  }

  /** A route is declared: its mistakes are collected, its plan is made. */
  declare(route: RouteOptions, scope: FastifyInstance): void {
    const { config, url } = route
    const methods = [route.method].flat()
    let plan = this.service
    if (config?.extra_config !== undefined || config?.portcullisEndpoint !== undefined) {
      // A HEAD twin has the mistakes of its GET: they are told once.
      const isTwin = this.#instances.get(keyOf(config))?.has(url) === true
      const blocks = this.#read(config, { url, methods }, isTwin ? [] : this.issues, isTwin ? undefined : scope)
      plan = this.#planFor(blocks, config, { url, methods })
      this.#plans.set(config, plan)
    }
    this.declared.push({ methods, url, plan })
  }

  /** Namespaces that neither this engine has nor any other that `known` asks for. */
  strangers(known: (key: string, scope: FastifyInstance) => boolean): ConfigIssue[] {
    const unknown = this.#strangers.filter(({ key, scope }) => !known(key, scope))
    return unknown.map(({ place }) => ({ place, message: 'no registered plugin has this namespace' }))
  }

  #discover(config: RouteConfig): Plan {
    let plan = this.service
    if (config.portcullisExempt === true) plan = this.#exempt()
    else if (config.extra_config !== undefined || config.portcullisEndpoint !== undefined) {
      const route = { url: config.url ?? '', methods: [config.method ?? 'GET'].flat() }
      const issues: ConfigIssue[] = []
      const blocks = this.#read(config, route, issues, undefined)
      if (issues.length > 0) throw new ConfigurationError(issues)
      plan = this.#planFor(blocks, config, route)
    }
    this.#plans.set(config, plan)
    return plan
  }

  #read(config: RouteConfig, route: Route, issues: ConfigIssue[], scope: FastifyInstance | undefined): Block[] {
    const endpoint = config.portcullisEndpoint
    if (endpoint?.blocks !== undefined) return [...endpoint.blocks]
    const place = endpoint?.place ?? `route ${route.methods.join(',')} ${route.url}: config`
    const found: Block[] = []
    const read = (extraConfig: unknown, level: Level, at: string): void => {
      const result = readBlocks(extraConfig, this.#index, {
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

  #planFor(blocks: readonly Block[], config: RouteConfig, route: Route): Plan {
    const own = this.#instancesOf(blocks, config, route)
    const overriding = new Set(
      blocks.filter(({ component }) => component.combine === 'replace').map(({ component }) => component.name),
    )
    const kept = this.#serviceInstances.filter(({ component }) => !overriding.has(component.name))
    return this.#compile([...kept, ...own], config.portcullisEndpoint?.keepsRawBody === true)
  }

  #instancesOf(blocks: readonly Block[], config: RouteConfig, route: Route): BoundInstance[] {
    const key = keyOf(config)
    const byUrl = this.#instances.get(key) ?? new Map<string, BoundInstance[]>()
    this.#instances.set(key, byUrl)
    let made = byUrl.get(route.url)
    if (made === undefined) {
      made = blocks.filter((block) => !block.off).map((block) => this.#workshop.make(block, route))
      byUrl.set(route.url, made)
    }
    return made
  }

  /** The plan of the gateway's own routes: headers, records and numbers, but nothing that can refuse. */
  #exempt(): Plan {
    const { components } = this.#options
    const observers = new Set(components.filter(({ refuses }) => refuses === false).map(({ name }) => name))
    const onRequest = this.service.onRequest.filter(({ component }) => observers.has(component))
    return {
      ...this.service,
      onRequest,
      preParsing: [],
      preValidation: [],
      preHandler: [],
      body: undefined,
      tap: undefined,
    }
  }

  #compile(instances: readonly BoundInstance[], keepsRawBody = false): Plan {
    const { components, order = {} } = this.#options
    const sorted = [...instances].sort((a, b) => components.indexOf(a.component) - components.indexOf(b.component))
    return compilePlan(sorted, order, this.#owner, keepsRawBody)
  }
}

function keyOf(config: RouteConfig): object {
  return (config.extra_config ?? config) as object
}
