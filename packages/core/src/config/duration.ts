import type { JSONSchema } from './schema.ts'

const UNITS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
const PART = /([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h|d)/g

/** JSON Schema of a duration: a text such as `"250ms"` or `"1m30s"`, or a number of seconds. */
export const durationSchema: JSONSchema = {
  type: ['string', 'number'],
  minimum: 0,
  pattern: '^(0|([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h|d))+)$',
  expects: 'a duration such as "250ms", "10s" or "1m"',
}

/**
 * A configured duration in milliseconds. Texts are Go's durations (`"1h30m"`, units ns to h) plus `d`;
 * numbers are seconds, as KrakenD has them.
 *
 * @throws RangeError for any other text, and for a negative number.
 */
export function duration(value: string | number): number
export function duration(value: string | number | undefined): number | undefined
export function duration(value: string | number | undefined): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number') {
    if (!(value >= 0)) throw new RangeError(`not a duration: ${value}`)
    return value * 1000
  }
  if (value === '0') return 0
  let total = 0
  let length = 0
  for (const [part, amount, unit] of value.matchAll(PART)) {
    total += Number(amount) * UNITS[unit!]!
    length += part.length
  }
  if (length !== value.length || length === 0) throw new RangeError(`not a duration: ${value}`)
  return Math.round(total * 1e6) / 1e6
}
