import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type Component,
  type ComponentInstance,
  enginesOf,
  handleClientError,
  handleFrameworkError,
  type ParserRefusal,
  Refusal,
  type RequestState,
  stateOf,
  toPlugin,
} from '../src/index.ts'
import { exchange } from './exchange.ts'

interface Config {
  need?: string
  mode?: string
}

const log: string[] = []

/** A component that wants a header of its own name, injects `x-<name>`, and marks responses. */
function make(name: string, over: Partial<ComponentInstance> = {}): Component<Config> {
  return {
    name,
    namespaces: [`test/${name}`],
    levels: ['service', 'endpoint'],
    schema: { type: 'object', properties: { need: { type: 'string' } }, additionalProperties: false },
    combine: 'replace',
    create: (config) => ({
      identityHeaders: [`x-${name}`],
      rawHeaders: { [`mark-${name}`]: '1' },
      steps: [
        {
          phase: 'onRequest',
          run: (request, state) => {
            state.setRequestHeader(request, `x-${name}`, 'ours')
            if (config.need === undefined || request.headers[config.need] !== undefined) return undefined
            return new Refusal(403, name.toUpperCase(), 'no', { headers: { 'retry-after': '7' } })
          },
        },
        { phase: 'onSend', run: (_request, reply) => void reply.header(`mark-${name}`, '1') },
        {
          phase: 'onResponse',
          run: (_request, reply, state: RequestState) =>
            void log.push(`${name} ${reply.statusCode} ${state.decisions.map(({ code }) => code)}`),
        },
      ],
      onParserRefusal: (refusal: ParserRefusal) =>
        void log.push(`${name} parser ${refusal.status} ${refusal.code} ${refusal.tls}`),
      ...over,
    }),
  }
}

function neverJudges(): never {
  throw new Error('no')
}

const apps: FastifyInstance[] = []
afterEach(async () => {
  log.length = 0
  await Promise.all(apps.splice(0).map((app) => app.close()))
})

function fresh(options: object = {}): FastifyInstance {
  const app = Fastify(options)
  apps.push(app)
  return app
}

describe('two plugins on one app', () => {
  it.each(['a then b', 'b then a', 'routes between'])(
    'share a route’s blocks, whatever the order: %s',
    async (order) => {
      const app = fresh()
      const route = () =>
        app.get(
          '/',
          { config: { extra_config: { 'test/a': { need: 'ka' }, 'test/b': { need: 'kb' } } } },
          (request) => ({
            a: request.headers['x-a'],
            b: request.headers['x-b'],
          }),
        )
      if (order === 'routes between') {
        await app.register(toPlugin(make('a')), {})
        route()
        await app.register(toPlugin(make('b')), {})
      } else {
        route()
        for (const name of order.split(' then ')) await app.register(toPlugin(make(name)), {})
      }
      const get = (headers: Record<string, string>) => app.inject({ url: '/', headers })
      expect((await get({ ka: '1' })).json().code).toBe('PORTCULLIS_B')
      expect((await get({ kb: '1' })).json().code).toBe('PORTCULLIS_A')
      const both = await get({ ka: '1', kb: '1', 'x-a': 'forged', X_B: 'forged' })
      expect(both.json()).toEqual({ a: 'ours', b: 'ours' })
      expect([both.headers['mark-a'], both.headers['mark-b']]).toEqual(['1', '1'])
      expect(both.body).not.toContain('forged')
    },
  )

  it('strip each other’s identity headers before the first step runs', async () => {
    const app = fresh()
    const seen: unknown[] = []
    const first = make('a', {
      steps: [{ phase: 'onRequest', run: (request) => void seen.push(request.headers['x-b']) }],
    })
    await app.register(toPlugin(first), {})
    await app.register(toPlugin(make('b')), {})
    app.get('/', () => 'ok')
    await app.inject({ url: '/', headers: { 'x-b': 'forged' } })
    expect(seen).toEqual([undefined])
  })

  it('know a namespace that neither has', async () => {
    const app = fresh()
    await app.register(toPlugin(make('a')), {})
    app.get('/', { config: { extra_config: { 'test/a': {}, 'test/c': {} } } }, () => 'ok')
    await app.register(toPlugin(make('b')), {})
    await expect(app.ready()).rejects.toThrow(
      /1 mistake\n.*config\.extra_config\["test\/c"\]: no registered plugin has this namespace/,
    )
    apps.length = 0
  })
})

