import type { StartContestant } from '../contestant.ts'
import { perimeter, startGateway } from '../gateway.ts'

/** The gateway with hosts, headers, CORS, IP lists, bots and limits on. */
const start: StartContestant = (upstream) => startGateway(upstream, perimeter)

export default start
