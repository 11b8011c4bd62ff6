import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type Component, ComponentIndex, readBlocks } from '@portcullis/core'
import { expect, it } from 'vitest'
import { circuitBreakerSchema } from '../src/config.ts'
import { circuitBreaker } from '../src/index.ts'
import { guarded } from './example.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

it('the README shows the example that runs here', async () => {
  expect(readme).toContain(readFileSync(new URL('example.ts', import.meta.url), 'utf8').trim())
  let asked = 0
  const server = createServer((_request, response) => void response.writeHead(++asked > 1 ? 500 : 200).end())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}/`
  const statuses: number[] = []
  for (let i = 0; i < 3; i++) statuses.push((await guarded(url)).status)
  expect(statuses).toEqual([200, 500, 500])
  await expect(guarded(url)).rejects.toThrow('circuit open')
  expect(asked).toBe(3)
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

it('the README’s configuration is one', () => {
  const [endpoint] = [...readme.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) => JSON.parse(text!))
  const index = new ComponentIndex([circuitBreaker as unknown as Component])
  const read = readBlocks(endpoint.backend[0].extra_config, index, { level: 'backend', place: '', baseDir: '.' })
  expect([read.issues, read.blocks.size]).toEqual([[], 1])
})

it('the README names every field', () => {
  for (const field of Object.keys(circuitBreakerSchema.properties as object)) expect(readme).toContain(`\`${field}\``)
})
