import type { StartContestant } from '../contestant.ts'
import { startGateway } from '../gateway.ts'
import { SECRET } from '../tokens.ts'

/** The gateway with a token validator that passes a claim on. */
const start: StartContestant = (upstream) =>
  startGateway(
    upstream,
    {},
    { 'auth/validator': { alg: 'HS256', secret: SECRET, propagate_claims: [['sub', 'x-user-id']] } },
  )

export default start
