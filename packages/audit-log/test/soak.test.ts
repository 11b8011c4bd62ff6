import { renameSync } from 'node:fs'
import http from 'node:http'
import { enginesOf } from '@portcullis/core'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, expect, it } from 'vitest'
import auditLog from '../src/index.ts'
import { makeFolder, readAll } from './support.ts'

/** `SOAK=100000` for the long run. */
const REQUESTS = Number(process.env['SOAK'] ?? 5000)
const folder = makeFolder()
let app: FastifyInstance
afterEach(async () => {
  await app.close()
  folder.remove()
})

it(`${REQUESTS} requests, with rotation, renaming and reload in between, are as many lines`, {
  timeout: 600_000,
}, async () => {
  app = Fastify()
  const path = folder.file('audit.log')
  await app.register(auditLog, {
    path,
    rotate: { size: `${Math.max(64, REQUESTS / 100)}K`, keep: 10_000 },
    queue_size: 100_000,
  })
  app.get('/n/:n', (request) => request.params)
  const url = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
  const agent = new http.Agent({ keepAlive: true, maxSockets: 20 })
  let next = 0
  const client = async (): Promise<void> => {
    while (next < REQUESTS) {
      const n = next++
      await new Promise((resolve, reject) =>
        http
          .get(
            { host: url.hostname, port: url.port, path: n % 10 === 0 ? `/nowhere/${n}` : `/n/${n}`, agent },
            (response) => response.resume().once('end', resolve),
          )
          .once('error', reject),
      )
    }
  }
  let moved = 0
  const mover = setInterval(() => {
    try {
      renameSync(path, folder.file(`audit.log.moved${moved}`))
      moved++
    } catch {
      // Just rotated: there is no file of this name at this moment.
    }
    void enginesOf(app)[0]!.reload()
  }, 150)
  await Promise.all(Array.from({ length: 20 }, client))
  clearInterval(mover)
  agent.destroy()
  await app.close()
  const lines = readAll(folder.path, 'audit.log')
  const numbers = new Set(lines.map((line) => String(line.request['path']).split('/').at(-1)))
  expect([lines.length, numbers.size]).toEqual([REQUESTS, REQUESTS])
  expect(moved).toBeGreaterThan(0)
})
