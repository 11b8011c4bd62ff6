/**
 * Two gateways and one Redis share one limit; what happens when Redis goes away and comes back.
 * `npx tsx --conditions=@portcullis/source examples/redis-limit/start.ts`
 */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type RunningGateway, run } from 'portcullis'
import { Redis, redisInstalled } from './redis.ts'

/** Two gateways, a Redis and a backend. */
export interface Example {
  gateways: readonly RunningGateway[]
  redis: Redis
  stop: () => Promise<void>
}

/** Starts everything on free ports. */
export async function start(): Promise<Example> {
  const redis = await Redis.start()
  const backend = http.createServer((request, response) => response.end(`backend ${request.url}`))
  await new Promise<void>((settle) => backend.listen(0, '127.0.0.1', settle))
  const { port } = backend.address() as AddressInfo
  Object.assign(process.env, { BACKEND: `http://127.0.0.1:${port}`, REDIS_URL: redis.url })
  const config = fileURLToPath(new URL('gateway.json', import.meta.url))
  const one = (): Promise<RunningGateway> => run({ config, port: 0, signals: false, print: () => undefined })
  const gateways = await Promise.all([one(), one()])
  const stop = async (): Promise<void> => {
    await Promise.all(gateways.map((gateway) => gateway.stop()))
    backend.closeAllConnections()
    backend.close()
    await redis.stop()
  }
  return { gateways, redis, stop }
}

/** How often which status came, and how long the slowest request took. */
export interface Answers {
  statuses: Record<number, number>
  slowest: number
}

/** Sends requests to the gateways in turn, all of them at once. */
export async function ask({ gateways }: Example, path: string, times: number): Promise<Answers> {
  const answers: Answers = { statuses: {}, slowest: 0 }
  const one = async (url: string): Promise<void> => {
    const started = performance.now()
    const response = await fetch(url + path)
    await response.arrayBuffer()
    answers.statuses[response.status] = (answers.statuses[response.status] ?? 0) + 1
    answers.slowest = Math.max(answers.slowest, Math.round(performance.now() - started))
  }
  await Promise.all(Array.from({ length: times }, (_, i) => one(gateways[i % gateways.length]!.url)))
  return answers
}

/** Waits until the path is not refused with 503 any more. Returns milliseconds. */
export async function untilBack(example: Example, path: string): Promise<number> {
  const started = performance.now()
  for (;;) {
    const { statuses } = await ask(example, path, example.gateways.length)
    if (statuses[503] === undefined) return Math.round(performance.now() - started)
    if (performance.now() - started > 10_000) throw new Error('Redis is back, the gateways do not see it')
    await sleep(50)
  }
}

async function demonstrate(): Promise<void> {
  if (!redisInstalled()) {
    console.error('This example needs a redis-server: apt-get install redis-server, or brew install redis')
    process.exitCode = 1
    return
  }
  const example = await start()
  console.log('two gateways:', example.gateways.map(({ url }) => url).join(', '), 'with', example.redis.url)
  console.log('\n20 requests at once, ten are allowed in a minute:', await ask(example, '/orders', 20))
  await example.redis.stop()
  console.log('\nRedis is down, /orders is refused:              ', await ask(example, '/orders', 6))
  console.log('/catalog is tolerant, each gateway counts alone:', await ask(example, '/catalog', 30))
  await example.redis.start()
  console.log(`\nRedis is up again, seen after ${await untilBack(example, '/orders')} ms`)
  console.log('and the limit is shared again:', await ask(example, '/orders', 20))
  await example.stop()
}

if (process.argv[1] === import.meta.filename) await demonstrate()
