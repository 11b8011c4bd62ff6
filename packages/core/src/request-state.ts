import type { FastifyRequest } from 'fastify'
import type { Plan } from './engine/plan.ts'
import { foldHeaderName, hasOddCharacter } from './identity-headers.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What Portcullis knows and decided of this request; null outside its reach. */
    portcullis: RequestState | null
  }
}

/** One thing that a component decided or noticed, kept for the audit log, metrics and the app's own handlers. */
export interface Decision {
  component: string
  /** Refusal code without the prefix, or a component's own word for a record that refuses nothing. */
  code: string
  /** `enforce`: it became the response. `monitor`: recorded only. `record`: nothing to enforce (a WAF match). */
  mode: 'enforce' | 'monitor' | 'record'
  status?: number
  message?: string
  /** Further facts; never a secret. */
  detail?: Readonly<Record<string, unknown>>
}

/** Who the client is, as an authentication component found out. */
export interface Identity {
  /** `jwt`, `api-key`, `basic`, `mtls`. */
  kind: string
  /** Subject, user name or consumer. */
  subject?: string
  /** Id of the key or credential; never the credential itself. */
  keyId?: string
  roles?: readonly string[]
  /** A rate of its own, in requests per second (`client_max_rate`); the rate limits enforce it. */
  maxRate?: number
  /** How many of them at once. Default as many as `maxRate` gives in a second, at least 1. */
  capacity?: number
  /** Verified claims. Shared between requests: never change them. */
  claims?: Readonly<Record<string, unknown>>
}

/** What the limits said of a request: the tightest of all that counted it, for the headers and the log. */
export interface RateLimitStatus {
  readonly limit: number
  /** What is left after this request. */
  readonly remaining: number
  /** Milliseconds until there is more. */
  readonly resetMs: number
}

const NONE: readonly Decision[] = Object.freeze([])

/** The record of one request: decisions, identity, and what goes to the upstream. */
export class RequestState {
  /** The plan of the request's route. */
  readonly plan: Plan
  /** Identities in the order found: one per authentication component. */
  identities: Identity[] | undefined = undefined
  /** The body's bytes as they arrived, when something inspects them. */
  rawBody: Buffer | undefined = undefined
  /** Set once a response was decided by the engine, so that later phases know. */
  refused = false
  /** Set by rate limits. */
  rateLimit: RateLimitStatus | undefined = undefined
  /** Facts for the log: upstream name, tries, cache status. */
  facts: Record<string, unknown> | undefined = undefined
  #decisions: Decision[] | undefined = undefined
  #upstreamHeaders: Map<string, string | string[]> | undefined = undefined
  #hiddenQuery: Set<string> | undefined = undefined

  constructor(plan: Plan) {
    this.plan = plan
  }

  /** Every decision so far, in order. */
  get decisions(): readonly Decision[] {
    return this.#decisions ?? NONE
  }

  record(decision: Decision): void {
    if (this.#decisions === undefined) this.#decisions = [decision]
    else this.#decisions.push(decision)
  }

  /** The first identity: what most routes have at most one of. */
  get identity(): Identity | undefined {
    return this.identities?.[0]
  }

  addIdentity(identity: Identity): void {
    if (this.identities === undefined) this.identities = [identity]
    else this.identities.push(identity)
  }

  setFact(name: string, value: unknown): void {
    this.facts ??= {}
    this.facts[name] = value
  }

  /**
   * Sets a header of the request to the app's handler and to the upstream. It goes on in the proxy's last step, so
   * that neither the forwarding list nor the client's `Connection` header can take it away.
   *
   * @param name lower-case.
   */
  setRequestHeader(request: FastifyRequest, name: string, value: string | string[]): void {
    this.#upstreamHeaders ??= new Map()
    this.#upstreamHeaders.set(name, value)
    request.raw.headers[name] = value
  }

  /** Removes a header from what the handler and the upstream get to see, in every spelling (`_`, `-`). */
  removeRequestHeader(request: FastifyRequest, name: string): void {
    this.#upstreamHeaders?.delete(name)
    const { headers } = request.raw
    const folded = foldHeaderName(name)
    delete headers[folded]
    for (const present in headers) {
      if (hasOddCharacter(present) && foldHeaderName(present) === folded) delete headers[present]
    }
  }

  /** Headers that components set for the upstream. */
  get upstreamHeaders(): ReadonlyMap<string, string | string[]> | undefined {
    return this.#upstreamHeaders
  }

  /** Keeps a query parameter (a token, a key) from the upstream. */
  hideQuery(name: string): void {
    this.#hiddenQuery ??= new Set()
    this.#hiddenQuery.add(name)
  }

  get hiddenQuery(): ReadonlySet<string> | undefined {
    return this.#hiddenQuery
  }
}

/** The state of a request that an engine has seen. @throws TypeError when none has. */
export function stateOf(request: FastifyRequest): RequestState {
  const state = request.portcullis
  if (state === null || state === undefined) throw new TypeError('this request was not seen by Portcullis')
  return state
}