describe('a plugin in a child scope', () => {
  it('acts there only, and judges only its own routes', async () => {
    const app = fresh()
    app.get('/outside', (request) => String(request.portcullis))
    app.register(async (child) => {
      await child.register(toPlugin(make('a')), { need: 'ka' })
      child.get('/inside', { config: { extra_config: { 'test/a': { need: 'kb' } } } }, () => 'in')
      child.get('/plain', () => 'in')
    })
    app.register(async (sibling) => {
      await sibling.register(toPlugin(make('b')), {})
      sibling.get('/sibling', { config: { extra_config: { 'test/b': { need: 'kb' } } } }, () => 'sibling')
    })
    const status = async (url: string, headers: Record<string, string> = {}) =>
      (await app.inject({ url, headers })).statusCode
    expect((await app.inject('/outside')).body).toMatch(/null|undefined/)
    expect([
      await status('/inside'),
      await status('/inside', { kb: '1' }),
      await status('/plain', { kb: '1' }),
      await status('/plain', { ka: '1' }),
    ]).toEqual([403, 200, 403, 200])
    expect([await status('/sibling'), await status('/sibling', { kb: '1' })]).toEqual([403, 200])
  })

  it('does not answer for a namespace that a route outside of it uses', async () => {
    const app = fresh()
    await app.register(toPlugin(make('a')), {})
    app.register(async (child) => {
      await child.register(toPlugin(make('b')), {})
    })
    app.get('/', { config: { extra_config: { 'test/b': {} } } }, () => 'ok')
    await expect(app.ready()).rejects.toThrow(/test\/b/)
    apps.length = 0
  })

  it('stands behind those of its parents', async () => {
    const app = fresh()
    await app.register(toPlugin(make('a')), {})
    let inside: FastifyInstance | undefined
    app.register(async (child) => {
      await child.register(toPlugin(make('b')), {})
      inside = child
    })
    await app.ready()
    const names = (instance: FastifyInstance) => enginesOf(instance).map((engine) => engine.index.names[0])
    expect([names(app), names(inside!)]).toEqual([['test/a'], ['test/a', 'test/b']])
  })

  it('is told apart by stateOf', async () => {
    const app = fresh()
    app.get('/', (request) => {
      expect(() => stateOf(request)).toThrow('not seen by Portcullis')
      return 'ok'
    })
    expect((await app.inject('/')).statusCode).toBe(200)
  })
})

describe('refusals', () => {
  it('keep their headers when the app handles errors itself', async () => {
    const app = fresh()
    app.setErrorHandler((_error, _request, reply) => reply.code(418).send('mine'))
    await app.register(toPlugin(make('a')), { need: 'ka' })
    app.get('/', () => 'ok')
    const response = await app.inject('/')
    expect([response.statusCode, response.headers['retry-after'], response.headers['mark-a']]).toEqual([418, '7', '1'])
  })
})

describe('close', () => {
  it('closes every instance, also when one fails', async () => {
    const app = Fastify()
    const closed: string[] = []
    const failing = make('a', {
      close: () => {
        throw new Error('broken')
      },
    })
    await app.register(toPlugin(failing), {})
    await app.register(toPlugin(make('b', { close: () => void closed.push('b') })), {})
    app.get('/', { config: { extra_config: { 'test/b': {} } } }, () => 'ok')
    await app.ready()
    await app.close()
    expect(closed).toEqual(['b', 'b'])
  })

  it('fails the start when an instance cannot get ready', async () => {
    const app = fresh()
    await app.register(toPlugin(make('a', { ready: () => Promise.reject(new Error('no keys')) })), {})
    await expect(app.ready()).rejects.toThrow('no keys')
    apps.length = 0
  })

  it('reloads all, and keeps the state of what fails', async () => {
    const app = fresh()
    const done: string[] = []
    await app.register(
      toPlugin(make('a', { reload: () => Promise.reject(new Error('broken file')), healthy: () => false })),
      {},
    )
    await app.register(toPlugin(make('b', { reload: () => void done.push('b') })), {})
    await app.ready()
    for (const engine of enginesOf(app)) await engine.reload()
    expect(done).toEqual(['b'])
    expect(await Promise.all(enginesOf(app).map((engine) => engine.healthy()))).toEqual([false, true])
  })
})

