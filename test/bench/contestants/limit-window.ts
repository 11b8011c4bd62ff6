import type { StartContestant } from '../contestant.ts'
import { startGateway } from '../gateway.ts'

/** The gateway with one fixed window, in memory. */
const start: StartContestant = (upstream) =>
  startGateway(upstream, {}, { 'qos/ratelimit/router': { minute: 1_000_000_000 } })

export default start
