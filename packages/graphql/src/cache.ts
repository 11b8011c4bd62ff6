import { Readable } from 'node:stream'
import {
  Answer,
  type Component,
  type Context,
  copyStream,
  duration,
  type MaybePromise,
  NewPayload,
  type RequestState,
  type SendStep,
  type StepResult,
  size,
} from '@portcullis/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Flights } from './cache/flight.ts'
import { isSuccess, lifetime, requestDirective } from './cache/freshness.ts'
import { cacheKey, DocumentMemory, type KeyOptions, knownVariations } from './cache/key.ts'
import { type KeptResponse, type Responses, responsesOf } from './cache/responses.ts'
import { type GraphqlCacheConfig, graphqlCacheSchema } from './config.ts'

/** A request that went to the server and whose response may be kept. */
interface Pending {
  key: string
  land: (stored: boolean) => void
}

/** One block at work. */
class GraphqlCache {
  readonly #responses: Responses
  readonly #key: KeyOptions
  readonly #variations: ReadonlySet<string>
  readonly #ttl: number
  readonly #maxSize: number
  readonly #flights = new Flights()
  readonly #memory = new DocumentMemory()
  readonly #pending = new WeakMap<FastifyRequest, Pending>()

  constructor(config: GraphqlCacheConfig, context: Context) {
    this.#responses = responsesOf(config, size(config.max_memory ?? '64M'), context)
    this.#key = {
      varyHeaders: (config.vary_headers ?? []).map((name) => name.toLowerCase()),
      varyIdentity: config.vary_identity ?? true,
    }
    this.#variations = knownVariations(this.#key)
    this.#ttl = duration(config.ttl ?? '5m')
    this.#maxSize = size(config.max_size ?? '256K')
  }

  /** Answers from what is kept; otherwise the request goes on, and its response is awaited. */
  readonly lookUp = (request: FastifyRequest, state: RequestState, reply: FastifyReply): MaybePromise<StepResult> => {
    const wish = requestDirective(request.raw.headers['cache-control'])
    const key = wish === 'no-store' ? undefined : cacheKey(request, state, this.#key, this.#memory)
    if (key === undefined) {
      note(reply, state, 'Bypass')
      return undefined
    }
    if (wish === 'no-cache') return this.#miss(key, request, reply, state)
    const found = this.#responses.get(key)
    if (found instanceof Promise) return found.then((response) => this.#decide(response, key, request, reply, state))
    return this.#decide(found, key, request, reply, state)
  }

  #decide(
    found: KeptResponse | undefined,
    key: string,
    request: FastifyRequest,
    reply: FastifyReply,
    state: RequestState,
  ): MaybePromise<StepResult> {
    if (found !== undefined) return hit(found, reply, state)
    const landed = this.#flights.wait(key)
    if (landed === undefined) return this.#miss(key, request, reply, state)
    return landed.then(async (stored) => {
      const response = stored ? await this.#responses.get(key) : undefined
      return response === undefined ? this.#miss(key, request, reply, state) : hit(response, reply, state)
    })
  }

  #miss(key: string, request: FastifyRequest, reply: FastifyReply, state: RequestState): undefined {
    note(reply, state, 'Miss')
    const land = this.#flights.wait(key) === undefined ? this.#flights.leave(key) : () => undefined
    this.#pending.set(request, { key, land })
    // However it ends: nobody waits for a response that will not come.
    reply.raw.once('close', () => land(false))
    return undefined
  }

  /** Keeps a response that may be kept; a stream is copied on its way. */
  readonly keep: SendStep = (request, reply, payload, state) => {
    const pending = this.#pending.get(request)
    if (pending === undefined) return undefined
    this.#pending.delete(request)
    const life = state.refused ? 0 : lifetime(reply, this.#ttl, this.#variations)
    const store = (body: string | undefined): void =>
      pending.land(body !== undefined && this.#store(pending.key, body, reply, life))
    if (life <= 0) store(undefined)
    else if (typeof payload === 'string') store(payload)
    else if (Buffer.isBuffer(payload)) store(payload.toString('utf8'))
    else if (payload instanceof Readable)
      return new NewPayload(copyStream(payload, this.#maxSize, (bytes) => store(bytes?.toString('utf8'))))
    else store(undefined)
    return undefined
  }

  #store(key: string, body: string, reply: FastifyReply, life: number): boolean {
    if (Buffer.byteLength(body) > this.#maxSize || !isSuccess(body)) return false
    const now = Date.now()
    const type = String(reply.getHeader('content-type'))
    this.#responses.set(key, { body, type, storedAt: now, endsAt: now + life })
    return true
  }
}

function hit(found: KeptResponse, reply: FastifyReply, state: RequestState): Answer {
  note(reply, state, 'Hit')
  const age = Math.max(0, Math.floor((Date.now() - found.storedAt) / 1000))
  return new Answer(200, { 'content-type': found.type, age: String(age) }, found.body)
}

function note(reply: FastifyReply, state: RequestState, status: 'Hit' | 'Miss' | 'Bypass'): void {
  reply.header('x-cache-status', status)
  state.setFact('cache', status.toLowerCase())
}

/**
 * `qos/graphql-cache`: responses of queries, by what they mean. Never a mutation, an error, a cookie, another client's data,
 * or what the server's `Cache-Control` keeps out.
 */
export const graphqlCache: Component<GraphqlCacheConfig> = {
  name: 'graphql-cache',
  namespaces: ['qos/graphql-cache'],
  levels: ['endpoint'],
  schema: graphqlCacheSchema,
  refuses: false,
  create(config, context) {
    const cache = new GraphqlCache(config, context)
    return {
      body: { capture: true },
      steps: [
        { phase: 'preHandler', slot: 'graphql-cache', run: cache.lookUp },
        { phase: 'onSend', slot: 'graphql-cache', run: cache.keep },
      ],
    }
  },
}
