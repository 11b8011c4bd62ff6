import type { MaybePromise, Store, Window } from '@portcullis/core'
import type { FastifyReply } from 'fastify'
import { type RateLimitConfig, WINDOWS } from './config.ts'

/** How much in each period. */
export type Periods = Pick<RateLimitConfig, 'second' | 'minute' | 'hour' | 'day'>

/** One quota in one period. */
interface Quota {
  name: string
  limit: number
  windowMs: number
  limitHeader: string
  remainingHeader: string
}

/** Quotas by name and period, which requests spend in amounts. What is left stands in the order of the periods. */
export class Quotas {
  readonly names: readonly string[]
  readonly #quotas: readonly Quota[]
  readonly #where: string

  /** @param where names what is counted together. */
  constructor(limits: Readonly<Record<string, Periods>>, where: string) {
    this.#where = where.replace(/[{}]/g, '')
    this.#quotas = Object.entries(limits).flatMap(([name, periods]) => quotasOf(name, periods))
    this.names = [...new Set(this.#quotas.map(({ name }) => name))]
  }

  /** What a client has left, in one call to the store. */
  left(store: Store, id: string): MaybePromise<number[]> {
    const windows = this.#quotas.map(
      (quota): Window => ({ kind: 'window', key: this.#key(id, quota), limit: quota.limit, windowMs: quota.windowMs }),
    )
    const results = store.peek(windows)
    if (results instanceof Promise) return results.then((all) => all.map(({ remaining }) => remaining))
    return results.map(({ remaining }) => remaining)
  }

  /** Spends, and returns what is left: less than nothing where more was spent than there was. */
  spend(store: Store, id: string, costs: ReadonlyMap<string, number>): Promise<number[]> {
    const add = async (quota: Quota): Promise<number> =>
      quota.limit - (await store.increment(this.#key(id, quota), costs.get(quota.name) ?? 0, quota.windowMs))
    return Promise.all(this.#quotas.map(add))
  }

  /** What is left of a quota in the period that has least. */
  least(name: string, left: readonly number[]): number {
    return Math.min(...left.filter((_one, i) => this.#quotas[i]!.name === name))
  }

  /** Was something spent of a quota that had been used up before? */
  overdrawn(left: readonly number[], costs: ReadonlyMap<string, number>): boolean {
    return this.#quotas.some(({ name }, i) => costs.has(name) && left[i]! + costs.get(name)! <= 0)
  }

  /** Tells the client. */
  tell(reply: FastifyReply, left: readonly number[]): void {
    this.#quotas.forEach((quota, i) => {
      reply.header(quota.limitHeader, quota.limit).header(quota.remainingHeader, Math.max(0, left[i]!))
    })
  }

  /** `video=2, image=1`, in one line or several; what has no known name or no whole number is left out. */
  costs(value: number | string | string[] | undefined): Map<string, number> {
    const costs = new Map<string, number>()
    const text = value === undefined ? '' : [value].flat().join(',')
    for (const part of text.split(',')) {
      const [name, amount] = part.split('=', 2).map((side) => side.trim())
      if (name === undefined || !this.names.includes(name) || !/^[0-9]{1,9}$/.test(amount ?? '')) continue
      if (Number(amount) > 0) costs.set(name, (costs.get(name) ?? 0) + Number(amount))
    }
    return costs
  }

  /** The id is the hash tag: all quotas of one client are in one slot of a cluster. */
  #key(id: string, { name, windowMs }: Quota): string {
    return `rr:${this.#where}:{${id.replace(/[{}]/g, '')}}:${name}:${windowMs}`
  }
}

function quotasOf(name: string, periods: Periods): Quota[] {
  return WINDOWS.flatMap(({ field, label, ms }) => {
    const limit = periods[field]
    if (typeof limit !== 'number') return []
    const ending = `${name.toLowerCase()}-${label}`
    const headers = { limitHeader: `x-ratelimit-limit-${ending}`, remainingHeader: `x-ratelimit-remaining-${ending}` }
    return [{ name, limit, windowMs: ms, ...headers }]
  })
}
