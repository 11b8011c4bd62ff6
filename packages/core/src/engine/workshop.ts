import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Context, Gauge, Level } from '../component.ts'
import type { Block, ComponentIndex } from '../config/blocks.ts'
import { ConfigurationError } from '../config/issues.ts'
import type { IdentityHeaders } from '../identity-headers.ts'
import { peerTrust } from '../peer-trust.ts'
import { MemoryStore } from '../store/memory.ts'
import type { Store } from '../store/store.ts'
import type { EngineOptions } from './engine.ts'
import type { BoundInstance } from './plan.ts'

/** What {@link Workshop} is made of. */
export interface WorkshopOptions {
  fastify: FastifyInstance
  engine: EngineOptions
  index: ComponentIndex
  identityHeaders: IdentityHeaders
}

/** Makes instances of components, and gives them what they may know of their surroundings. */
export class Workshop {
  /** Every instance made so far. */
  readonly instances: BoundInstance[] = []
  readonly gauges: Gauge[] = []
  readonly #options: WorkshopOptions
  readonly #trusts: (request: FastifyRequest) => boolean
  readonly #shared = new Map<string, unknown>()
  readonly #localStore = new MemoryStore()

  /** @throws RangeError when the server's `trustProxy` is a number. */
  constructor(options: WorkshopOptions) {
    this.#options = options
    this.#trusts = peerTrust(options.fastify)
  }

  /**
   * The component of a block, at work.
   *
   * @throws ConfigurationError when the block counts in Redis and there is no connection.
   */
  make(block: Block, route?: Context['route']): BoundInstance {
    const { component, level, place, config } = block
    const instance = component.create(config, this.context(level, place, route))
    this.#options.identityHeaders.add(instance.identityHeaders ?? [])
    const monitor = (config as { mode?: string } | undefined)?.mode === 'monitor'
    const bound: BoundInstance = { component, level, place, monitor, config, instance }
    this.instances.push(bound)
    return bound
  }

  context(level: Level, place: string, route: Context['route']): Context {
    const { fastify, engine, index } = this.#options
    return {
      level,
      place,
      ...(route === undefined ? undefined : { route }),
      log: fastify.log,
      fastify,
      baseDir: engine.baseDir ?? process.cwd(),
      store: (policy) => this.#store(policy, place),
      serviceBlock: (namespace) => {
        const wanted = index.get(namespace)
        return wanted === undefined ? undefined : engine.blocks.get(wanted.name)?.config
      },
      trustsPeer: this.#trusts,
      shared: (key, make) => this.#share(key, make),
      gauge: (gauge) => this.gauges.push(gauge),
    }
  }

  /** Slow work of every instance, before the first request. */
  async ready(): Promise<void> {
    await Promise.all(this.instances.map(({ instance }) => instance.ready?.()))
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.instances.map(async ({ instance }) => instance.close?.()))
    this.#localStore.close()
  }

  #share<T>(key: string, make: () => T): T {
    if (!this.#shared.has(key)) this.#shared.set(key, make())
    return this.#shared.get(key) as T
  }

  #store(policy: 'local' | 'redis', place: string): Store {
    if (policy === 'local') return this.#localStore
    const { redisStore } = this.#options.engine
    if (redisStore !== undefined) return redisStore
    throw new ConfigurationError([{ place: `${place}.policy`, message: '"redis" needs a redis connection' }])
  }
}
