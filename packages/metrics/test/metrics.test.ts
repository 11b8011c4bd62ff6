import net from 'node:net'
import { type Component, handleClientError, Refusal, toPlugin } from '@portcullis/core'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import metrics, { type MetricsConfig } from '../src/index.ts'
import { ask, freePort } from './support.ts'

let app: FastifyInstance
afterEach(() => app.close())

const CLOSED = new Refusal(403, 'GATE_CLOSED', 'The gate is closed')
/** Refuses, records, publishes a gauge, tells of an upstream and of its health. */
const gate: Component<{ healthy: boolean; mode?: string }> = {
  name: 'gate',
  namespaces: ['test/gate'],
  levels: ['service', 'endpoint'],
  schema: { type: 'object', properties: { healthy: { type: 'boolean' } } },
  create: (config, context) => {
    context.gauge({ name: 'gate_opened_total', help: 'How often\nit opened', read: () => 3 })
    context.gauge({
      name: 'gate_state',
      help: 'State',
      read: () => [{ labels: { name: 'a "quoted"\\\n' }, value: 1 }],
    })
    context.gauge({
      name: 'gate_broken',
      help: 'Throws',
      read: () => {
        throw new Error('no')
      },
    })
    return {
      healthy: () => config.healthy,
      steps: [
        {
          phase: 'onRequest',
          run: (request, state) => {
            state.record({
              component: 'waf',
              code: 'RULE_942100',
              mode: 'record',
              message: 'SQL',
              detail: { rule_id: 942100 },
            })
            state.setFact('upstream', { origin: 'http://b', duration: 3 })
            return request.headers['x-closed'] === undefined ? undefined : CLOSED
          },
        },
      ],
    }
  },
}

async function start(config: MetricsConfig = { public: true }, gateConfig: object = { healthy: true }): Promise<void> {
  app = Fastify({ clientErrorHandler: handleClientError as never }) as unknown as FastifyInstance
  await app.register(metrics, config)
  await app.register(toPlugin(gate), gateConfig as never)
  app.get('/users/:id', () => 'ok')
  app.get('/broken', () => {
    throw new Error('no')
  })
}

const scrape = async () => (await app.inject('/__metrics')).body
const numberOf = (text: string, series: string) =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.split(' ')
      .at(-1),
  )

