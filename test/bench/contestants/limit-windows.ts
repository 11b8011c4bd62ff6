import type { StartContestant } from '../contestant.ts'
import { startGateway } from '../gateway.ts'

/** The gateway with three fixed windows, in memory. */
const start: StartContestant = (upstream) =>
  startGateway(
    upstream,
    {},
    { 'qos/ratelimit/router': { second: 1_000_000_000, minute: 1_000_000_000, hour: 1_000_000_000 } },
  )

export default start
