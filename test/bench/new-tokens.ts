import jwt from '@fastify/jwt'
import { jwt as component } from '@portcullis/jwt'
import Fastify from 'fastify'
import { makeToken, SECRET } from './tokens.ts'

const TOKENS = 4000
const ROUNDS = 5

type Verify = (token: string) => unknown

/** CPU microseconds per token that was not seen before, and per token that was; lower quartile of the rounds. */
export async function measureTokens(): Promise<void> {
  const bare = await fastifyJwt()
  const [first, second]: number[][] = [[], []]
  const known: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const tokens = await Promise.all(Array.from({ length: TOKENS }, (_, i) => makeToken(`user-${round}-${i}`)))
    first!.push(await cost(bare, tokens))
    const ours = portcullis()
    second!.push(await cost(ours, tokens))
    known.push(await cost(ours, tokens.slice(-500)))
  }
  const base = quartile(first!)
  console.log('\ntokens: verifying HS256 tokens, CPU time of the check alone; ratio to the first row')
  for (const [name, values] of [
    ['@fastify/jwt, new token', first!],
    ['portcullis, new token', second!],
    ['portcullis, known token', known],
  ] as const) {
    console.log(
      `  ${name.padEnd(28)} ${(quartile(values) / base).toFixed(2).padStart(6)}   ${quartile(values).toFixed(1)} us`,
    )
  }
}

async function fastifyJwt(): Promise<Verify> {
  const app = Fastify()
  await app.register(jwt, { secret: SECRET })
  await app.ready()
  return (token) => app.jwt.verify(token)
}

function portcullis(): Verify {
  const fastify = Fastify()
  const shared = new Map<string, unknown>()
  const instance = component.create(
    { alg: 'HS256', secret: SECRET },
    {
      level: 'service',
      place: 'bench',
      log: fastify.log,
      fastify,
      baseDir: '.',
      store: () => {
        throw new Error('no store is needed')
      },
      serviceBlock: () => undefined,
      trustsPeer: () => false,
      shared: (key, make) => {
        if (!shared.has(key)) shared.set(key, make())
        return shared.get(key) as ReturnType<typeof make>
      },
      gauge: () => undefined,
    },
  )
  const [step] = instance.steps
  const state = {
    addIdentity: () => undefined,
    setRequestHeader: () => undefined,
    removeRequestHeader: () => undefined,
  }
  return (token) => {
    const headers = { authorization: `Bearer ${token}` }
    const request = {
      method: 'GET',
      url: '/',
      headers,
      raw: { url: '/', headers, rawHeaders: ['authorization', headers.authorization] },
      log: fastify.log,
    }
    const result = (step!.run as (request: object, state: object) => unknown)(request, state)
    if (result !== undefined && !(result instanceof Promise)) throw new Error(`refused: ${JSON.stringify(result)}`)
    return result
  }
}

async function cost(verify: Verify, tokens: readonly string[]): Promise<number> {
  const before = process.cpuUsage()
  for (const token of tokens) await verify(token)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / tokens.length
}

function quartile(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 4)]!
}
