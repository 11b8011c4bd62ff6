import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type RunningGateway, run } from 'portcullis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startBackend } from './backend.ts'
import { commandOf, tries } from './tries.ts'

const sh = promisify(execFile)
const PORT = 18_080 + (process.pid % 1000)
let gateway: RunningGateway
let backend: Awaited<ReturnType<typeof startBackend>>

beforeAll(async () => {
  backend = await startBackend()
  process.env.BACKEND = backend.url
  process.env.PORT = String(PORT)
  gateway = await run({
    config: fileURLToPath(new URL('gateway.json', import.meta.url)),
    signals: false,
    print: () => undefined,
  })
})
afterAll(async () => {
  await gateway?.stop()
  await backend.app.close()
  delete process.env.BACKEND
  delete process.env.PORT
})

it.each(tries)('$status: $what', async (one) => {
  const command = commandOf(one, gateway.url).replace('curl -s', `curl -s -o /dev/null -w '%{http_code}'`)
  const { stdout } = await sh('bash', ['-c', command])
  expect(Number(stdout)).toBe(one.status)
})
