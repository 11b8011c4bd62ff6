import { performance } from 'node:perf_hooks'
import type { FastifyInstance } from 'fastify'
import type { Sample } from './exposition.ts'
import { componentHealth, gaugeFamilies } from './gauges.ts'
import { type Live, OUTCOMES, type RuleMatches, type Second } from './live.ts'
import type { ProcessMetrics } from './process-metrics.ts'
import type { TopEntry } from './top-list.ts'
import type { DecisionCount, Traffic } from './traffic.ts'

/** What the page asks for every second. */
export interface Snapshot {
  now: number
  uptime: number
  inFlight: number
  outcomes: readonly string[]
  seconds: readonly Second[]
  decisions: readonly DecisionCount[]
  addresses: readonly TopEntry[]
  routes: readonly TopEntry[]
  rules: readonly RuleMatches[]
  gauges: readonly { name: string; help: string; samples: readonly Sample[] }[]
  health: readonly { component: string; works: boolean }[]
  process: { delay: number; utilization: number; memory: number }
}

/** Entries of the lists. */
const MOST = 10

/** Everything that the page shows, but for the plans, which do not change. */
export async function snapshot(
  traffic: Traffic,
  live: Live,
  own: ProcessMetrics,
  fastify: FastifyInstance,
): Promise<Snapshot> {
  const health = await componentHealth(fastify)
  const decisions = [...traffic.decisions.values()].filter(({ mode }) => mode !== 'record')
  return {
    now: Date.now(),
    uptime: performance.now(),
    inFlight: traffic.inFlight,
    outcomes: OUTCOMES,
    seconds: live.seconds(),
    decisions: decisions.sort((a, b) => b.count - a.count).slice(0, 2 * MOST),
    addresses: live.addresses.top(MOST),
    routes: live.routes.top(MOST),
    rules: live.rules(2 * MOST),
    gauges: gaugeFamilies(fastify).map(({ name, help, samples }) => ({ name, help, samples: samples.slice(0, 100) })),
    health: [...health].map(([component, works]) => ({ component, works })),
    process: { delay: own.delay(0.99), utilization: own.utilization(), memory: process.memoryUsage.rss() },
  }
}
