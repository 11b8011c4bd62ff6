import { mkdirSync, readFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import { type Component, enginesOf, toPlugin } from '@portcullis/core'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import auditLog, { type AuditLogConfig, logging } from '../src/index.ts'
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

/** Says who it is, asks for credentials under a name of its own, and tells of an upstream. */
const known: Component<{ identifier: string }> = {
  name: 'known',
  namespaces: ['test/known'],
  levels: ['service'],
  schema: { type: 'object', properties: { identifier: { type: 'string' } } },
  create: () => ({
    steps: [
      {
        phase: 'onRequest',
        run: (_request, state) => {
          state.addIdentity({
            kind: 'jwt',
            subject: 'ann',
            keyId: 'k1',
            roles: ['admin'],
            claims: { sub: 'ann', org: { id: 7 }, 'a.b': 1 },
          })
          state.rateLimit = { limit: 10, remaining: 9, resetMs: 1 }
          state.setFact('upstream', { origin: 'http://b:1', status: 200, attempts: 2, duration: 0.01 })
          state.setFact('cache', 'hit')
          state.record({
            component: 'waf',
            code: 'WAF_MATCH',
            mode: 'record',
            message: 'SQL',
            detail: { id: 942100, tags: ['sqli'] },
          })
          return undefined
        },
      },
    ],
  }),
}

async function start(config: Partial<AuditLogConfig>): Promise<void> {
  app = Fastify()
  await app.register(auditLog, { path: folder.file('audit.log'), ...config })
  await app.register(toPlugin(known), { identifier: 'X-Pass' })
  app.get('/users/:id', (request, reply) => reply.header('set-cookie', 'a=b').send(request.params))
  app.post('/login', () => ({ token: 'T0PSECRET', name: 'ann' }))
}

const lines = () => readLines(folder.file('audit.log'))

describe('the record', () => {
  it('tells what components found out', async () => {
    await start({})
    await app.inject('/users/7')
    await app.close()
    expect(lines()[0]).toMatchObject({
      outcome: 'ok',
      identity: { kind: 'jwt', subject: 'ann', key_id: 'k1', roles: ['admin'] },
      rate_limit: { limit: 10, remaining: 9 },
      upstream: { origin: 'http://b:1', status: 200, attempts: 2 },
      latency: { upstream: 0.01 },
      facts: { cache: 'hit' },
      decisions: [
        { component: 'waf', code: 'WAF_MATCH', mode: 'record', message: 'SQL', detail: { id: 942100, tags: ['sqli'] } },
      ],
    })
  })

  it('has the custom fields that are asked for', async () => {
    await start({
      custom_fields: {
        client_ip: 'client.ip',
        method: 'request.method',
        path: 'request.path',
        status: 'response.status',
        latency: 'latency.upstream',
        user_id: 'claims.sub',
        org: 'claims.org.id',
        dotted: 'claims.a.b',
        missing: 'claims.nothing.here',
        where: '${request.method} ${request.params.id} from ${client.ip}${claims.none}',
        site: "'eu-west'",
        roles: 'identity.roles',
        header: 'request.headers.X-Tenant',
        secret: 'request.headers.authorization',
        lang: 'request.cookies.lang',
        session: 'request.cookies.session',
        page: 'request.query.page',
        token: 'request.query.token',
      },
    })
    await app.inject({
      url: '/users/7?page=2&token=T',
      headers: { 'x-tenant': 't1', authorization: 'Bearer S', cookie: 'lang=de; session=S' },
    })
    await app.close()
    const [line] = lines()
    expect(line).toMatchObject({
      client_ip: '127.0.0.1',
      method: 'GET',
      path: '/users/7',
      status: 200,
      latency: 0.01,
      user_id: 'ann',
      org: 7,
      dotted: 1,
      where: 'GET 7 from 127.0.0.1',
      site: 'eu-west',
      roles: ['admin'],
      header: 't1',
      secret: '[redacted]',
      lang: 'de',
      session: '[redacted]',
      page: '2',
      token: '[redacted]',
    })
    expect(line).not.toHaveProperty('missing')
    expect(readFileSync(folder.file('audit.log'), 'utf8').match(/"latency"/g)).toHaveLength(1)
  })

  it('never holds a secret, wherever it came', async () => {
    await start({
      include_headers: true,
      include_bodies: true,
      redact: { query: ['mine'], headers: ['x-mine'], body: ['name'] },
    })
    await app.inject({
      method: 'POST',
      url: '/login?mine=T0PSECRET&access_token=T0PSECRET&x-pass=T0PSECRET&page=1',
      headers: {
        authorization: 'Bearer T0PSECRET',
        cookie: 'sid=T0PSECRET',
        'x-api-key': 'T0PSECRET',
        'x-mine': 'T0PSECRET',
        'x-pass': 'T0PSECRET',
        referer: 'https://user:T0PSECRET@a/?token=T0PSECRET',
      },
      payload: { user: 'ann', password: 'T0PSECRET', nested: { client_secret: 'T0PSECRET' } },
    })
    await app.inject('/users/1')
    await app.close()
    const text = readFileSync(folder.file('audit.log'), 'utf8')
    expect(text).not.toContain('T0PSECRET')
    const [login, user] = lines()
    expect(JSON.parse(login!.request['body'] as string)).toEqual({
      user: 'ann',
      password: '[redacted]',
      nested: { client_secret: '[redacted]' },
    })
    expect(JSON.parse(login!.response['body'] as string)).toEqual({ token: '[redacted]', name: '[redacted]' })
    expect(login!.request['query']).toContain('page=1')
    expect((user!.response['headers'] as Record<string, string>)['set-cookie']).toBe('[redacted]')
  })

  it.each(['json', 'ecs', 'ocsf'] as const)('of %s bounds and redacts facts, one by one', async (format) => {
    app = Fastify()
    await app.register(auditLog, { path: folder.file('audit.log'), format })
    const facts: Component<object> = {
      name: 'facts',
      namespaces: ['test/facts'],
      levels: ['service'],
      schema: { type: 'object' },
      create: () => ({
        steps: [
          {
            phase: 'onRequest',
            run: (_request, state) => {
              state.setFact('waf_audit', { request: { uri: '/', password: 'T0PSECRET', body: 'x'.repeat(60_000) } })
              state.setFact('endless', 'y'.repeat(2_000_000))
              return undefined
            },
          },
        ],
      }),
    }
    await app.register(toPlugin(facts), {})
    await app.inject('/')
    await app.close()
    const text = readFileSync(folder.file('audit.log'), 'utf8')
    expect(text).not.toContain('T0PSECRET')
    const line = JSON.parse(text) as Record<string, never>
    const found = {
      json: line['facts'],
      ecs: line['portcullis']?.['facts'],
      ocsf: line['unmapped']?.['portcullis']?.['facts'],
    }
    expect(found[format]).toEqual({
      waf_audit: { request: { uri: '/', password: '[redacted]', body: 'x'.repeat(60_000) } },
      endless: '[too long: 2000002]',
    })
  })

  it('is one of ECS', async () => {
    await start({
      format: 'ecs',
      custom_fields: { user_id: 'claims.sub' },
      include_headers: true,
      include_bodies: true,
    })
    await app.inject('/users/7?token=x')
    await app.close()
    expect(lines()[0]).toMatchObject({
      ecs: { version: '8.11.0' },
      event: { kind: 'event', category: ['web'], outcome: 'success' },
      source: { ip: '127.0.0.1' },
      http: { request: { method: 'GET' }, response: { status_code: 200, body: { bytes: 10, content: '{"id":"7"}' } } },
      url: { path: '/users/7', query: 'token=[redacted]' },
      user: { id: 'ann', roles: ['admin'] },
      labels: { user_id: 'ann' },
      portcullis: { outcome: 'ok', upstream: { attempts: 2 }, facts: { cache: 'hit' } },
    })
    expect(lines()[0]!['@timestamp']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  })

  it('is one of OCSF', async () => {
    await start({ format: 'ocsf', custom_fields: { user_id: 'claims.sub' }, include_headers: true })
    await app.inject('/users/7?token=x')
    await app.close()
    expect(lines()[0]).toMatchObject({
      class_uid: 4002,
      category_uid: 4,
      activity_id: 3,
      type_uid: 400203,
      action_id: 1,
      src_endpoint: { ip: '127.0.0.1' },
      http_request: { http_method: 'GET', url: { path: '/users/7', query_string: 'token=[redacted]' } },
      http_response: { code: 200 },
      actor: { user: { uid: 'ann' } },
      unmapped: { user_id: 'ann', portcullis: { outcome: 'ok' } },
    })
  })
})

describe('a log that cannot be written', () => {
  it('fails the start where the configuration does not say what else', async () => {
    await start({ path: '/proc/nope.log' })
    await expect(app.ready()).rejects.toThrow(/\/proc\/nope\.log.*ENOENT/)
  })

  it('with "drop" lets requests pass and counts', async () => {
    await start({ path: folder.file('missing/audit.log'), on_failure: 'drop', queue_size: 2 })
    for (let n = 0; n < 3; n++) expect((await app.inject('/users/1')).statusCode).toBe(200)
    const gauges = new Map(enginesOf(app).flatMap(({ gauges }) => gauges.map(({ name, read }) => [name, read])))
    expect(gauges.get('audit_log_dropped_total')!()).toBe(1)
    expect(gauges.get('audit_log_available')!()).toBe(0)
    expect(await enginesOf(app)[0]!.healthy()).toBe(true)
  })

  it('with "refuse" answers 503 until it can be written again; on reload at once', async () => {
    await start({ path: '/dev/full', on_failure: 'refuse', flush_interval: 0 })
    await app.inject('/users/1')
    await until(
      () => enginesOf(app)[0]!.gauges.some(({ name, read }) => name === 'audit_log_available' && read() === 0),
      'seen',
    )
    const refused = await app.inject('/users/1')
    expect([refused.statusCode, refused.json().code]).toEqual([503, 'PORTCULLIS_AUDIT_UNAVAILABLE'])
    expect(await enginesOf(app)[0]!.healthy()).toBe(false)
  })

  it('refuses at start too, and recovers', async () => {
    await start({ path: folder.file('missing/audit.log'), on_failure: 'refuse' })
    expect((await app.inject('/users/1')).statusCode).toBe(503)
    mkdirSync(folder.file('missing'))
    await enginesOf(app)[0]!.reload()
    expect((await app.inject('/users/1')).statusCode).toBe(200)
    await app.close()
    expect(readLines(folder.file('missing/audit.log')).map((line) => line.response['status'])).toEqual([503, 200])
  })

  it('reports losses in the application’s log, once', async () => {
    let written = ''
    const stream = new Writable({
      write(chunk, _encoding, done) {
        written += String(chunk)
        done()
      },
    })
    app = Fastify({ logger: { stream, level: 'error' } })
    await app.register(auditLog, { path: folder.file('missing/audit.log'), on_failure: 'drop' })
    await app.inject('/nowhere')
    await app.close()
    expect(written.split('\n').filter((line) => line.includes('audit lines were lost'))).toHaveLength(1)
    expect(written).toContain('ENOENT')
  })
})

describe('telemetry/logging', () => {
  it.each([
    ['WARNING', 'warn'],
    ['CRITICAL', 'fatal'],
    ['debug', 'debug'],
  ])('%s sets the level %s', async (level, expected) => {
    let written = ''
    const stream = new Writable({
      write(chunk, _encoding, done) {
        written += String(chunk)
        done()
      },
    })
    app = Fastify({ logger: { stream } })
    await app.register(toPlugin(logging), { level, prefix: '[GATE]', format: 'logstash', syslog: false })
    expect(app.log.level).toBe(expected)
    app.log.fatal('told')
    expect(JSON.parse(written.trim())).toMatchObject({ prefix: '[GATE]', '@version': '1', msg: 'told' })
  })

  it('refuses other levels, and warns of what it does not do', async () => {
    app = Fastify()
    await expect(app.register(toPlugin(logging), { level: 'LOUD' }).then(() => undefined)).rejects.toThrow(
      /expected one of "DEBUG"/,
    )
    let written = ''
    const stream = new Writable({
      write(chunk, _encoding, done) {
        written += String(chunk)
        done()
      },
    })
    app = Fastify({ logger: { stream } })
    await app.register(toPlugin(logging), { level: 'INFO', syslog: true })
    expect(written).toContain('change nothing')
  })
})
