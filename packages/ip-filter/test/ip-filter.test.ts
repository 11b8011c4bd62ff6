import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Decision, type Engine, enginesOf, stateOf } from '@portcullis/core'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { expectReadmeShowsExample } from '../../core/test/readme.ts'
import ipFilter, { type IpFilterConfig } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'ip-filter-'))
const apps: FastifyInstance[] = []
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()))
})

async function start(config: IpFilterConfig, options: FastifyServerOptions = {}): Promise<FastifyInstance> {
  const app = Fastify(options)
  apps.push(app)
  await app.register(ipFilter, config)
  app.get('/', (request) => request.ip)
  return app
}

const status = async (app: FastifyInstance, remoteAddress: string, headers: Record<string, string> = {}, url = '/') =>
  (await app.inject({ url, remoteAddress, headers })).statusCode

describe('refusals', () => {
  it('is 403 PORTCULLIS_IP_DENIED and says nothing of lists and addresses', async () => {
    const app = await start({ allow: ['10.0.0.0/8'], deny: ['10.0.0.42'] })
    const response = await app.inject({ url: '/', remoteAddress: '10.0.0.42' })
    expect(response.statusCode).toBe(403)
    expect(response.json()).toEqual({
      statusCode: 403,
      code: 'PORTCULLIS_IP_DENIED',
      error: 'Forbidden',
      message: 'Access from this address is not allowed',
    })
    expect(await status(app, '10.0.0.7')).toBe(200)
    expect(await status(app, '192.0.2.1')).toBe(403)
  })

  it('takes status and message from the configuration', async () => {
    const app = await start({ deny: ['127.0.0.0/24'], status: 401, message: 'Forbidden' })
    const response = await app.inject({ url: '/', remoteAddress: '127.0.0.1' })
    expect([response.statusCode, response.json().message]).toEqual([401, 'Forbidden'])
  })

  it('covers unknown routes, preflights and HEAD', async () => {
    const app = await start({ deny: ['127.0.0.1'] })
    expect((await app.inject({ url: '/nowhere' })).statusCode).toBe(403)
    expect((await app.inject({ url: '/', method: 'HEAD' })).statusCode).toBe(403)
    const preflight = { origin: 'https://a.example', 'access-control-request-method': 'GET' }
    expect((await app.inject({ url: '/', method: 'OPTIONS', headers: preflight })).statusCode).toBe(403)
  })

  it('only records in monitor mode', async () => {
    const app = Fastify()
    apps.push(app)
    await app.register(ipFilter, { deny: ['127.0.0.1'], mode: 'monitor' })
    app.get('/', (request) => stateOf(request).decisions)
    const decisions = (await app.inject('/')).json<Decision[]>()
    expect(decisions).toMatchObject([{ component: 'ip-filter', code: 'IP_DENIED', mode: 'monitor', status: 403 }])
  })
})

