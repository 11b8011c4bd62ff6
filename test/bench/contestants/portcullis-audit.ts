import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StartContestant } from '../contestant.ts'
import { startGateway } from '../gateway.ts'

/** The gateway with an audit log to a file. */
const start: StartContestant = (upstream) =>
  startGateway(upstream, {
    'telemetry/audit-log': { path: join(mkdtempSync(join(tmpdir(), 'portcullis-bench-')), 'audit.log') },
  })

export default start
