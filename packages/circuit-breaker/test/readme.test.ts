import { createServer } from 'node:http'
import { expect, it } from 'vitest'
import { expectReadmeConfiguresBackend, testReadme } from '../../core/test/readme.ts'
import { circuitBreakerSchema } from '../src/config.ts'
import { circuitBreaker } from '../src/index.ts'
import { guarded } from './example.ts'

testReadme(import.meta.url, circuitBreakerSchema)

it('the README’s example works', async () => {
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

it('the README’s configuration is one', () => expectReadmeConfiguresBackend(import.meta.url, circuitBreaker))
