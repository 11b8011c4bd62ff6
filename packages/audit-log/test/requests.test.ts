import { readFileSync } from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import { type Component, handleClientError, handleFrameworkError, Refusal, toPlugin } from '@portcullis/core'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import auditLog, { type AuditLogConfig } from '../src/index.ts'
import { makeFolder, readLines, until } from './support.ts'

let folder: ReturnType<typeof makeFolder>
let app: FastifyInstance
beforeEach(() => {
  folder = makeFolder()
})
afterEach(async () => {
  await app.close()
  folder.remove()
})

const CLOSED = new Refusal(403, 'GATE_CLOSED', 'The gate is closed', { detail: { rule: 7, password: 'hunter2' } })
const gate: Component<{ on: boolean; mode?: string }> = {
  name: 'gate',
  namespaces: ['test/gate'],
  levels: ['service', 'endpoint'],
  schema: { type: 'object', properties: { on: { type: 'boolean' } } },
  create: () => ({
    steps: [{ phase: 'onRequest', run: (request) => (request.headers['x-closed'] === undefined ? undefined : CLOSED) }],
  }),
}

async function start(config: Partial<AuditLogConfig> = {}, options: FastifyServerOptions = {}): Promise<string> {
  app = Fastify({
    frameworkErrors: handleFrameworkError as never,
    clientErrorHandler: handleClientError as never,
    ...options,
  }) as unknown as FastifyInstance
  const path = folder.file('audit.log')
  await app.register(auditLog, { path, ...config })
  await app.register(toPlugin(gate), { on: true })
  app.get('/users/:id', () => ({ id: 1 }))
  app.post('/users', () => 'made')
  app.get('/broken', () => {
    throw new Error('no')
  })
  app.get('/slow', async (_request, reply) => {
    await new Promise((resolve) => setTimeout(resolve, 300))
    return reply.send('late')
  })
  app.get('/endless', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200).write('first')
  })
  return path
}

const lines = () => readLines(folder.file('audit.log'))

