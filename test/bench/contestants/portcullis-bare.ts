import type { StartContestant } from '../contestant.ts'
import { startGateway } from '../gateway.ts'

/** The gateway with an endpoint and no block at all. */
const start: StartContestant = (upstream) => startGateway(upstream, {})

export default start
