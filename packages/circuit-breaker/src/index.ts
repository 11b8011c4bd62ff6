/**
 * `qos/circuit-breaker`: an upstream that keeps failing is left alone for a while, so that requests fail at once
 * instead of each waiting for its timeout, and the upstream can recover.
 *
 * {@link Breaker} is the state machine; this file asks it before every try and tells it how the try ended.
 */
import {
  type Component,
  type ComponentPlugin,
  type Context,
  duration,
  Refusal,
  type RequestState,
  toPlugin,
  type UpstreamOutcome,
  type UpstreamRequest,
} from '@portcullis/core'
import { Breaker, type BreakerState, type Ticket } from './breaker.ts'
import { type CircuitBreakerConfig, circuitBreakerSchema, failureTest } from './config.ts'

export { Breaker, type BreakerOptions, type BreakerState, type Ticket } from './breaker.ts'
export type { CircuitBreakerConfig } from './config.ts'

/** A request that went through a breaker and has not come back yet. */
interface Pass {
  breaker: Breaker
  ticket: Ticket
}

/** The circuit breaker, at backend level. Refuses with 503 `CIRCUIT_OPEN` and `Retry-After`. */
export const circuitBreaker: Component<CircuitBreakerConfig> = {
  name: 'circuit-breaker',
  namespaces: [
    'qos/circuit-breaker',
    'github.com/devopsfaith/krakend-circuitbreaker/gobreaker',
    'github.com/krakend/krakend-circuitbreaker/gobreaker',
  ],
  levels: ['backend'],
  schema: circuitBreakerSchema,
  renamedFields: { maxErrors: 'max_errors', logStatusChange: 'log_status_change' },
  create(config, context) {
    const breakerOf = breakerFinder(config, context)
    const isFailure = failureTest(config.failure_statuses)
    const passes = new WeakMap<UpstreamRequest, Pass>()
    const last = new WeakMap<RequestState, Pass>()
    const forget = (state: RequestState): void => {
      const pass = last.get(state)
      pass?.breaker.forget(pass.ticket)
    }
    return {
      steps: [
        {
          phase: 'upstreamRequest',
          run: (_request, state, upstream) => {
            const breaker = breakerOf(upstream.origin)
            const ticket = breaker.admit()
            if (typeof ticket === 'number') return refusalAfter(ticket)
            const pass = { breaker, ticket }
            passes.set(upstream, pass)
            last.set(state, pass)
            return undefined
          },
        },
        {
          phase: 'upstreamResponse',
          run: (_request, _state, upstream, outcome) => {
            const pass = passes.get(upstream)
            if (pass !== undefined) report(pass, outcome, isFailure)
            return undefined
          },
        },
        // A probe that another step refused, or whose client left, has no outcome.
        { phase: 'onResponse', run: (_request, _reply, state) => forget(state) },
        { phase: 'onRequestAbort', run: (_request, state) => forget(state) },
      ],
    }
  },
}

/** Fastify plugin: reads the blocks of proxied endpoints' backends. */
const plugin: ComponentPlugin<CircuitBreakerConfig> = toPlugin(circuitBreaker)
export default plugin

function report({ breaker, ticket }: Pass, outcome: UpstreamOutcome, isFailure: (status: number) => boolean): void {
  if (outcome.failure === 'cancelled') breaker.forget(ticket)
  else if (outcome.failure !== undefined || outcome.status === undefined || isFailure(outcome.status))
    breaker.fail(ticket)
  else breaker.succeed(ticket)
}

/** One breaker for each upstream host, or for each name; blocks with other settings have breakers of their own. */
function breakerFinder(config: CircuitBreakerConfig, context: Context): (origin: string) => Breaker {
  const breakers = allBreakers(context)
  const openMs = duration(config.timeout ?? 0) || 60_000
  const intervalMs = duration(config.interval ?? 60)
  const make = (label: string): Breaker =>
    new Breaker({
      maxErrors: config.max_errors,
      intervalMs,
      openMs,
      ...(config.log_status_change === true ? { onChange: logger(label, context) } : undefined),
    })
  const found = new Map<string, Breaker>()
  return (origin) => {
    const label = config.name ?? origin
    let breaker = found.get(label)
    if (breaker === undefined) {
      const settings = JSON.stringify([label, config.max_errors, intervalMs, openMs, config.log_status_change === true])
      breaker = breakers.get(settings)?.breaker ?? make(label)
      breakers.set(settings, { label, breaker })
      found.set(label, breaker)
    }
    return breaker
  }
}

function logger(label: string, context: Context): (from: BreakerState, to: BreakerState) => void {
  return (from, to) =>
    context.log.warn({ component: 'circuit-breaker', breaker: label, from, to }, `circuit breaker: ${to}`)
}

const VALUES = { closed: 0, 'half-open': 1, open: 2 } as const

/** Every breaker of the tree, published once as a gauge. */
function allBreakers(context: Context): Map<string, { label: string; breaker: Breaker }> {
  return context.shared('circuit-breakers', () => {
    const breakers = new Map<string, { label: string; breaker: Breaker }>()
    context.gauge({
      name: 'circuit_breaker_state',
      help: 'State of a circuit breaker: 0 closed, 1 half-open, 2 open',
      read: () => {
        const worst = new Map<string, number>()
        for (const { label, breaker } of breakers.values()) {
          worst.set(label, Math.max(worst.get(label) ?? 0, VALUES[breaker.state]))
        }
        return [...worst].map(([name, value]) => ({ labels: { name }, value }))
      },
    })
    return breakers
  })
}

/** @param ms until the breaker lets somebody try. */
function refusalAfter(ms: number): Refusal {
  return new Refusal(503, 'CIRCUIT_OPEN', 'The upstream is failing and gets a rest', {
    headers: { 'retry-after': String(Math.max(1, Math.ceil(ms / 1000))) },
  })
}