describe('every request has one line', () => {
  it('served, HEAD, 404, refused, failed, monitored', async () => {
    await start()
    for (const [method, url] of [
      ['GET', '/users/7?page=2'],
      ['HEAD', '/users/7'],
      ['GET', '/nowhere'],
      ['POST', '/users'],
      ['OPTIONS', '/users/7'],
      ['GET', '/broken'],
    ] as const) {
      await app.inject({ method, url })
    }
    await app.inject({ url: '/users/7', headers: { 'x-closed': '1' } })
    await app.close()
    const found = lines().map((line) => [
      line.request['method'],
      line.request['path'],
      line.response['status'],
      line.outcome,
    ])
    expect(found).toEqual([
      ['GET', '/users/7', 200, 'ok'],
      ['HEAD', '/users/7', 200, 'ok'],
      ['GET', '/nowhere', 404, 'ok'],
      ['POST', '/users', 200, 'ok'],
      ['OPTIONS', '/users/7', 404, 'ok'],
      ['GET', '/broken', 500, 'error'],
      ['GET', '/users/7', 403, 'refused'],
    ])
    const [first] = lines()
    expect(first).toMatchObject({
      client: { ip: '127.0.0.1', source: 'connection' },
      request: { route: '/users/:id', query: 'page=2', http_version: '1.1', size: 0 },
      response: { size: 8 },
      decisions: [],
    })
    expect(Math.abs(Date.parse(first!.time) - Date.now())).toBeLessThan(5000)
    expect(first!.latency['total']).toBeGreaterThan(0)
    expect(lines().at(-1)).toMatchObject({
      decision: { component: 'gate', code: 'GATE_CLOSED', mode: 'enforce', status: 403 },
      decisions: [{ component: 'gate', code: 'GATE_CLOSED', status: 403, detail: { rule: 7, password: '[redacted]' } }],
    })
  })

  it('what the router and the parser refuse', async () => {
    await start()
    const url = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
    const send = (text: string): Promise<string> =>
      new Promise((resolve) => {
        const socket = net.connect(Number(url.port), '127.0.0.1', () => socket.write(text))
        let answer = ''
        socket.on('data', (data) => {
          answer += data.toString()
          if (answer.includes('\r\n\r\n')) socket.destroy()
        })
        socket.on('close', () => resolve(answer.slice(9, 12)))
        socket.on('error', () => undefined)
      })
    expect(await send('GET /%E0%A4%A HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('400')
    expect(await send('BR\x01KEN / HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('400')
    expect(await send(`GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${'a'.repeat(20_000)}\r\n\r\n`)).toBe('431')
    await app.close()
    expect(lines().map((line) => [line.decision?.component, line.decision?.code, line.response['status']])).toEqual([
      ['router', 'URL_INVALID', 400],
      ['parser', 'HPE_INVALID_METHOD', 400],
      ['parser', 'HPE_HEADER_OVERFLOW', 431],
    ])
    expect(lines().every((line) => line.client['ip'] === '127.0.0.1')).toBe(true)
  })

  it('what components found in what the parser refused', async () => {
    await start()
    const judge: Component<object> = {
      name: 'judge',
      namespaces: ['test/judge'],
      levels: ['service'],
      schema: { type: 'object' },
      create: () => ({
        steps: [],
        judgeParserRefusal: async ({ decisions, packet }) => {
          const detail = { packet: packet!.toString('latin1', 0, 4), token: 's3cr3t' }
          decisions!.push({ component: 'waf', code: 'RULE_7', mode: 'record', message: 'Odd method', detail })
          decisions!.push({ component: 'waf', code: 'WAF_BLOCKED', mode: 'monitor', status: 403 })
        },
      }),
    }
    // It stands behind the log, as the firewall does.
    await app.register(toPlugin(judge), {})
    const url = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
    await new Promise<void>((resolve) => {
      const socket = net.connect(Number(url.port), '127.0.0.1', () =>
        socket.write('BREW / HTTP/1.1\r\nHost: a\r\n\r\n'),
      )
      socket.resume().once('close', () => resolve())
    })
    await app.close()
    expect(lines()).toHaveLength(1)
    expect(lines()[0]).toMatchObject({
      outcome: 'refused',
      decision: { component: 'parser', code: 'HPE_INVALID_METHOD', mode: 'enforce', status: 400 },
      decisions: [
        { component: 'parser', code: 'HPE_INVALID_METHOD', mode: 'enforce', status: 400 },
        {
          component: 'waf',
          code: 'RULE_7',
          mode: 'record',
          message: 'Odd method',
          detail: { packet: 'BREW', token: '[redacted]' },
        },
        { component: 'waf', code: 'WAF_BLOCKED', mode: 'monitor', status: 403 },
      ],
    })
  })

  it('a client that goes away before, and in the middle of, the response', async () => {
    const path = await start({ flush_interval: 0 })
    const url = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
    const ask = (target: string): net.Socket => {
      const socket = net.connect(Number(url.port), '127.0.0.1', () =>
        socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`),
      )
      return socket
    }
    const slow = ask('/slow')
    setTimeout(() => slow.destroy(), 50)
    const endless = ask('/endless')
    endless.once('data', () => endless.destroy())
    await until(() => readFileSync(path, 'utf8').split('\n').length === 3, 'two lines')
    // The handler of /slow answers later: that must not make a second line.
    await new Promise((resolve) => setTimeout(resolve, 350))
    await app.close()
    const byPath = new Map(lines().map((line) => [line.request['path'], line]))
    expect(lines()).toHaveLength(2)
    expect(byPath.get('/slow')).toMatchObject({ outcome: 'aborted', response: { status: null } })
    expect(byPath.get('/endless')).toMatchObject({ outcome: 'aborted', response: { status: 200 } })
    expect(byPath.get('/endless')!.response['bytes']).toBeGreaterThan(50)
    expect(byPath.get('/endless')!.request['bytes']).toBe('GET /endless HTTP/1.1\r\nHost: a\r\n\r\n'.length)
  })

  it('HTTP/2: served and aborted', async () => {
    const path = await start({ flush_interval: 0 }, { http2: true } as never)
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    const client = http2.connect(url)
    await new Promise((resolve) => client.request({ ':path': '/users/1' }).resume().once('close', resolve))
    const slow = client.request({ ':path': '/slow' })
    slow.on('error', () => undefined)
    setTimeout(() => slow.close(http2.constants.NGHTTP2_CANCEL), 50)
    await until(() => readFileSync(path, 'utf8').split('\n').length === 3, 'two lines')
    await new Promise((resolve) => setTimeout(resolve, 350))
    client.close()
    await app.close()
    expect(lines().map((line) => [line.request['path'], line.request['http_version'], line.outcome])).toEqual([
      ['/users/1', '2.0', 'ok'],
      ['/slow', '2.0', 'aborted'],
    ])
    expect(lines()[0]!.request['host']).toBe(new URL(url).host)
  })

  it('and those under way when the server closes', async () => {
    await start()
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    const status = new Promise((resolve) =>
      http.get(`${url}/slow`, { agent: false }, (response) => resolve(response.resume().statusCode)),
    )
    await new Promise((resolve) => setTimeout(resolve, 50))
    await app.close()
    expect(await status).toBe(200)
    expect(lines().map((line) => line.response['status'])).toEqual([200])
  })
})

describe('who it was', () => {
  it('tells how the address was derived', async () => {
    await start({}, { trustProxy: ['127.0.0.1'] })
    await app.inject({ url: '/users/1', headers: { 'x-forwarded-for': '203.0.113.9' } })
    await app.close()
    expect(lines()[0]!.client).toMatchObject({ ip: '203.0.113.9', peer: '127.0.0.1', source: 'x-forwarded-for' })
  })

  it('writes no line of its own for what a client puts in its place', async () => {
    await start({ include_headers: true, custom_fields: { agent: 'request.headers.user-agent' } })
    const agent = 'x\u001b[2J\u009b\u2028\u202e"}\\'
    await app.inject({
      url: '/users/1?a=%0d%0a{"level":30}&\u202e=1',
      headers: { 'user-agent': agent, referer: 'http://a/?\u001b' },
    })
    await app.close()
    const text = readFileSync(folder.file('audit.log'), 'utf8')
    expect(text).toMatch(/^[ -~]+\n$/)
    expect(lines()[0]!.request['user_agent']).toBe(agent)
    expect(lines()[0]!['agent']).toBe(agent)
  })
})

describe('what is left out', () => {
  it('samples and skips ordinary requests only', async () => {
    await start({ sample: 0, skip_paths: ['/broken', '/users/*'] })
    await app.inject('/users/1')
    await app.inject('/nowhere')
    await app.inject({ url: '/users/1', headers: { 'x-closed': '1' } })
    await app.inject('/broken')
    await app.close()
    expect(lines().map((line) => line.response['status'])).toEqual([403, 500])
  })

  it('skips whole paths and beginnings', async () => {
    await start({ skip_paths: ['/users', '/users/*'] })
    await app.inject('/users/1')
    await app.inject({ method: 'POST', url: '/users' })
    await app.inject('/users2')
    await app.close()
    expect(lines().map((line) => line.request['path'])).toEqual(['/users2'])
  })
})
