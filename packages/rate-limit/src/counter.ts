import {
  type ComponentInstance,
  type Context,
  createRedisStore,
  type Limiter,
  type LimitResult,
  type LimitRule,
  type MaybePromise,
  type Refusal,
  type Store,
  StoreUnavailableError,
} from '@portcullis/core'
import type { RateLimitConfig } from './config.ts'
import { STORE_UNAVAILABLE } from './judge.ts'

type Results = readonly LimitResult[]
type Use<T> = (results: Results) => T

/** A limiter that knows what to do when its store is down. */
export class Counter {
  readonly #limiter: Limiter
  readonly #fallback: Limiter | undefined

  /** @param fallback counts in this process while the shared store is down; without it such requests are refused. */
  constructor(limiter: Limiter, fallback?: Limiter) {
    this.#limiter = limiter
    this.#fallback = fallback
  }

  /** Counts a request and hands the results to `use` at once: they may be the same objects the next time. */
  take<T>(id: string, use: Use<T>): MaybePromise<T | Refusal> {
    const results = this.#limiter.take(id)
    if (!(results instanceof Promise)) return use(results)
    return results.then(use, (error: unknown) => this.#without(error, (fallback) => fallback.take(id), use))
  }

  /** As {@link take}, without counting. */
  peek<T>(id: string, use: Use<T>): MaybePromise<T | Refusal> {
    const results = this.#limiter.peek(id)
    if (!(results instanceof Promise)) return use(results)
    return results.then(use, (error: unknown) => this.#without(error, (fallback) => fallback.peek(id), use))
  }

  #without<T>(
    error: unknown,
    ask: (fallback: Limiter) => MaybePromise<Results>,
    use: Use<T>,
  ): MaybePromise<T | Refusal> {
    if (!(error instanceof StoreUnavailableError)) throw error
    if (this.#fallback === undefined) return STORE_UNAVAILABLE
    const results = ask(this.#fallback)
    return results instanceof Promise ? results.then(use) : use(results)
  }
}

/** The stores of one block: where it counts, and where while that is down. */
export interface Stores {
  store: Store
  fallback: Store | undefined
  /** Leave a store that this block alone opened. */
  close: () => MaybePromise<void>
}

/** @throws Error when `policy` is `redis` and there is no Redis connection. */
export function storesOf(
  config: Pick<RateLimitConfig, 'policy' | 'redis' | 'fault_tolerant'>,
  context: Context,
): Stores {
  const local = context.store('local')
  if (config.policy !== 'redis') return { store: local, fallback: undefined, close: () => undefined }
  const own = config.redis === undefined ? undefined : ownRedis(config.redis, context)
  return {
    store: own ?? context.store('redis'),
    fallback: config.fault_tolerant === true ? local : undefined,
    close: () => own?.close(),
  }
}

/** One connection for all blocks that name the same Redis. */
function ownRedis(redis: NonNullable<RateLimitConfig['redis']>, context: Context): Store {
  return context.shared(`redis ${JSON.stringify(redis)}`, () =>
    createRedisStore({
      ...redis,
      baseDir: context.baseDir,
      onChange: (available, reason) => {
        if (available) context.log.info({ component: 'rate-limit' }, `the Redis of the rate limits ${reason}`)
        else context.log.warn({ component: 'rate-limit' }, `the Redis of the rate limits ${reason}`)
      },
    }),
  )
}

/** A counter of these rules under a name. */
export function counterOf(stores: Stores, name: string, rules: readonly LimitRule[]): Counter {
  return new Counter(stores.store.limiter(name, rules), stores.fallback?.limiter(name, rules))
}

/** What an instance that counts in these stores does beside its steps. Without its store it can serve nobody. */
export function lifecycle(stores: Stores): Pick<ComponentInstance, 'ready' | 'healthy' | 'close'> {
  return {
    ready: async () => {
      await stores.store.ready?.()
    },
    healthy: () => stores.fallback !== undefined || stores.store.healthy(),
    close: stores.close,
  }
}
