import { Transform } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { type Component, type ComponentInstance, Refusal, stateOf, toPlugin } from '../src/index.ts'

const TOO_LARGE = new Refusal(413, 'BODY_TOO_LARGE', 'too large', { close: true })
const SHOUT: ComponentInstance['steps'][number] = {
  phase: 'preParsing',
  run: (_request, _state, payload) =>
    payload.pipe(
      new Transform({
        transform: (chunk, _encoding, done) => done(null, chunk.toString().toUpperCase()),
      }),
    ),
}
const UNSUPPORTED: ComponentInstance['steps'][number] = {
  phase: 'preParsing',
  run: () => new Refusal(415, 'ENCODING', 'no'),
}

const apps: FastifyInstance[] = []
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()))
})

async function start(instance: ComponentInstance, config: object = {}): Promise<FastifyInstance> {
  const component: Component<object> = {
    name: 'body',
    namespaces: ['test/body'],
    levels: ['service'],
    schema: { type: 'object', properties: {}, additionalProperties: false },
    create: () => instance,
  }
  const app = Fastify()
  apps.push(app)
  await app.register(toPlugin(component), config)
  app.post('/', (request) => ({ read: request.body, kept: stateOf(request).rawBody?.toString() ?? null }))
  return app
}

const post = (app: FastifyInstance, payload: string) =>
  app.inject({ url: '/', method: 'POST', payload, headers: { 'content-type': 'text/plain' } })

describe('what is kept is what is read', () => {
  it.each<[string, ComponentInstance, string]>([
    ['the bytes as they arrived', { steps: [], body: { capture: true } }, 'abc'],
    ['with limits', { steps: [], body: { capture: true, max: { bytes: 3, refusal: TOO_LARGE } } }, 'abc'],
    ['what a step made of them', { steps: [SHOUT], body: { capture: true } }, 'ABC'],
    [
      'what a step made of them, with limits',
      { steps: [SHOUT], body: { capture: true, pause: { ms: 5000, refusal: TOO_LARGE } } },
      'ABC',
    ],
  ])('%s', async (_what, instance, expected) => {
    expect((await post(await start(instance), 'abc')).json()).toEqual({ read: expected, kept: expected })
  })

  it('nothing is kept unless asked for', async () => {
    expect((await post(await start({ steps: [SHOUT] }), 'abc')).json()).toEqual({ read: 'ABC', kept: null })
  })
})

describe('limits', () => {
  const instance: ComponentInstance = { steps: [SHOUT], body: { capture: true, max: { bytes: 2, refusal: TOO_LARGE } } }

  it('count the bytes before any step', async () => {
    const response = await post(await start(instance), 'abc')
    expect([response.statusCode, response.json().code, response.headers.connection]).toEqual([
      413,
      'PORTCULLIS_BODY_TOO_LARGE',
      'close',
    ])
  })

  it('only record in monitor mode', async () => {
    expect((await post(await start(instance, { mode: 'monitor' }), 'abc')).json()).toEqual({ read: 'ABC', kept: 'ABC' })
  })
})

it('a refusal before the body is read ends the connection', async () => {
  const app = await start({ steps: [UNSUPPORTED], body: { pause: { ms: 5000, refusal: TOO_LARGE } } })
  const response = await post(app, 'abc')
  expect([response.statusCode, response.json().code, response.headers.connection]).toEqual([
    415,
    'PORTCULLIS_ENCODING',
    'close',
  ])
})

it('a step that fails refuses, and says nothing of why', async () => {
  const failing: ComponentInstance['steps'][number] = {
    phase: 'preParsing',
    run: () => {
      throw new Error('secret')
    },
  }
  const response = await post(await start({ steps: [failing] }), 'abc')
  expect([response.statusCode, response.json().code]).toEqual([503, 'PORTCULLIS_COMPONENT_FAILED'])
  expect(response.body).not.toContain('secret')
})

it('requests without a body run no step of it', async () => {
  const app = await start({ steps: [UNSUPPORTED] })
  app.get('/', () => 'ok')
  expect((await app.inject('/')).statusCode).toBe(200)
  expect((await app.inject({ url: '/', method: 'POST' })).statusCode).toBe(200)
})
