/**
 * `pnpm conformance:crs --rules DIR --tests DIR`: the regression tests of a Core Rule Set (go-ftw YAML) over real HTTP
 * against the gateway. Prints what passed and failed, for each failure what fired, and the errors of the gateway; exit
 * code 1 when there was one, fewer than 99.7 % pass, or a failure is not among the accepted deviations.
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { DEVIATIONS } from './deviations.ts'
import { runCrs } from './run-crs.ts'

const { values } = parseArgs({
  options: {
    rules: { type: 'string' },
    tests: { type: 'string' },
    every: { type: 'string' },
    parallel: { type: 'string', default: '8' },
  },
})
if (values.rules === undefined || values.tests === undefined) {
  console.error('usage: pnpm conformance:crs --rules DIR --tests DIR [--every N] [--parallel N]')
  process.exit(2)
}
const started = performance.now()
const { total, failures, errors } = await runCrs({
  rules: resolve(values.rules),
  tests: resolve(values.tests),
  every: Number(values.every ?? 1),
  parallel: Number(values.parallel),
})
let unexplained = 0
for (const { id, reason, fired, status } of failures) {
  const why = DEVIATIONS[id]
  if (why === undefined) unexplained++
  console.log(
    `${why === undefined ? 'FAILED' : 'accepted'} ${id}: ${reason}; status ${status}; fired ${fired.join(' ') || 'nothing'}`,
  )
  if (why !== undefined) console.log(`    ${why}`)
}
for (const { count, text } of errors) console.log(`ERROR, ${count} times: ${text}`)
const passed = total - failures.length
const seconds = ((performance.now() - started) / 1000).toFixed(1)
console.log(
  `${passed} of ${total} passed (${((100 * passed) / total).toFixed(2)} %), ${failures.length} failed, of which ${failures.length - unexplained} accepted; ${seconds} s`,
)
process.exit(unexplained > 0 || errors.length > 0 || passed / total < 0.997 ? 1 : 0)
