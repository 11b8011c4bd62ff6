import type { LimitResult, LimitRule } from './store.ts'

/** Sums of fractions of tokens are off by less than this. */
const EPSILON = 1e-6

/**
 * Counts one request into the two numbers that hold a rule's state, from `at`: a window's end and count, or a
 * bucket's time of the last look and its tokens. All zero is a state that nobody has used.
 *
 * @returns whether this rule allows the request. A bucket's token is taken later, by {@link takeToken}.
 */
export function countRule(rule: LimitRule, slots: number[], at: number, now: number): boolean {
  if (rule.kind === 'bucket') {
    slots[at + 1] = tokensOf(rule, slots, at, now)
    slots[at] = now
    return slots[at + 1]! >= 1 - EPSILON
  }
  if (slots[at]! <= now) {
    slots[at] = now + rule.windowMs
    slots[at + 1] = 1
  } else slots[at + 1]!++
  return slots[at + 1]! <= rule.limit
}

/** Takes the token of a bucket that {@link countRule} has just allowed. */
export function takeToken(slots: number[], at: number): void {
  slots[at + 1] = Math.max(0, slots[at + 1]! - 1)
}

/** Writes into `result` what a rule's state says after a request, or before the next one (`peek`). */
export function describeRule(
  rule: LimitRule,
  slots: readonly number[],
  at: number,
  now: number,
  result: LimitResult,
  allowed: boolean,
): void {
  result.allowed = allowed
  if (rule.kind === 'bucket') {
    const tokens = tokensOf(rule, slots, at, now)
    result.limit = rule.capacity
    result.remaining = Math.floor(tokens + EPSILON)
    result.resetMs = result.remaining >= 1 ? 0 : (1 - tokens) * rule.refillMs
    return
  }
  const open = slots[at]! > now
  result.limit = rule.limit
  result.remaining = open ? Math.max(0, rule.limit - slots[at + 1]!) : rule.limit
  // The difference of two large numbers may be a hair more than the window.
  result.resetMs = open ? Math.min(rule.windowMs, slots[at]! - now) : rule.windowMs
}

/** Would the next request be allowed? */
export function allowsNext(rule: LimitRule, slots: readonly number[], at: number, now: number): boolean {
  if (rule.kind === 'bucket') return tokensOf(rule, slots, at, now) >= 1 - EPSILON
  return slots[at]! <= now || slots[at + 1]! < rule.limit
}

/** When a rule's state is as good as unused, on the clock of `now`. */
export function forgottenAt(rule: LimitRule, slots: readonly number[], at: number): number {
  if (rule.kind === 'window') return slots[at]!
  return slots[at]! + (rule.capacity - slots[at + 1]!) * rule.refillMs
}

function tokensOf(
  rule: { capacity: number; refillMs: number },
  slots: readonly number[],
  at: number,
  now: number,
): number {
  // A bucket of which nothing is known is full. The clock starts above zero, so a bucket in use never looks so.
  if (slots[at] === 0) return rule.capacity
  return Math.min(rule.capacity, slots[at + 1]! + (now - slots[at]!) / rule.refillMs)
}
