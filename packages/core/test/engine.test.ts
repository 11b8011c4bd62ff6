import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type Component,
  ComponentIndex,
  type ComponentInstance,
  Engine,
  Refusal,
  readBlocks,
  stateOf,
  toPlugin,
} from '../src/index.ts'

interface GateConfig {
  header: string
  async?: boolean
  mode?: string
}

const DENIED = new Refusal(403, 'GATE_CLOSED', 'The gate is closed')

/** Refuses requests that lack a header, and marks every response: small, but it uses every part of the contract. */
const gate: Component<GateConfig> = {
  name: 'gate',
  namespaces: ['test/gate', 'github.com/example/gate'],
  levels: ['service', 'endpoint'],
  schema: {
    type: 'object',
    properties: { header: { type: 'string' }, async: { type: 'boolean' } },
    required: ['header'],
    additionalProperties: false,
  },
  combine: 'replace',
  create(config): ComponentInstance {
    const decide = (present: boolean) => (present ? undefined : DENIED)
    return {
      identityHeaders: ['x-gate'],
      steps: [
        {
          phase: 'onRequest',
          run: (request, state) => {
            const present = request.headers[config.header] !== undefined
            if (present) state.setRequestHeader(request, 'x-gate', config.header)
            return config.async === true ? Promise.resolve(decide(present)) : decide(present)
          },
        },
        { phase: 'onSend', run: (_request, reply) => void reply.header('x-marked', config.header) },
      ],
    }
  },
}

async function withGate(app: FastifyInstance, config: GateConfig): Promise<void> {
  await app.register(toPlugin(gate), config)
}

let app: FastifyInstance
afterEach(() => app.close())

function declareRoutes(target: FastifyInstance): void {
  target.get('/plain', (request) => ({ gate: request.headers['x-gate'] ?? null }))
  target.get('/own', { config: { extra_config: { 'test/gate': { header: 'x-own' } } } }, () => 'own')
  target.get('/open', { config: { extra_config: { 'test/gate': false } } }, () => 'open')
  target.register(async (child) => {
    child.get('/child', () => 'child')
  })
}

const REQUESTS: [method: 'GET' | 'HEAD' | 'POST', url: string, headers: Record<string, string>, status: number][] = [
  ['GET', '/plain', {}, 403],
  ['GET', '/plain', { 'x-key': '1' }, 200],
  ['HEAD', '/plain', {}, 403],
  ['HEAD', '/plain', { 'x-key': '1' }, 200],
  ['GET', '/own', { 'x-key': '1' }, 403],
  ['GET', '/own', { 'x-own': '1' }, 200],
  ['HEAD', '/own', { 'x-key': '1' }, 403],
  ['GET', '/open', {}, 200],
  ['HEAD', '/open', {}, 200],
  ['GET', '/child', {}, 403],
  ['GET', '/child', { 'x-key': '1' }, 200],
  ['GET', '/nowhere', {}, 403],
  ['GET', '/nowhere', { 'x-key': '1' }, 404],
  ['POST', '/plain', { 'x-key': '1' }, 404],
]

describe('one plan per route, wherever the plugin is registered', () => {
  const orders: Record<string, (app: FastifyInstance) => Promise<void>> = {
    'before, awaited': async (target) => {
      await withGate(target, { header: 'x-key' })
      declareRoutes(target)
    },
    'before, not awaited': async (target) => {
      void target.register(toPlugin(gate), { header: 'x-key' })
      declareRoutes(target)
    },
    'after, awaited': async (target) => {
      declareRoutes(target)
      await withGate(target, { header: 'x-key' })
    },
    'after, not awaited': async (target) => {
      declareRoutes(target)
      void target.register(toPlugin(gate), { header: 'x-key' })
    },
    'after, with asynchronous steps': async (target) => {
      declareRoutes(target)
      await withGate(target, { header: 'x-key', async: true })
    },
  }
  for (const [name, build] of Object.entries(orders)) {
    it(name, async () => {
      app = Fastify()
      await build(app)
      for (const [method, url, headers, status] of REQUESTS) {
        const response = await app.inject({ method, url, headers })
        expect(`${method} ${url} ${response.statusCode}`).toBe(`${method} ${url} ${status}`)
        const mark = url === '/open' ? undefined : url === '/own' ? 'x-own' : 'x-key'
        expect(response.headers['x-marked']).toBe(mark)
      }
    })
  }
})

