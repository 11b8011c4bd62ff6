/** Upper bounds of the buckets in milliseconds: half a millisecond to ten seconds. */
export const BOUNDS: readonly number[] = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000]

/** The bucket of a duration; the last one is open. */
export function bucketOf(milliseconds: number): number {
  let bucket = 0
  while (bucket < BOUNDS.length && milliseconds > BOUNDS[bucket]!) bucket++
  return bucket
}

/** How often durations fell into which bucket. */
export class Histogram {
  readonly counts: Float64Array = new Float64Array(BOUNDS.length + 1)
  /** Milliseconds. */
  sum = 0
  count = 0

  observe(milliseconds: number): void {
    this.counts[bucketOf(milliseconds)]!++
    this.sum += milliseconds
    this.count++
  }
}

/**
 * The duration in milliseconds below which a share of the observations lies, by linear interpolation in its bucket;
 * undefined without observations.
 *
 * @param share 0.95 for the 95th percentile.
 */
export function quantile(counts: ArrayLike<number>, share: number): number | undefined {
  let total = 0
  for (let i = 0; i < counts.length; i++) total += counts[i]!
  if (total === 0) return undefined
  const rank = share * total
  let below = 0
  for (let i = 0; i < BOUNDS.length; i++) {
    const here = counts[i]!
    if (here > 0 && below + here >= rank) {
      const lower = i === 0 ? 0 : BOUNDS[i - 1]!
      return lower + (BOUNDS[i]! - lower) * ((rank - below) / here)
    }
    below += here
  }
  return BOUNDS.at(-1)
}
