import { spawn } from 'node:child_process'
import { type AddressInfo, createServer } from 'node:net'
import type { StartContestant } from '../contestant.ts'
import { startGateway } from '../gateway.ts'

/** The gateway with one fixed window in a Redis of its own. */
const start: StartContestant = async (upstream) => {
  const port = await freePort()
  const redis = spawn('redis-server', ['--port', String(port), '--save', '', '--appendonly', 'no'], { stdio: 'ignore' })
  process.on('exit', () => redis.kill())
  process.on('SIGTERM', () => process.exit(0))
  await new Promise((resolve) => setTimeout(resolve, 500))
  return startGateway(
    upstream,
    {},
    { 'qos/ratelimit/router': { minute: 1_000_000_000, policy: 'redis' } },
    { redis: { host: '127.0.0.1', port } },
  )
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}

export default start
