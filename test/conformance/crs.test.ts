/** The Core Rule Sets that are at hand pass their own tests over HTTP. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { DEVIATIONS } from './deviations.ts'
import { runCrs } from './run-crs.ts'

const shared = fileURLToPath(new URL('../../../shared/crs/', import.meta.url))
const debian = '/usr/share/modsecurity-crs'
/** Every n-th test; the command `pnpm conformance:crs` runs them all. */
const SAMPLE = 4

const sets = [
  { name: '4.28.0', rules: `${shared}4.28.0`, tests: `${shared}4.28.0/tests`, every: SAMPLE },
  { name: '3.3.4', rules: `${shared}3.3.4`, tests: `${shared}3.3.4/tests`, every: SAMPLE },
  { name: 'Debian’s 3.3.4', rules: debian, tests: `${shared}3.3.4/tests`, every: SAMPLE * 2 },
].filter(({ rules, tests }) => {
  const isThere = existsSync(rules) && existsSync(tests)
  if (!isThere) console.warn(`skipped: ${rules} or its tests are not there`)
  return isThere
})

describe('Core Rule Set over HTTP', () => {
  it.each(sets)('$name passes its own tests', { timeout: 60_000 }, async ({ name, ...options }) => {
    const { total, failures, errors } = await runCrs(options)
    const unexplained = failures.filter(({ id }) => DEVIATIONS[id] === undefined)
    console.info(`CRS ${name}: ${total - failures.length} of ${total} over HTTP`)
    for (const { id, reason, fired } of unexplained) console.info(`  ${id}: ${reason}; fired ${fired.join(' ')}`)
    expect(errors).toEqual([])
    expect(total).toBeGreaterThan(100)
    expect(unexplained.length / total).toBeLessThanOrEqual(0.003)
    expect(Object.keys(DEVIATIONS).length).toBeLessThanOrEqual(15)
  })
})