describe('errors that run no hook', () => {
  async function start(): Promise<FastifyInstance> {
    const app = fresh({
      frameworkErrors: handleFrameworkError,
      clientErrorHandler: handleClientError,
      routerOptions: { maxParamLength: 10 },
    })
    await app.register(toPlugin(make('a')), {})
    app.get('/p/:id', () => 'ok')
    app.post('/slow', async () => {
      await new Promise((resolve) => setTimeout(resolve, 100))
      return 'late'
    })
    app.get('/streaming', (_request, reply) => {
      reply.raw.writeHead(200, { 'content-length': '100' })
      reply.raw.write('part')
      reply.hijack()
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app
  }

  it.each([
    ['/p/%zz', 400, 'URL_INVALID'],
    [`/p/${'a'.repeat(20)}`, 414, 'URL_TOO_LONG'],
  ])('of the router have the headers and reach the log: %s', async (url, status, code) => {
    const app = await start()
    const response = await app.inject(url)
    expect(response.statusCode).toBe(status)
    expect(response.json()).toMatchObject({ statusCode: status, code: `PORTCULLIS_${code}` })
    expect(response.headers['mark-a']).toBe('1')
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(log).toEqual([`a ${status} ${code}`])
    expect(response.body).not.toContain('zz')
  })

  it.each([
    ['BROKEN\r\n\r\n', 400, 'REQUEST_MALFORMED'],
    ['PROXY TCP4 10.0.0.7 10.0.0.8 1 2\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n', 400, 'REQUEST_MALFORMED'],
    ['GET /p/1 HTTP/1.1\r\nhost: a\r\nbad header: x\r\n\r\n', 400, 'REQUEST_MALFORMED'],
    [`GET /p/1 HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
    [`GET /p/${'a'.repeat(20_000)} HTTP/1.1\r\nhost: a\r\n\r\n`, 414, 'URL_TOO_LONG'],
    [`GET /p/${'a'.repeat(20_000)}`, 414, 'URL_TOO_LONG'],
  ])('of the parser have the headers and reach the components: %.30s', async (bytes, status, code) => {
    const app = await start()
    const answer = await exchange(app, bytes)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(answer).toContain('mark-a: 1\r\n')
    expect(answer).toContain('connection: close\r\n')
    const [head, body] = answer.split('\r\n\r\n')
    expect(head).toContain(`content-length: ${body!.length}`)
    expect(JSON.parse(body!)).toMatchObject({ statusCode: status, code: `PORTCULLIS_${code}` })
    expect(log[0]).toMatch(new RegExp(`^a parser ${status} \\w+ false$`))
  })

  it.each(['at once', 'later'])('of the parser are told when all have judged, %s', async (when) => {
    const app = fresh({ clientErrorHandler: handleClientError })
    const told = new Promise<ParserRefusal>((resolve) => {
      void app.register(toPlugin(make('a', { onParserRefusal: resolve })), {})
    })
    const judge = (code: string) => (refusal: ParserRefusal) => {
      const add = () => void refusal.decisions!.push({ component: 'b', code, mode: 'record' })
      return when === 'later' ? new Promise((resolve) => setTimeout(resolve, 20)).then(add) : add()
    }
    const failing = when === 'later' ? () => Promise.reject(new Error('no')) : () => neverJudges()
    await app.register(toPlugin(make('c', { judgeParserRefusal: failing })), {})
    await app.register(toPlugin(make('b', { judgeParserRefusal: judge('FOUND') })), {})
    await app.listen({ port: 0, host: '127.0.0.1' })
    const answer = await exchange(app, 'BROKEN\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect((await told).decisions).toEqual([{ component: 'b', code: 'FOUND', mode: 'record' }])
  })

  it('never write into a response that is on its way', async () => {
    const app = await start()
    const answer = await exchange(app, 'GET /streaming HTTP/1.1\r\nhost: a\r\n\r\n', 'BROKEN\r\n\r\n')
    expect(answer).toMatch(/part$/)
    expect(answer).not.toContain('REQUEST_MALFORMED')
  })

  it('answer a broken body once', async () => {
    const app = await start()
    const answer = await exchange(
      app,
      'POST /slow HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
    )
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1)
    expect(answer).toContain('400')
  })
})