describe('the text', () => {
  it('counts requests by route, method and status, and decisions by component, code and mode', async () => {
    await start()
    for (let n = 0; n < 3; n++) await app.inject(`/users/${n}`)
    await app.inject({ method: 'HEAD', url: '/users/1' })
    await app.inject('/broken')
    await app.inject({ url: '/users/1', headers: { 'x-closed': '1' } })
    const text = await scrape()
    expect(numberOf(text, 'portcullis_requests_total{route="/users/:id",method="GET",status="2xx"}')).toBe(3)
    expect(numberOf(text, 'portcullis_requests_total{route="/users/:id",method="HEAD",status="2xx"}')).toBe(1)
    expect(numberOf(text, 'portcullis_requests_total{route="/users/:id",method="GET",status="4xx"}')).toBe(1)
    expect(numberOf(text, 'portcullis_requests_total{route="/broken",method="GET",status="5xx"}')).toBe(1)
    expect(numberOf(text, 'portcullis_refusals_total{component="gate",code="GATE_CLOSED",mode="enforce"}')).toBe(1)
    expect(numberOf(text, 'portcullis_waf_matches_total{rule="942100"}')).toBe(6)
    expect(numberOf(text, 'portcullis_upstream_duration_seconds_count{route="/users/:id"}')).toBe(5)
    expect(numberOf(text, 'portcullis_upstream_duration_seconds_bucket{route="/users/:id",le="0.0025"}')).toBe(0)
    expect(numberOf(text, 'portcullis_upstream_duration_seconds_bucket{route="/users/:id",le="0.005"}')).toBe(5)
    expect(numberOf(text, 'portcullis_upstream_duration_seconds_sum{route="/users/:id"}')).toBeCloseTo(0.015)
    expect(numberOf(text, 'portcullis_requests_in_flight')).toBe(1)
  })

  it('tells what components publish, and whether they work', async () => {
    await start({ public: true }, { healthy: false })
    const text = await scrape()
    expect(text).toContain(
      '# HELP portcullis_gate_opened_total How often\\nit opened\n# TYPE portcullis_gate_opened_total counter\nportcullis_gate_opened_total 3\n',
    )
    expect(text).toContain('portcullis_gate_state{name="a \\"quoted\\"\\\\\\n"} 1\n')
    expect(text).toContain('portcullis_component_healthy{component="gate"} 0\n')
    expect(text).not.toContain('gate_broken')
    expect(text).toMatch(/portcullis_event_loop_delay_seconds\{quantile="0\.99"\} \d/)
    expect(text).toMatch(/portcullis_process_resident_memory_bytes \d{6}/)
  })

  it('is well formed: one HELP and TYPE a name, every series once, only our names', async () => {
    await start()
    app.get('/second', { config: { extra_config: { 'test/gate': { healthy: true } } } }, () => 'ok')
    await app.inject('/second')
    const lines = (await scrape()).trim().split('\n')
    const helps = lines.filter((line) => line.startsWith('# HELP'))
    const series = lines.filter((line) => !line.startsWith('#')).map((line) => line.slice(0, line.lastIndexOf(' ')))
    expect(new Set(helps.map((line) => line.split(' ')[2])).size).toBe(helps.length)
    expect(new Set(series).size).toBe(series.length)
    for (const line of lines.filter((line) => !line.startsWith('#'))) {
      expect(line).toMatch(/^portcullis_[a-z_]+(\{([a-z_]+="([^"\\\n]|\\["\\n])*",?)+\})? (\d|\+Inf)/)
    }
    // Two blocks published the same counter: their numbers are added.
    expect(lines).toContain('portcullis_gate_opened_total 6')
  })

  it('has a bounded number of series whatever clients send', async () => {
    await start()
    await app.inject('/users/1')
    await app.inject('/nowhere')
    await scrape()
    const before = (await scrape()).split('\n').length
    for (let n = 0; n < 200; n++) {
      await app.inject({
        method: n % 2 === 0 ? 'GET' : 'OPTIONS',
        url: `/nowhere/${n}`,
        headers: { 'user-agent': `a${n}`, host: `h${n}` },
      })
      await app.inject(`/users/${n}`)
    }
    const text = await scrape()
    expect(text.split('\n').length - before).toBeLessThan(3)
    expect(text).not.toContain('/nowhere')
  })
})

