import { type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Family } from './exposition.ts'

/** Milliseconds between two samples of the event loop's delay; the measure includes them. */
const RESOLUTION = 20
/** Seconds after which what was measured is forgotten, so that the quantiles are of the recent past. */
const FORGET = 60

/** What the process itself tells: how late the event loop is, CPU time, memory. */
export class ProcessMetrics {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION })
  #timer: NodeJS.Timeout | undefined
  #before = performance.eventLoopUtilization()

  start(): void {
    this.#delay.enable()
    this.#timer = setInterval(() => this.#delay.reset(), FORGET * 1000).unref()
  }

  stop(): void {
    this.#delay.disable()
    clearInterval(this.#timer)
  }

  /** Milliseconds that a share of the event loop's turns came late at most. */
  delay(share: number): number {
    return Math.max(0, this.#delay.percentile(share * 100) / 1e6 - RESOLUTION)
  }

  /** Share of the time since the last call in which the event loop was busy. */
  utilization(): number {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, this.#before)
    this.#before = now
    return Number.isFinite(utilization) ? utilization : 0
  }

  families(): Family[] {
    const { user, system } = process.cpuUsage()
    const { rss, heapUsed } = process.memoryUsage()
    return [
      {
        name: 'event_loop_delay_seconds',
        help: 'How late the event loop was in the last minute',
        type: 'gauge',
        samples: [0.5, 0.9, 0.99, 1].map((share) => ({
          labels: { quantile: String(share) },
          value: this.delay(share) / 1000,
        })),
      },
      one('process_cpu_seconds_total', 'CPU time of the process', 'counter', (user + system) / 1e6),
      one('process_resident_memory_bytes', 'Memory that the process holds', 'gauge', rss),
      one('process_heap_used_bytes', 'Memory of JavaScript objects', 'gauge', heapUsed),
      one('process_start_time_seconds', 'When the process began', 'gauge', performance.timeOrigin / 1000),
    ]
  }
}

function one(name: string, help: string, type: 'counter' | 'gauge', value: number): Family {
  return { name, help, type, samples: [{ value }] }
}
