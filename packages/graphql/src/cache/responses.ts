import type { Context, MaybePromise, Store } from '@portcullis/core'
import { BoundedMap } from '../bounded-map.ts'
import type { GraphqlCacheConfig } from '../config.ts'

/** A response that was kept: nothing of its headers but the type. */
export interface KeptResponse {
  body: string
  type: string
  /** Milliseconds since 1970 when it was stored, and when it ends. */
  storedAt: number
  endsAt: number
}

/** Where responses are kept. A store that fails is as good as an empty one. */
export interface Responses {
  get(key: string): MaybePromise<KeptResponse | undefined>
  set(key: string, response: KeptResponse): void
}

/** In this process: bounded in number and bytes, what was not used for longest goes first. */
export class LocalResponses implements Responses {
  readonly #map: BoundedMap<KeptResponse>

  constructor(maxItems: number, maxMemory: number) {
    this.#map = new BoundedMap(maxItems, maxMemory)
  }

  get count(): number {
    return this.#map.count
  }

  get size(): number {
    return this.#map.size
  }

  get(key: string): KeptResponse | undefined {
    const found = this.#map.get(key)
    if (found === undefined || found.endsAt > Date.now()) return found
    this.#map.delete(key)
    return undefined
  }

  set(key: string, response: KeptResponse): void {
    // A text takes up to two bytes a character.
    this.#map.set(key, response, 2 * response.body.length + 300)
  }
}

/** In the store that all gateways share. */
class SharedResponses implements Responses {
  readonly #store: Store
  readonly #failed: (error: unknown) => void

  constructor(store: Store, failed: (error: unknown) => void) {
    this.#store = store
    this.#failed = failed
  }

  async get(key: string): Promise<KeptResponse | undefined> {
    try {
      const text = await this.#store.get(`graphql-cache:${key}`)
      const found = text === undefined ? undefined : (JSON.parse(text) as KeptResponse)
      return found === undefined || found.endsAt <= Date.now() ? undefined : found
    } catch (error) {
      this.#failed(error)
      return undefined
    }
  }

  set(key: string, response: KeptResponse): void {
    const ttl = response.endsAt - response.storedAt
    const done = async (): Promise<void> => this.#store.set(`graphql-cache:${key}`, JSON.stringify(response), ttl)
    done().catch(this.#failed)
  }
}

/** The responses of a block. */
export function responsesOf(config: GraphqlCacheConfig, maxMemory: number, context: Context): Responses {
  if (config.policy !== 'redis') return new LocalResponses(config.max_items ?? 1000, maxMemory)
  return new SharedResponses(context.store('redis'), (error) =>
    context.log.warn({ err: error }, 'the GraphQL cache has no store'),
  )
}
