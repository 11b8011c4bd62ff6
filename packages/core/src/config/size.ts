import type { JSONSchema } from './schema.ts'

const UNITS: Record<string, number> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 }
const SIZE = /^([0-9]+(?:\.[0-9]+)?)(?:([KMG])i?)?B?$/i

/** JSON Schema of a size: a number of bytes, or a text such as `"1K"` or `"10M"` (1024-based). */
export const sizeSchema: JSONSchema = {
  type: ['string', 'number'],
  minimum: 0,
  pattern: '^[0-9]+(\\.[0-9]+)?([kmgKMG][iI]?)?[bB]?$',
  expects: 'a size such as 1024, "8K" or "10M"',
}

/**
 * A configured size in bytes; the units K, M and G are 1024-based.
 *
 * @throws RangeError for a text that is no size, and for a negative number.
 */
export function size(value: string | number): number
export function size(value: string | number | undefined): number | undefined
export function size(value: string | number | undefined): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number') {
    if (!(value >= 0)) throw new RangeError(`not a size: ${value}`)
    return Math.floor(value)
  }
  const match = SIZE.exec(value)
  if (match === null) throw new RangeError(`not a size: ${value}`)
  return Math.floor(Number(match[1]) * UNITS[(match[2] ?? '').toUpperCase()]!)
}
