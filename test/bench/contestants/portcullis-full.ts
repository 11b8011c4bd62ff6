import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StartContestant } from '../contestant.ts'
import { perimeter, startGateway } from '../gateway.ts'
import { SECRET } from '../tokens.ts'

/** The whole stack but the WAF: perimeter, token, limit, header changes, audit log, metrics. */
const start: StartContestant = (upstream) =>
  startGateway(
    upstream,
    {
      ...perimeter,
      'telemetry/audit-log': { path: join(mkdtempSync(join(tmpdir(), 'portcullis-bench-')), 'audit.log') },
      'telemetry/metrics': { listen: '127.0.0.1:0' },
    },
    {
      'auth/validator': { alg: 'HS256', secret: SECRET, propagate_claims: [['sub', 'x-user-id']] },
      'qos/ratelimit/router': { minute: 1_000_000_000 },
      'modifier/response-headers': { add: { 'x-served-by': 'portcullis' } },
    },
  )

export default start