describe('the client’s address', () => {
  it('is that of the connection when no proxy is trusted, whatever a header says', async () => {
    const app = await start({ allow: ['10.0.0.0/8'] })
    expect(await status(app, '192.0.2.1', { 'x-forwarded-for': '10.0.0.7', 'x-real-ip': '10.0.0.7' })).toBe(403)
    expect(await status(app, '10.0.0.7', { 'x-forwarded-for': '192.0.2.1' })).toBe(200)
  })

  it('is what a trusted proxy says, and nobody else', async () => {
    const app = await start({ allow: ['10.0.0.0/8'] }, { trustProxy: ['192.0.2.1'] })
    expect(await status(app, '192.0.2.2', { 'x-forwarded-for': '10.0.0.7' })).toBe(403)
    expect(await status(app, '192.0.2.1')).toBe(403)
    expect(await status(app, '192.0.2.1', { 'x-forwarded-for': '10.0.0.7' })).toBe(200)
    expect(await status(app, '192.0.2.1', { 'x-forwarded-for': '10.0.0.7, 203.0.113.1' })).toBe(403)
  })

  // What the probes IP-03 to IP-19 send through a trusted proxy.
  it.each([
    ['10.0.0.7', 200],
    ['10.0.0.42', 403],
    ['::ffff:10.0.0.42', 403],
    ['::ffff:0a00:002a', 403],
    ['10.0.0.7, 10.0.0.42', 403],
    ['10.0.0.42, 127.0.0.1', 403],
    ['012.0.0.7', 403],
    ['167772167', 403],
    ['0x0a000007', 403],
    ['10.0.0.7:5555', 403],
    ['[::1]:80', 403],
    ['fe80::1%eth0', 403],
    ['unknown', 403],
    ['10.0.0.7, , 10.0.0.42', 403],
    ['64:ff9b::a00:2a', 403],
    ['64:ff9b::a00:7', 200],
    ['::10.0.0.7', 403],
    [Array(5000).fill('10.0.0.7').join(','), 200],
  ])('X-Forwarded-For %.40s: %d', async (value, expected) => {
    const app = await start({ allow: ['10.0.0.0/8'], deny: ['10.0.0.42'] }, { trustProxy: ['127.0.0.1'] })
    expect(await status(app, '127.0.0.1', { 'x-forwarded-for': value })).toBe(expected)
  })

  it('follows each request of one connection behind a proxy', async () => {
    const app = await start({ deny: ['10.0.0.42'] }, { trustProxy: ['127.0.0.1'] })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    const answers = await talk({ port, host: '127.0.0.1' }, ['10.0.0.7', '10.0.0.42', '10.0.0.7'])
    expect(answers).toEqual(['200', '403', '200'])
  })

  it('is one address on a dual-stack listener', async () => {
    const cases: [IpFilterConfig, string][] = [
      [{ deny: ['127.0.0.1'] }, '403'],
      [{ allow: ['127.0.0.0/8'] }, '200'],
    ]
    for (const [config, expected] of cases) {
      const app = await start(config)
      await app.listen({ port: 0, host: '::' })
      const { port } = app.server.address() as AddressInfo
      expect(await talk({ port, host: '127.0.0.1' }, ['', ''])).toEqual([expected, expected])
    }
  })

  it('is none on a Unix socket: refused by either kind of list', async () => {
    for (const config of [{ deny: ['10.0.0.42'] }, { allow: ['0.0.0.0/0', '::/0'] }]) {
      const app = await start(config)
      const path = join(folder, `${apps.length}-${Date.now()}.sock`)
      await app.listen({ path })
      expect(await talk({ path }, [''])).toEqual(['403'])
    }
  })
})

describe('levels', () => {
  it('holds both blocks, the service’s and the endpoint’s', async () => {
    const app = await start({ allow: ['10.0.0.0/8'] })
    const extra_config = { 'security/ip-filter': { deny: ['10.0.0.42'], status: 404 } }
    app.get('/own', { config: { extra_config } }, () => 'own')
    expect(await status(app, '10.0.0.42')).toBe(200)
    expect(await status(app, '10.0.0.42', {}, '/own')).toBe(404)
    expect(await status(app, '10.0.0.7', {}, '/own')).toBe(200)
    expect(await status(app, '192.0.2.1', {}, '/own')).toBe(403)
  })
})

describe('files', () => {
  const write = (name: string, text: string): string => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  const reload = (app: FastifyInstance) => Promise.all(enginesOf(app).map((engine: Engine) => engine.reload()))

  it('are added to the lists, and read again on reload', async () => {
    const path = write('deny.txt', '# none yet\n')
    const app = await start({ deny: ['10.0.0.42'], deny_file: path })
    expect([await status(app, '10.0.0.42'), await status(app, '10.0.0.43')]).toEqual([403, 200])
    write('deny.txt', '10.0.0.43\n10.1.0.0/16')
    await reload(app)
    expect([await status(app, '10.0.0.42'), await status(app, '10.0.0.43'), await status(app, '10.1.2.3')]).toEqual([
      403, 403, 403,
    ])
  })

  it('are read again when they change, also for a connection that was judged before', async () => {
    const path = write('live.txt', '192.0.2.1\n')
    const app = await start({ deny_file: path })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
    expect(await ask(socket)).toBe('200')
    write('live.txt', '192.0.2.1\n127.0.0.1\n')
    const deadline = Date.now() + 5000
    let answer = ''
    while (answer !== '403' && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      answer = await ask(socket)
    }
    socket.destroy()
    expect(answer).toBe('403')
  })

  it('that become broken leave the old list in force, and the log names the line', async () => {
    const path = write('broken.txt', '10.0.0.42\n')
    const lines: string[] = []
    const app = await start(
      { deny_file: path },
      { logger: { level: 'error', stream: { write: (line: string) => void lines.push(line) } } },
    )
    write('broken.txt', '10.0.0.43\n10.0.0.300\n')
    await reload(app)
    expect([await status(app, '10.0.0.42'), await status(app, '10.0.0.43')]).toEqual([403, 200])
    expect(lines.join('')).toContain('line 2: expected an IP address or a CIDR range')
    rmSync(path)
    await reload(app)
    expect(await status(app, '10.0.0.42')).toBe(403)
  })

  it('with an empty allow list let nobody in', async () => {
    const app = await start({ allow_file: write('empty.txt', '# nobody\n') })
    expect(await status(app, '127.0.0.1')).toBe(403)
  })
})