describe('decisions', () => {
  it('makes the refusal Fastify’s error, with a stable code and nothing else', async () => {
    app = Fastify()
    await withGate(app, { header: 'x-key' })
    app.get('/', () => 'ok')
    const response = await app.inject('/')
    expect(response.json()).toEqual({
      statusCode: 403,
      code: 'PORTCULLIS_GATE_CLOSED',
      error: 'Forbidden',
      message: 'The gate is closed',
    })
  })

  it('lets the app’s own error handler see it', async () => {
    app = Fastify()
    app.setErrorHandler((error: Error & { code?: string }, _request, reply) =>
      reply.code(418).send({ mine: error.code }),
    )
    await withGate(app, { header: 'x-key' })
    app.get('/', () => 'ok')
    const response = await app.inject('/')
    expect(response.statusCode).toBe(418)
    expect(response.json()).toEqual({ mine: 'PORTCULLIS_GATE_CLOSED' })
  })

  it('only records in monitor mode', async () => {
    app = Fastify()
    await withGate(app, { header: 'x-key', mode: 'monitor' })
    app.get('/', (request) => stateOf(request).decisions)
    const response = await app.inject('/')
    expect(response.statusCode).toBe(200)
    expect(response.json()).toEqual([
      { component: 'gate', code: 'GATE_CLOSED', mode: 'monitor', status: 403, message: 'The gate is closed' },
    ])
  })

  it.each([
    ['enforce', 'throws', 503],
    ['enforce', 'rejects', 503],
    ['monitor', 'throws', 200],
    ['monitor', 'rejects', 200],
  ])('%s: a component that %s: %i, and only the log says why, once', async (mode, how, status) => {
    const fail = (): Promise<undefined> => {
      const error = new Error('secret')
      if (how === 'rejects') return Promise.reject(error)
      throw error
    }
    const broken: Component<{ mode?: string }> = {
      name: 'gate',
      namespaces: ['test/gate'],
      levels: ['service'],
      schema: { type: 'object' },
      create: () => ({ steps: [{ phase: 'onRequest', run: fail }] }),
    }
    const lines: { component?: string; err: { stack: string } }[] = []
    const stream = { write: (line: string) => lines.push(JSON.parse(line)) }
    app = Fastify({ logger: { level: 'error', stream } })
    await app.register(toPlugin(broken), { mode })
    app.get('/', (request) => stateOf(request).decisions.map(({ code }) => code))
    const response = await app.inject('/')
    expect(response.statusCode).toBe(status)
    expect(response.body).not.toContain('secret')
    expect(response.body).toContain('COMPONENT_FAILED')
    const told = lines.filter(({ err }) => err.stack.includes('secret'))
    expect(told.map(({ component }) => component)).toEqual(['gate'])
    expect(told[0]!.err.stack).toMatch(/^Error: secret\n +at .*fail/)
  })
})

describe('identity headers', () => {
  it.each(['x-gate', 'X-Gate', 'x_gate', 'X_GATE', 'x.gate'])(
    'removes a client’s %s in every spelling',
    async (name) => {
      app = Fastify()
      await withGate(app, { header: 'x-key' })
      app.get('/', (request) => ({ headers: request.headers, raw: request.raw.rawHeaders }))
      const response = await app.inject({ url: '/', headers: { 'x-key': '1', [name]: 'forged' } })
      expect(response.json().headers['x-gate']).toBe('x-key')
      expect(response.body).not.toContain('forged')
    },
  )
})