describe('where it is served', () => {
  it('nowhere by default', async () => {
    await start({})
    expect((await app.inject('/__metrics')).statusCode).toBe(404)
  })

  it('on the public listener only when asked, with the path that was asked for', async () => {
    await start({ public: true, path: '/numbers' })
    const response = await app.inject('/numbers')
    expect([response.statusCode, response.headers['content-type']]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ])
    expect((await app.inject('/__metrics')).statusCode).toBe(404)
  })

  it('at a listener of its own, which knows nothing else', async () => {
    const port = await freePort()
    await start({ listen: `127.0.0.1:${port}` })
    await app.ready()
    const url = `http://127.0.0.1:${port}`
    expect((await ask(`${url}/__metrics?x=1`)).text).toContain('portcullis_requests_in_flight 0')
    expect((await ask(`${url}/users/1`)).status).toBe(404)
    expect((await ask(`${url}/__metrics`, {}, 'POST')).status).toBe(405)
    expect((await ask(`${url}/__metrics`, {}, 'HEAD')).text).toBe('')
    expect((await app.inject('/__metrics')).statusCode).toBe(404)
    await app.close()
    await expect(ask(url)).rejects.toThrow()
  })

  it('fails the start when its address is taken, and for an address that cannot be', async () => {
    const port = await freePort()
    const other = net.createServer().listen(port, '127.0.0.1')
    await start({ listen: `127.0.0.1:${port}` })
    await expect(app.ready()).rejects.toThrow(/EADDRINUSE/)
    other.close()
    app = Fastify()
    await expect(app.register(metrics, { listen: '127.0.0.1:99999' }).then(() => undefined)).rejects.toThrow(
      /there is no port 99999/,
    )
    app = Fastify()
    await expect(app.register(metrics, { listen: '9464' }).then(() => undefined)).rejects.toThrow(
      /expected an address and a port/,
    )
    app = Fastify()
  })

  it('is shared by two apps on one server while one takes the place of the other', async () => {
    const port = await freePort()
    const config = { listen: `127.0.0.1:${port}` }
    await start(config)
    await app.ready()
    const { server } = app
    const next = Fastify({ serverFactory: () => server }) as unknown as FastifyInstance
    await next.register(metrics, config)
    next.get('/of-the-next', () => 'ok')
    await next.ready()
    await next.inject('/of-the-next')
    expect((await ask(`http://127.0.0.1:${port}/__metrics`)).text).toContain('/of-the-next')
    await app.close()
    expect((await ask(`http://127.0.0.1:${port}/__metrics`)).text).toContain('/of-the-next')
    await next.close()
    await expect(ask(`http://127.0.0.1:${port}/__metrics`)).rejects.toThrow()
  })
})

it('counts aborts once, and what the parser refused', async () => {
  await start()
  let answer: () => void = () => undefined
  app.get('/slow', (_request, reply) => {
    answer = () => void reply.send('late')
  })
  const url = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
  const connect = (text: string) =>
    new Promise<net.Socket>((resolve) => {
      const socket = net.connect(Number(url.port), '127.0.0.1', () => socket.write(text, () => resolve(socket)))
      socket.on('error', () => undefined)
    })
  const socket = await connect('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n')
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(numberOf(await scrape(), 'portcullis_requests_in_flight')).toBe(2)
  socket.destroy()
  const broken = await connect('NO\x01HTTP\r\n\r\n')
  await new Promise((resolve) => broken.resume().once('close', resolve))
  answer()
  await new Promise((resolve) => setTimeout(resolve, 50))
  const text = await scrape()
  expect(numberOf(text, 'portcullis_requests_total{route="/slow",method="GET",status="aborted"}')).toBe(1)
  expect(text).not.toContain('route="/slow",method="GET",status="2xx"')
  expect(numberOf(text, 'portcullis_parser_refusals_total{code="HPE_INVALID_METHOD"}')).toBe(1)
  expect(numberOf(text, 'portcullis_requests_in_flight')).toBe(1)
})

it('counts what components found in what the parser refused', async () => {
  await start()
  await app.register(
    toPlugin({
      ...gate,
      name: 'judge',
      namespaces: ['test/judge'],
      create: () => ({
        steps: [],
        judgeParserRefusal: ({ decisions }) => {
          decisions!.push({ component: 'waf', code: 'RULE_7', mode: 'record', detail: { rule_id: 7 } })
          decisions!.push({ component: 'waf', code: 'WAF_BLOCKED', mode: 'monitor', status: 403 })
        },
      }),
    } satisfies typeof gate),
    {} as never,
  )
  const url = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
  await new Promise<void>((resolve) => {
    const socket = net.connect(Number(url.port), '127.0.0.1', () => socket.write('BREW / HTTP/1.1\r\n\r\n'))
    socket.resume().once('close', () => resolve())
  })
  const text = await scrape()
  expect(numberOf(text, 'portcullis_parser_refusals_total{code="HPE_INVALID_METHOD"}')).toBe(1)
  expect(numberOf(text, 'portcullis_waf_matches_total{rule="7"}')).toBe(1)
  expect(numberOf(text, 'portcullis_refusals_total{component="waf",code="WAF_BLOCKED",mode="monitor"}')).toBe(1)
})