describe('mistakes', () => {
  const refused = async (config: object) => {
    const app = Fastify()
    apps.push(app)
    return app.register(ipFilter, config as IpFilterConfig).then(
      () => 'started',
      (error: Error) => error.message,
    )
  }

  it('are all told at once, with the index of the entry', async () => {
    const message = await refused({ allow: ['10.0.0.0/8', 'hello', '10.0.0.0/'], deny: ['10.0.0.1/33', '010.0.0.1'] })
    expect(message.match(/options\["security\/ip-filter"\]\.\w+\[\d\]/g)).toEqual([
      'options["security/ip-filter"].allow[1]',
      'options["security/ip-filter"].allow[2]',
      'options["security/ip-filter"].deny[0]',
      'options["security/ip-filter"].deny[1]',
    ])
  })

  it.each([
    [{}, /expected the field "allow" or the field "deny"/],
    [{ deny: [] }, /deny: the list is empty: nobody would be refused/],
    [{ allow: [], deny: ['10.0.0.1'] }, /allow: an empty list would allow nobody/],
    [{ deny: '10.0.0.1' }, /deny: expected a list, got "10.0.0.1"/],
    [{ denny: ['10.0.0.1'], deny: ['10.0.0.1'] }, /denny: unknown field; did you mean "deny"\?/],
    [{ deny: ['10.0.0.1'], status: 200 }, /status: expected a number >= 400/],
    [{ deny: ['10.0.0.1'], status: 500 }, /status: expected a number <= 499/],
    [{ deny_file: join(folder, 'missing.txt') }, /deny_file: cannot be read: ENOENT/],
    [{ deny_file: folder }, /deny_file: cannot be read: EISDIR/],
  ])('%j', async (config, message) => expect(await refused(config)).toMatch(message))

  it('names the wrong lines of a file, and counts those beyond twenty', async () => {
    const path = join(folder, 'wrong.txt')
    writeFileSync(path, `10.0.0.1\n${'x\n'.repeat(25)}`)
    const message = await refused({ allow_file: path })
    expect(message).toContain('allow_file: line 2: expected an IP address')
    expect(message).toContain('allow_file: 5 more wrong lines')
  })
})

it('runs the README’s example as it stands there', async () => {
  expectReadmeShowsExample(import.meta.url)
  const { app } = await import('./example.ts')
  apps.push(app)
  const from = (client: string, url = '/') => status(app, '127.0.0.1', { 'x-forwarded-for': client }, url)
  expect([await from('10.0.0.7'), await from('10.0.0.42'), await from('192.0.2.1'), await from('2001:db8::1')]).toEqual(
    [200, 403, 403, 200],
  )
  expect([await from('10.0.0.7', '/office'), await from('10.1.0.7', '/office')]).toEqual([403, 200])
})

/** One request on an open connection; the status of its response. */
function ask(socket: ReturnType<typeof connect>, forwarded = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('data', (data) => {
      socket.removeListener('error', reject)
      resolve(data.toString().slice(9, 12))
    })
    const header = forwarded === '' ? '' : `x-forwarded-for: ${forwarded}\r\n`
    socket.write(`GET / HTTP/1.1\r\nhost: a\r\n${header}\r\n`)
  })
}

async function talk(to: { port: number; host: string } | { path: string }, clients: string[]): Promise<string[]> {
  const socket = connect(to)
  const answers: string[] = []
  for (const client of clients) answers.push(await ask(socket, client))
  socket.destroy()
  return answers
}
