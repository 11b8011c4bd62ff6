import type { StartContestant } from '../contestant.ts'
import { startGateway } from '../gateway.ts'

/** The gateway with nothing but the WAF; the rule set is the one that the environment names. */
const start: StartContestant = (upstream) =>
  startGateway(upstream, { 'security/waf': { crs: process.env['BENCH_CRS']!, paranoia_level: 1 } })
export default start
