import type { Context, Decision, ParserRefusal, RequestState } from '@portcullis/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Histogram } from './histogram.ts'
import type { Live } from './live.ts'

/** The only values of the label `method`. */
export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'other'] as const
/** The only values of the label `status`. */
export const STATUSES = ['1xx', '2xx', '3xx', '4xx', '5xx', 'aborted'] as const
const ABORTED = 5

const METHOD_INDEX: Readonly<Record<string, number>> = Object.fromEntries(METHODS.map((name, i) => [name, i]))
/** Most values of a label whose values come from configurations and rule files. */
const MAX_SERIES = 2000

/** How a request ended, for the dashboard. */
export type Outcome = 'ok' | 'refused' | 'error' | 'aborted'

/** What is counted for one route. */
export class RouteTraffic {
  /** By method and status. */
  readonly requests: Float64Array = new Float64Array(METHODS.length * STATUSES.length)
  readonly total: Histogram = new Histogram()
  readonly gateway: Histogram = new Histogram()
  /** Made when the route is first seen to have an upstream. */
  upstream: Histogram | undefined = undefined
  refused = 0
}

/** How often a component decided what. */
export interface DecisionCount {
  component: string
  code: string
  mode: string
  count: number
}

/** What is kept on a request's state while it is under way. */
interface Tracking {
  reply: FastifyReply
  ended: boolean
  wafBegan: number
  wafTime: number
}

type Tracked = Partial<Record<symbol, Tracking>>

/** Counts requests. Every label has a fixed set of values or comes from the configuration, whatever clients send. */
export class Traffic {
  readonly routes: Map<string, RouteTraffic> = new Map()
  readonly decisions: Map<string, DecisionCount> = new Map()
  readonly wafRules: Map<string, number> = new Map()
  readonly wafTime: Histogram = new Histogram()
  readonly parserRefusals: Map<string, number> = new Map()
  inFlight = 0
  /** Set where a dashboard looks on. */
  live: Live | undefined = undefined
  #claimed = false
  /** A symbol of its own: two plugins of one tree may look at the same request. */
  readonly #key: symbol = Symbol('portcullis.metrics')

  /** The traffic of an engine: metrics and dashboard look at the same. */
  static of(context: Context): Traffic {
    return context.shared('metrics:traffic', () => new Traffic())
  }

  /** True for the first that asks: its steps count. */
  claim(): boolean {
    if (this.#claimed) return false
    this.#claimed = true
    return true
  }

  /** A request begins. */
  begin(state: RequestState, reply: FastifyReply): void {
    ;(state as object as Tracked)[this.#key] = { reply, ended: false, wafBegan: 0, wafTime: 0 }
    this.inFlight++
  }

  /** A request is over, by its response or because the client went away; only the first of both counts. */
  end(request: FastifyRequest, reply: FastifyReply | undefined, state: RequestState, aborted: boolean): void {
    const tracking = (state as object as Tracked)[this.#key]
    if (tracking !== undefined) {
      if (tracking.ended) return
      tracking.ended = true
      this.inFlight--
      if (tracking.wafTime > 0) this.wafTime.observe(tracking.wafTime)
    }
    const answered = reply ?? tracking?.reply
    const status = answered?.statusCode ?? 500
    const duration = answered?.elapsedTime ?? 0
    const url = request.routeOptions.url ?? ''
    const route = this.#routeOf(url)
    const column = aborted ? ABORTED : Math.min(5, Math.max(1, Math.floor(status / 100))) - 1
    const row = METHOD_INDEX[request.method] ?? METHODS.length - 1
    route.requests[row * STATUSES.length + column]!++
    if (!aborted) observe(route, duration, state)
    const { decisions } = state
    const refused = decisions.length > 0 && this.#count(decisions)
    if (refused) route.refused++
    this.live?.record(outcomeOf(aborted, refused, status), duration, refused ? request.ip : undefined, url, decisions)
  }

  /** What the HTTP parser refused: never a request, but traffic. What components found in it counts as in a request. */
  parserRefusal({ code: raw, remoteAddress, decisions = [] }: ParserRefusal): void {
    const code = /^(?:HPE_[A-Z_]+|ERR_HTTP_[A-Z_]+)$/.test(raw) ? raw : 'other'
    increment(this.parserRefusals, code)
    this.#count(decisions)
    this.live?.record('refused', 0, remoteAddress, '', [{ component: 'parser', code, mode: 'enforce' }, ...decisions])
  }

  beforeWaf(state: RequestState): void {
    const tracking = (state as object as Tracked)[this.#key]
    if (tracking !== undefined) tracking.wafBegan = performance.now()
  }

  afterWaf(state: RequestState): void {
    const tracking = (state as object as Tracked)[this.#key]
    if (tracking !== undefined) tracking.wafTime += performance.now() - tracking.wafBegan
  }

  #routeOf(url: string): RouteTraffic {
    let found = this.routes.get(url)
    if (found === undefined) {
      const key = this.routes.size < MAX_SERIES ? url : ''
      found = this.routes.get(key) ?? new RouteTraffic()
      this.routes.set(key, found)
    }
    return found
  }

  /** True when one of the decisions became the response. */
  #count(decisions: readonly Decision[]): boolean {
    let refused = false
    for (const decision of decisions) {
      if (decision.mode === 'enforce') refused = true
      const rule = wafRule(decision)
      if (rule === undefined) this.#countDecision(decision)
      else increment(this.wafRules, rule)
    }
    return refused
  }

  #countDecision({ component, code, mode }: Decision): void {
    const key = `${component} ${code} ${mode}`
    const found = this.decisions.get(key)
    if (found !== undefined) found.count++
    else if (this.decisions.size < MAX_SERIES) this.decisions.set(key, { component, code, mode, count: 1 })
  }
}

/** The id of the rule whose match a decision records; undefined for every other decision. */
export function wafRule({ component, mode, detail }: Decision): string | undefined {
  if (component !== 'waf' || mode !== 'record') return undefined
  const id = detail?.['rule_id']
  return typeof id === 'number' || typeof id === 'string' ? String(id) : undefined
}

function observe(route: RouteTraffic, duration: number, state: RequestState): void {
  route.total.observe(duration)
  const upstream = (state.facts?.['upstream'] as { duration?: number } | undefined)?.duration
  if (upstream === undefined) {
    route.gateway.observe(duration)
    return
  }
  route.upstream ??= new Histogram()
  route.upstream.observe(upstream)
  route.gateway.observe(Math.max(0, duration - upstream))
}

function outcomeOf(aborted: boolean, refused: boolean, status: number): Outcome {
  if (aborted) return 'aborted'
  if (refused) return 'refused'
  return status >= 500 ? 'error' : 'ok'
}

function increment(counts: Map<string, number>, key: string): void {
  const before = counts.get(key)
  if (before !== undefined || counts.size < MAX_SERIES) counts.set(key, (before ?? 0) + 1)
}
