import { createRedisStore } from '@portcullis/core'
import Fastify from 'fastify'
import rateLimit, { type RateLimitConfig } from '../src/index.ts'

/** A gateway of its own: `gateway-process.ts <port of Redis> <options as JSON>`; prints its port when it listens. */
const [redisPort, options] = process.argv.slice(2)
const app = Fastify({ forceCloseConnections: true })
const redisStore = createRedisStore({ host: '127.0.0.1', port: Number(redisPort) })
await app.register(rateLimit, { ...(JSON.parse(options!) as RateLimitConfig), redisStore })
app.get('/', () => 'ok')
console.log(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port)
