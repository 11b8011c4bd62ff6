import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { loadRules } from '../../src/index.ts'
import { shared } from '../shared.ts'
import { runRaw } from './in-process.ts'

interface Verdict {
  rules: number[]
  blocked: boolean
}

interface Recorded {
  id: string
  raw: string
  pl1: Verdict | null
  pl2: Verdict | null
}

const path = shared('vectors/modsecurity/requests.json')
const folder = shared('crs/3.3.4')

/**
 * Deliberate differences:
 * - a cookie with %00 is looked at to its end; libmodsecurity stops at the NUL byte
 * - a multipart part whose headers are malformed (`FORM-DATA` in capitals) is reported and looked at all the same
 * - `application/ld+json` and other `+json` types are read as JSON
 * - REQUEST_BODY is empty when a processor took the body apart, as in ModSecurity 2: rules for the raw body (921110) see
 *   boundaries and file contents otherwise
 */
describe.skipIf(path === undefined || folder === undefined)(
  'agreement with libmodsecurity 3 on recorded requests',
  () => {
    const recorded = path === undefined ? [] : (JSON.parse(readFileSync(path, 'utf8')) as Recorded[])

    test.each([
      [1, 'portcullis'],
      [2, 'portcullis'],
      [2, 'libmodsecurity3'],
    ] as const)('paranoia level %i, dialect %s', { timeout: 60_000 }, (level, dialect) => {
      const rules = loadRules({
        crs: { folder: folder!, paranoiaLevel: level },
        mode: 'DetectionOnly',
        engine: { dialect },
      })
      let equal = 0
      let blocked = 0
      let count = 0
      for (const request of recorded) {
        const wanted = request[`pl${level}`]
        if (wanted === null) continue
        const { ids } = runRaw(rules, request.raw)
        const fired = [...ids].filter((id) => id >= 910_000 && id < 950_000 && id !== 949_110).sort((a, b) => a - b)
        count++
        if (fired.join() === wanted.rules.join()) equal++
        if (ids.has(949_110) === wanted.blocked) blocked++
      }
      console.info(`${dialect}, level ${level}: ids equal ${equal} of ${count}, verdict equal ${blocked}`)
      expect(equal / count).toBeGreaterThanOrEqual(0.99)
      expect(blocked / count).toBeGreaterThanOrEqual(0.99)
    })
  },
)
