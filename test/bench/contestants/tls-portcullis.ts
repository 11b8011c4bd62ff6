import { makeCertificate } from '../certificate.ts'
import type { StartContestant } from '../contestant.ts'
import { startGateway } from '../gateway.ts'

/** The gateway with TLS and no other block. */
const start: StartContestant = (upstream) => startGateway(upstream, {}, {}, { tls: { keys: [makeCertificate()] } })

export default start
