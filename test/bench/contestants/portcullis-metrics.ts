import type { StartContestant } from '../contestant.ts'
import { startGateway } from '../gateway.ts'

/** The gateway with metrics on a listener of their own. */
const start: StartContestant = (upstream) => startGateway(upstream, { 'telemetry/metrics': { listen: '127.0.0.1:0' } })

export default start
