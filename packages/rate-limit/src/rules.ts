import { createHash } from 'node:crypto'
import { duration, type LimitRule } from '@portcullis/core'
import { type LimitBy, type RateLimitConfig, WINDOWS } from './config.ts'

/** Rules that count the same thing, so that one call to the store decides them all. */
export interface RuleGroup {
  by: LimitBy
  rules: LimitRule[]
  /** For each rule its place in {@link WINDOWS}, -1 for a bucket. */
  windows: number[]
}

/**
 * The rules of a configuration, grouped by what they count. A bucket of everybody joins the first group, since it must
 * give its token only when the client's own limits allow the request.
 */
export function ruleGroups(config: RateLimitConfig): RuleGroup[] {
  const groups: RuleGroup[] = []
  const add = (by: LimitBy, rule: LimitRule, window = -1): void => {
    let group = groups.find((candidate) => candidate.by === by)
    if (group === undefined) {
      group = { by, rules: [], windows: [] }
      groups.push(group)
    }
    group.rules.push(rule)
    group.windows.push(window)
  }
  const limitBy = config.limit_by ?? 'ip'
  WINDOWS.forEach(({ field, ms }, window) => {
    const limit = config[field]
    if (typeof limit !== 'number') return
    const rule: LimitRule = { kind: 'window', limit, windowMs: ms }
    add(limitBy, limitBy === 'service' ? { ...rule, shared: true } : rule, window)
  })
  const every = duration(config.every ?? '1s')
  if ((config.client_max_rate ?? 0) > 0) {
    add(config.strategy ?? 'ip', bucket(config.client_max_rate!, every, config.client_capacity))
  }
  if ((config.max_rate ?? 0) > 0) {
    const rule: LimitRule = { ...bucket(config.max_rate!, every, config.capacity), shared: true }
    add(groups[0]?.by ?? 'service', rule)
  }
  return groups
}

/**
 * A token bucket.
 *
 * @param rate tokens per `everyMs`.
 * @param capacity default KrakenD's: the whole tokens of a second, at least one.
 */
export function bucket(rate: number, everyMs: number, capacity?: number): LimitRule {
  const perSecond = (rate * 1000) / everyMs
  return { kind: 'bucket', capacity: capacity ?? Math.max(1, Math.floor(perSecond)), refillMs: everyMs / rate }
}

/** Under which name a group is counted: gateways with the same configuration share it, a changed one starts anew. */
export function groupName(where: string, group: RuleGroup, key: string | undefined): string {
  const text = JSON.stringify([where, group.by, key, group.rules])
  return `rl:${where}:${createHash('sha256').update(text).digest('hex').slice(0, 8)}:`
}
