import { describe, expect, test } from 'vitest'
import { loadRules } from '../../src/index.ts'
import { shared } from '../shared.ts'
import { DEVIATIONS } from './deviations.ts'
import { readTests } from './ftw.ts'
import { runTest, TEST_SETTINGS } from './in-process.ts'

describe.each(['4.28.0', '3.3.4'])('Core Rule Set %s', (version) => {
  const folder = shared(`crs/${version}`)

  test.skipIf(folder === undefined)('passes its own tests', { timeout: 60_000 }, () => {
    const rules = loadRules({
      crs: { folder: folder!, paranoiaLevel: 4, variables: TEST_SETTINGS },
      mode: 'DetectionOnly',
    })
    const tests = readTests(`${folder!}/tests`)
    const failures: string[] = []
    for (const one of tests) {
      const failure = runTest(rules, one)
      if (failure !== undefined && DEVIATIONS[one.id] === undefined) failures.push(`${one.id}: ${failure}`)
    }
    console.info(`CRS ${version}: ${tests.length - failures.length} of ${tests.length} tests as expected`)
    for (const failure of failures) console.info(`  ${failure}`)
    expect(failures.length / tests.length).toBeLessThanOrEqual(0.003)
  })
})
