/**
 * Tokens checked against a key set that changes while requests run: the key server rotates its keys several times a
 * second, and no request with a good token fails. `npx tsx --conditions=@portcullis/source examples/jwt-jwks/start.ts`
 */
import jwt from '@portcullis/jwt'
import Fastify, { type FastifyInstance } from 'fastify'
import { KeyServer } from './key-server.ts'

/** The guarded service. Nothing in it knows of keys; the handler gets claims as headers that no client can forge. */
export async function buildApp(jwksUrl: string): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(jwt, {
    alg: 'ES256',
    jwk_url: jwksUrl,
    disable_jwk_security: true, // the key server of this example speaks http
    cache_duration: '1s',
    failed_jwk_key_cooldown: '50ms',
    issuer: 'https://id.example.com',
    propagate_claims: [
      ['sub', 'x-user-id'],
      ['roles', 'x-user-roles'],
    ],
    inject_authenticated_header: true,
  })
  app.get('/me', ({ headers }) => ({
    id: headers['x-user-id'],
    roles: headers['x-user-roles'],
    authenticated: headers['x-authenticated'],
  }))
  return app
}

/** What happened while keys were rotated. */
export interface Outcome {
  requests: number
  failed: number
  rotations: number
  fetches: number
}

/** Sends one request after the other, over the network, while the keys are rotated. */
export async function run(rotations: number, pause: number): Promise<Outcome> {
  const keys = new KeyServer()
  await keys.start()
  const app = await buildApp(keys.url)
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  const outcome: Outcome = { requests: 0, failed: 0, rotations: 0, fetches: 0 }
  const rotating = (async () => {
    for (; outcome.rotations < rotations; outcome.rotations++) {
      await new Promise((resolve) => setTimeout(resolve, pause))
      await keys.rotate()
    }
  })()
  while (outcome.rotations < rotations) {
    const authorization = `Bearer ${await keys.sign('alice', ['reader', 'writer'])}`
    const response = await fetch(`${address}/me`, { headers: { authorization, 'x-user-id': 'admin' } })
    const { id } = (await response.json()) as { id?: string }
    outcome.requests++
    if (response.status !== 200 || id !== 'alice') outcome.failed++
  }
  await rotating
  outcome.fetches = keys.fetches
  await app.close()
  keys.stop()
  return outcome
}

if (process.argv[1] === import.meta.filename) console.log(await run(20, 200))
