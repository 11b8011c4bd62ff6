import type { Readable } from 'node:stream'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Component, ComponentInstance, Gauge, ParserRefusal } from '../component.ts'
import { type Block, ComponentIndex } from '../config/blocks.ts'
import { ConfigurationError, formatIssue } from '../config/issues.ts'
import { IdentityHeaders } from '../identity-headers.ts'
import { RequestState } from '../request-state.ts'
import { onRouteOf } from '../seen-routes.ts'
import type { Store } from '../store/store.ts'
import { runParsing } from './body.ts'
import type { BoundInstance, Order, Plan } from './plan.ts'
import { type RoutePlan, RoutePlans } from './route-plans.ts'
import { runRequest, runSend } from './run.ts'
import { Workshop } from './workshop.ts'

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

/**
 * Runs components around the routes of a Fastify scope: one hook per phase, one plan per route. It alone knows about
 * modes, records and how a refusal becomes a response.
 */
export class Engine {
  readonly index: ComponentIndex
  /** The names that belong to the gateway: those of every engine of the tree. */
  readonly identityHeaders: IdentityHeaders
  /** Headers for answers that run no hook. */
  readonly rawHeaders: Readonly<Record<string, string>>
  readonly #fastify: FastifyInstance
  readonly #workshop: Workshop
  readonly #plans: RoutePlans

  /** @throws RangeError when the server's `trustProxy` is a number. */
  constructor(fastify: FastifyInstance, options: EngineOptions) {
    this.#fastify = fastify
    this.identityHeaders = identityHeadersOf(fastify)
    this.index = new ComponentIndex(options.components)
    this.#workshop = new Workshop({
      fastify,
      engine: options,
      index: this.index,
      identityHeaders: this.identityHeaders,
    })
    this.#plans = new RoutePlans(this, options, this.index, this.#workshop)
    this.rawHeaders = Object.assign({}, ...this.servicePlan.instances.map(({ instance }) => instance.rawHeaders))
    const holder = fastify as unknown as Record<symbol, Engine[]>
    if (Object.hasOwn(fastify, ENGINES)) holder[ENGINES]!.push(this)
    else holder[ENGINES] = [this]
    if (!fastify.hasRequestDecorator('portcullis')) fastify.decorateRequest('portcullis', null)
    this.#addHooks()
    for (const component of options.components) component.attach?.(this.#workshop.context('service', '', undefined))
  }

  /** The plan of requests that no route with blocks of its own matched. */
  get servicePlan(): Plan {
    return this.#plans.service
  }

  /** The plan of every route declared so far, for display. */
  get routePlans(): readonly RoutePlan[] {
    return this.#plans.declared
  }

  /** Every instance, service level first. */
  get instances(): readonly BoundInstance[] {
    return this.#workshop.instances
  }

  /** The numbers that components publish. */
  get gauges(): readonly Gauge[] {
    return this.#workshop.gauges
  }

  /** Publishes a number that belongs to no component. */
  publish(gauge: Gauge): void {
    this.#workshop.gauges.push(gauge)
  }

  get log(): FastifyBaseLogger {
    return this.#fastify.log
  }

  /** Can every component do its work, and every store be reached? */
  async healthy(): Promise<boolean> {
    const answers = await Promise.all(this.instances.map(async ({ instance }) => (await instance.healthy?.()) ?? true))
    return answers.every(Boolean)
  }

  /** Lets every component read its files again; a failure keeps the old state and is logged. */
  async reload(): Promise<void> {
    // Side by side: one that waits for the network keeps no other from its files.
    const reloading = this.instances.map(async ({ component, instance }) => {
      try {
        await instance.reload?.()
      } catch (error) {
        this.log.error({ err: error, component: component.name }, 'reload failed, the old state is kept')
      }
    })
    await Promise.all(reloading)
  }

  /** Runs the response steps of a request for which Fastify runs no hooks. */
  finishWithoutHooks(request: FastifyRequest, reply: FastifyReply, body: string, state: RequestState): void {
    runSend(this.servicePlan.onSend, 0, request, reply, body, state, () => undefined)
    reply.raw.once('finish', () => {
      this.#tell(this.servicePlan.onResponse, (step) => step.run(request, reply, state))
    })
  }

  /** Lets components judge a request that the parser refused. @returns what is still being judged; never rejects. */
  judgeParserRefusal(refusal: ParserRefusal): Promise<void>[] {
    const pending: Promise<void>[] = []
    this.#tell(this.#observers(), ({ component, instance }) => {
      const judged = instance.judgeParserRefusal?.(refusal)
      if (judged === undefined) return
      pending.push(judged.catch((error: unknown) => this.#failed(component, error)))
    })
    return pending
  }

  /** Tells components of a request that the parser refused. */
  tellParserRefusal(refusal: ParserRefusal): void {
    this.#tell(this.#observers(), ({ instance }) => instance.onParserRefusal?.(refusal))
  }

  #observers(): { component: string; instance: ComponentInstance }[] {
    return this.servicePlan.instances.map(({ component, instance }) => ({ component: component.name, instance }))
  }

  /** What only observes must neither end the process nor keep the others from observing. */
  #tell<T extends { component: string }>(observers: readonly T[], tell: (observer: T) => void): void {
    for (const observer of observers) {
      try {
        tell(observer)
      } catch (error) {
        this.#failed(observer.component, error)
      }
    }
  }

  #failed(component: string, error: unknown): void {
    this.log.error({ err: error, component }, 'a security component failed')
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
      this.#tell(this.#planOf(request, state).onResponse, (step) => step.run(request, reply, state))
      done()
    })
    fastify.addHook('onRequestAbort', (request, done) => {
      const state = this.#begin(request)
      this.#tell(this.#planOf(request, state).onRequestAbort, (step) => step.run(request, state))
      done()
    })
    onRouteOf(fastify, (route, scope) => {
      if (this.#covers(scope)) this.#plans.declare(route, scope)
    })
    fastify.addHook('onReady', () => this.#ready())
    fastify.addHook('onClose', () => this.#workshop.close())
  }

  /** Routes of other scopes are not ours. */
  #covers(scope: FastifyInstance): boolean {
    return scope === this.#fastify || Object.prototype.isPrototypeOf.call(this.#fastify, scope)
  }

  /** The state of a request; the first engine to see it makes it, and removes what no client may say. */
  #begin(request: FastifyRequest): RequestState {
    let state = request.portcullis
    if (state === null || state === undefined) {
      this.identityHeaders.strip(request.raw)
      state = new RequestState(this.#plans.get(request.routeOptions.config))
      request.portcullis = state
    }
    return state
  }

  #planOf(request: FastifyRequest, state: RequestState): Plan {
    return state.plan.owner === this ? state.plan : this.#plans.get(request.routeOptions.config)
  }

  async #ready(): Promise<void> {
    const strangers = this.#plans.strangers((key, scope) =>
      enginesOf(scope).some((engine) => engine.index.get(key) !== undefined),
    )
    const unique = new Map([...this.#plans.issues, ...strangers].map((issue) => [formatIssue(issue), issue]))
    if (unique.size > 0) throw new ConfigurationError([...unique.values()])
    await this.#workshop.ready()
  }
}