describe('mistakes', () => {
  it('fails the registration with every mistake of the options', async () => {
    app = Fastify()
    const registering = app.register(toPlugin(gate), { heder: 'x', async: 'yes' } as never)
    await expect(registering.then(() => undefined)).rejects.toThrow(
      /3 mistakes[\s\S]*"heder"|3 mistakes[\s\S]*heder: unknown field; did you mean "header"\?/,
    )
    app = Fastify()
  })

  it.each(['before', 'after'])(
    'fails the start for a misspelt block of a route declared %s the plugin',
    async (when) => {
      app = Fastify()
      const declare = () => app.get('/x', { config: { extra_config: { 'test/gat': { header: 'x' } } } }, () => 'ok')
      if (when === 'before') declare()
      await withGate(app, { header: 'x-key' })
      if (when === 'after') declare()
      await expect(app.ready()).rejects.toThrow(
        /route GET \/x: config\.extra_config\["test\/gat"\]: no registered plugin has this namespace/,
      )
      app = Fastify()
    },
  )

  it('reads old spellings of a namespace and refuses a block stated twice', () => {
    const index = new ComponentIndex([gate as Component])
    const read = (value: object) => readBlocks(value, index, { level: 'service', place: 'extra_config', baseDir: '.' })
    expect(read({ 'github_com/example/gate': { header: 'x' } }).issues).toEqual([])
    expect(read({ 'github.com/example/gate': { header: 'x' } }).blocks.get('gate')?.config).toEqual({ header: 'x' })
    const twice = read({ 'github.com/example/gate': { header: 'x' }, 'test/gate': { header: 'x' } })
    expect(twice.issues[0]?.message).toBe('the same block as extra_config["github.com/example/gate"]: state it once')
  })
})

it('is exported as an engine for the umbrella', () => {
  app = Fastify()
  expect(() => new Engine(app, { components: [], blocks: new Map() })).not.toThrow()
})

it('lets a step that fails after the response harm neither the process nor the other steps', async () => {
  const seen: string[] = []
  const observer = (name: string, run: () => void): Component => ({
    name,
    namespaces: [`test/${name}`],
    levels: ['service'],
    schema: { type: 'object' },
    create: () => ({ steps: [{ phase: 'onResponse', run }] }),
  })
  const broken = observer('broken', () => {
    throw new Error('broken')
  })
  const well = observer('well', () => void seen.push('well'))
  const components = [broken, well]
  const { blocks } = readBlocks({ 'test/broken': {}, 'test/well': {} }, new ComponentIndex(components), {
    level: 'service',
    place: 'extra_config',
    baseDir: '.',
  })
  app = Fastify()
  new Engine(app, { components, blocks })
  app.get('/', () => 'ok')
  expect((await app.inject('/')).statusCode).toBe(200)
  expect(seen).toEqual(['well'])
})

it('a component whose reload waits keeps no other from its own', async () => {
  const done: string[] = []
  let release = (): void => undefined
  const waiting = new Promise<void>((resolve) => {
    release = resolve
  })
  const made = (name: string, reload: () => void | Promise<void>): Component => ({
    name,
    namespaces: [`test/${name}`],
    levels: ['service'],
    schema: { type: 'object' },
    create: () => ({ steps: [], reload }),
  })
  const components = [made('slow', () => waiting), made('quick', () => void done.push('quick'))]
  const { blocks } = readBlocks({ 'test/slow': {}, 'test/quick': {} }, new ComponentIndex(components), {
    level: 'service',
    place: 'extra_config',
    baseDir: '.',
  })
  app = Fastify()
  const engine = new Engine(app, { components, blocks })
  await app.ready()
  const reloading = engine.reload()
  expect(done).toEqual(['quick'])
  release()
  await reloading
})
