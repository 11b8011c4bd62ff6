import {
  type ComponentInstance,
  type Context,
  enginesOf,
  type MaybePromise,
  type Refusal,
  type RequestState,
  type RequestStep,
  type SendStep,
  type Step,
} from '@portcullis/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RateLimitConfig } from './config.ts'
import { counterOf, lifecycle, type Stores, storesOf } from './counter.ts'
import { FailureGate } from './failures.ts'
import { type Identify, identifier, isEarly } from './identify.ts'
import { Judge } from './judge.ts'
import { groupName, type RuleGroup, ruleGroups } from './rules.ts'
import { Status } from './status.ts'

/** The places of the limits in the pipeline: before and after authentication. */
const ADDRESS_SLOT = 'rate-limit:address'
export const IDENTITY_SLOT = 'rate-limit:identity'

/** One group of rules at work on one route, or on the whole service. */
interface GroupLimit {
  early: boolean
  /** Is it keyed by a header that the gateway itself sets, once somebody is authenticated? */
  ownHeader: () => boolean
  decide: (request: FastifyRequest, state: RequestState, reply: FastifyReply) => MaybePromise<Refusal | undefined>
  /** Counts a request that was answered before it came here. */
  countOnly: (request: FastifyRequest, state: RequestState) => void
  /** Told of the answer. */
  answered?: (request: FastifyRequest, state: RequestState, status: number) => MaybePromise<void>
}

/** The limits of one block, in the order of its groups. @param where what is counted together: `GET /users/:id`. */
function groupLimits(parts: Parts, where: string): GroupLimit[] {
  const { config, context, stores, groups, judge } = parts
  return groups.map((group) => {
    const counter = counterOf(stores, groupName(where, group, config.key), group.rules)
    const identify = identifier({
      by: group.by,
      key: config.key,
      ipv6Prefix: config.ipv6_prefix,
      hashed: config.policy === 'redis',
    })
    const base = { early: isEarly(group.by), ownHeader: ownHeader(group, config, context) }
    if (config.only_failures === true) {
      return { ...base, ...onFailures(new FailureGate(counter, judge, group.windows), identify) }
    }
    return {
      ...base,
      decide: (request, state) =>
        counter.take(identify(request, state), (results) => judge.decide(state, results, group.windows)),
      countOnly: (request, state) => {
        const counted = counter.take(identify(request, state), () => undefined)
        if (counted instanceof Promise) counted.catch(() => undefined)
      },
    }
  })
}

function onFailures(gate: FailureGate, identify: Identify): Pick<GroupLimit, 'decide' | 'countOnly' | 'answered'> {
  return {
    decide: (request, state, reply) => {
      // Requests that end without an answer of ours (hijacked, aborted) must not hold others up.
      reply.raw.once('close', () => gate.leave(state))
      return gate.enter(state, identify(request, state))
    },
    countOnly: () => undefined,
    answered: (request, state, status) => {
      const failed =
        (status === 401 || status === 403) && !(state.rateLimit instanceof Status && state.rateLimit.refused)
      return gate.settle(state, identify(request, state), failed)
    },
  }
}

/** Known at the first request: every component has named its headers by then. */
function ownHeader(group: RuleGroup, config: RateLimitConfig, context: Context): () => boolean {
  if (group.by !== 'header') return () => false
  let known: boolean | undefined
  return () => {
    known ??= enginesOf(context.fastify).some((engine) => engine.identityHeaders.has(config.key!.toLowerCase()))
    return known
  }
}

interface Parts {
  config: RateLimitConfig
  context: Context
  stores: Stores
  groups: readonly RuleGroup[]
  judge: Judge
}

/** Finds the limits of a request: always the same ones, or those of its route. */
type LimitsOf = (request: FastifyRequest) => readonly GroupLimit[]

/**
 * What one block of configuration does. A block of an endpoint counts that endpoint; one of the service counts
 * everything together, or with `perRoute` each route by itself.
 */
export function limitInstance(config: RateLimitConfig, context: Context, perRoute = false): ComponentInstance {
  const stores = storesOf(config, context)
  const parts: Parts = { config, context, stores, groups: ruleGroups(config), judge: new Judge(config, context.place) }
  const limitsOf = limitFinder(parts, perRoute)
  const skips = (request: FastifyRequest): boolean => config.count_options === false && request.method === 'OPTIONS'
  return {
    steps: [
      ...parts.groups.flatMap((group, i) => decidingSteps(group, i, limitsOf, skips)),
      sendStep(limitsOf, skips, config.only_failures === true),
    ],
    ...lifecycle(stores),
  }
}

function limitFinder(parts: Parts, perRoute: boolean): LimitsOf {
  const { route } = parts.context
  if (!perRoute || route !== undefined) {
    const limits = groupLimits(parts, route === undefined ? 'service' : routeName(route.methods, route.url))
    return () => limits
  }
  const byRoute = new Map<string, GroupLimit[]>()
  return (request) => {
    const { url, method } = request.routeOptions
    // Routes are a fixed number; what matches none is counted by the service's own limits.
    if (url === undefined) return []
    const name = routeName([method ?? []].flat(), url)
    let limits = byRoute.get(name)
    if (limits === undefined) {
      limits = groupLimits(parts, name)
      byRoute.set(name, limits)
    }
    return limits
  }
}

/** A route and its HEAD twin have one name. */
function routeName(methods: readonly string[], url: string): string {
  const counted = methods.filter((method) => method !== 'HEAD').sort()
  return `${counted.length === 0 ? 'GET' : counted.join(',')} ${url}`
}

function decidingSteps(
  group: RuleGroup,
  index: number,
  limitsOf: LimitsOf,
  skips: (request: FastifyRequest) => boolean,
): Step[] {
  const run =
    (late: boolean): RequestStep =>
    (request, state, reply) => {
      if (skips(request)) return undefined
      const limit = limitsOf(request)[index]
      if (limit === undefined || late !== (!limit.early || limit.ownHeader())) return undefined
      return limit.decide(request, state, reply)
    }
  const early: Step = { phase: 'onRequest', slot: ADDRESS_SLOT, run: run(false) }
  const late: Step = { phase: 'onRequest', slot: IDENTITY_SLOT, run: run(true) }
  if (group.by === 'header') return [early, late]
  return [isEarly(group.by) ? early : late]
}

function sendStep(limitsOf: LimitsOf, skips: (request: FastifyRequest) => boolean, failures: boolean): Step {
  const run: SendStep = (request, reply, _payload, state) => {
    if (skips(request)) return undefined
    const limits = limitsOf(request)
    if (state.rateLimit === undefined) countLate(limits, request, state)
    const write = (): undefined => {
      if (state.rateLimit instanceof Status) state.rateLimit.write(reply)
    }
    if (!failures) return write()
    const settled = limits.map((limit) => limit.answered?.(request, state, reply.statusCode))
    return settled.some((one) => one instanceof Promise) ? Promise.all(settled).then(write) : write()
  }
  return { phase: 'onSend', slot: 'rate-limit', run }
}

/** A request that was answered before any limit saw it (a denied address, a malformed URL, a preflight) counts too. */
function countLate(limits: readonly GroupLimit[], request: FastifyRequest, state: RequestState): void {
  for (const limit of limits) if (limit.early && !limit.ownHeader()) limit.countOnly(request, state)
}
