/**
 * A gateway under traffic of all kinds, its audit log, its metrics and its live page. `npx tsx start.ts`, then open the
 * address that it prints. With a number as argument it stops after so many seconds.
 */
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import { fileURLToPath } from 'node:url'
import { run } from 'portcullis'
import { startBackend } from './backend.ts'
import { pick, sendAndLeave, sendGarbage, sendOne } from './traffic.ts'

const backend = await startBackend()
process.env.BACKEND = backend.url
process.env.DASHBOARD_TOKEN ??= randomBytes(18).toString('base64url')
const gateway = await run({ config: fileURLToPath(new URL('gateway.json', import.meta.url)) })
const target = new URL(gateway.url)

console.log(`audit log   ${process.env.AUDIT_LOG ?? 'audit.log'} (tail -f … | jq .)`)
console.log(`metrics     http://127.0.0.1:${process.env.METRICS_PORT ?? 9464}/__metrics`)
console.log(`live page   http://127.0.0.1:${process.env.DASHBOARD_PORT ?? 9465}/?token=${process.env.DASHBOARD_TOKEN}`)

const agent = new http.Agent({ keepAlive: true, maxSockets: 50 })
let phase = 0
const traffic = setInterval(() => {
  phase++
  // Waves, so that there is something to see.
  const count = 3 + Math.round(2 * Math.sin(phase / 40)) + (phase % 300 < 40 ? 4 : 0)
  for (let i = 0; i < count; i++) sendOne(pick(), target, agent).catch(() => undefined)
  if (phase % 50 === 0) void sendAndLeave(target)
  if (phase % 120 === 0) void sendGarbage(target)
}, 50)

const seconds = Number(process.argv[2])
if (seconds > 0) setTimeout(() => void gateway.stop(), seconds * 1000)
await gateway.stopped
clearInterval(traffic)
agent.destroy()
await backend.app.close()
