/**
 * A gateway under traffic of all kinds, its audit log, its metrics and its live page. `npx tsx start.ts`, then open the
 * address that it prints. `npx tsx start.ts 60 page.png` stops after a minute and leaves a picture of the page.
 */
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import { fileURLToPath } from 'node:url'
import { run } from 'portcullis'
import { startBackend } from './backend.ts'
import { screenshot } from './screenshot.ts'
import { pick, sendAndLeave, sendGarbage, sendOne } from './traffic.ts'

const backend = await startBackend()
process.env.BACKEND = backend.url
process.env.DASHBOARD_TOKEN ??= randomBytes(18).toString('base64url')
const gateway = await run({ config: fileURLToPath(new URL('gateway.json', import.meta.url)) })
const target = new URL(gateway.url)

console.log(`audit log   ${process.env.AUDIT_LOG ?? 'audit.log'} (tail -f … | jq .)`)
console.log(`metrics     http://127.0.0.1:${process.env.METRICS_PORT ?? 9464}/__metrics`)
const page = `http://127.0.0.1:${process.env.DASHBOARD_PORT ?? 9465}/?token=${process.env.DASHBOARD_TOKEN}`
console.log(`live page   ${page}`)

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

const [seconds, picture] = process.argv.slice(2)
if (seconds !== undefined) {
  await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000))
  if (picture !== undefined)
    console.log((await screenshot(page, picture)) ? `see ${picture}` : 'no Chromium, no picture')
  void gateway.stop()
}
await gateway.stopped
clearInterval(traffic)
agent.destroy()
await backend.app.close()
