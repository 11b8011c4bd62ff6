import type { FastifyRequest } from 'fastify'
import type { MaybePromise, UpstreamOutcome, UpstreamRequest } from '../component.ts'
import type { Refusal } from '../refusal.ts'
import type { RequestState } from '../request-state.ts'
import { failed, recordRefusal } from './settle.ts'

/**
 * Runs the steps that stand before a request to the upstream: breaker, rate of the backend, token, headers.
 *
 * @returns the refusal that ends it, undefined when the request may go.
 */
export function runUpstreamRequest(
  request: FastifyRequest,
  state: RequestState,
  upstream: UpstreamRequest,
  from = 0,
): MaybePromise<Refusal | undefined> {
  const steps = state.plan.upstreamRequest
  for (let i = from; i < steps.length; i++) {
    const step = steps[i]!
    let result: ReturnType<typeof step.run>
    try {
      result = step.run(request, state, upstream)
    } catch (error) {
      result = failed(step, error, request)
    }
    if (result === undefined) continue
    const decide = (refusal: Refusal | undefined): MaybePromise<Refusal | undefined> => {
      if (refusal !== undefined) {
        recordRefusal(step, refusal, state)
        if (!step.monitor) return refusal
      }
      return runUpstreamRequest(request, state, upstream, i + 1)
    }
    if (!(result instanceof Promise)) return decide(result)
    return result.then(decide, (error: unknown) => decide(failed(step, error, request)))
  }
  return undefined
}

/** Tells every step how a request to the upstream ended; `'retry'` when one of them wants another try. */
export function runUpstreamResponse(
  request: FastifyRequest,
  state: RequestState,
  upstream: UpstreamRequest,
  outcome: UpstreamOutcome,
): 'retry' | undefined {
  let verdict: 'retry' | undefined
  for (const step of state.plan.upstreamResponse) {
    try {
      if (step.run(request, state, upstream, outcome) === 'retry') verdict = 'retry'
    } catch (error) {
      failed(step, error, request)
    }
  }
  return verdict
}
