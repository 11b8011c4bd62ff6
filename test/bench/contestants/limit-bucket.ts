import type { StartContestant } from '../contestant.ts'
import { startGateway } from '../gateway.ts'

/** The gateway with a token bucket per address, in memory. */
const start: StartContestant = (upstream) =>
  startGateway(upstream, {}, { 'qos/ratelimit/router': { client_max_rate: 1_000_000_000, strategy: 'ip' } })

export default start
