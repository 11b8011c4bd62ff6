import { createHash } from 'node:crypto'
import http from 'node:http'
import { type Component, ComponentIndex, Engine, readBlocks, toPlugin } from '@portcullis/core'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { dashboard, metrics } from '../src/index.ts'
import type { PlanView } from '../src/plan-view.ts'
import type { Snapshot } from '../src/snapshot.ts'
import { ask, freePort } from './support.ts'

let app: FastifyInstance
let url: string
afterEach(() => app.close())

const TOKEN = 'a-token-that-is-long-enough'
const secretive: Component<object> = {
  name: 'secretive',
  namespaces: ['test/secretive'],
  levels: ['service', 'endpoint'],
  schema: {
    type: 'object',
    properties: { hidden: { type: 'string', writeOnly: true }, list: { type: 'array' } },
  },
  create: () => ({
    steps: [{ phase: 'onRequest', run: () => undefined }],
    healthy: () => false,
  }),
}

const SECRETS = {
  hidden: 'S3CRET',
  client_secret: 'S3CRET',
  keys: [{ key: 'S3CRET' }],
  users: { ann: 'S3CRET' },
  url: 'https://ann:S3CRET@host/',
  nested: { password: 'S3CRET', headers: { authorization: 'S3CRET' } },
  roles_key: 'realm_access.roles',
  limit: 5,
}

async function start(): Promise<void> {
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  app = Fastify()
  const components = [metrics, dashboard, secretive] as unknown as Component[]
  const { blocks } = readBlocks(
    {
      'telemetry/metrics': { public: true },
      'telemetry/dashboard': { listen: `127.0.0.1:${port}`, token: TOKEN },
      'test/secretive': SECRETS,
    },
    new ComponentIndex(components),
    { level: 'service', place: 'extra_config', baseDir: '/' },
  )
  new Engine(app, { components, blocks })
  app.get('/users/:id', () => 'ok')
  app.get('/own', { config: { extra_config: { 'test/secretive': { limit: 7 } } } }, () => 'ok')
  await app.ready()
}

const bearer = { authorization: `Bearer ${TOKEN}` }

describe('who may look', () => {
  it.each([
    ['nobody', {}, '/'],
    ['a wrong token', { authorization: 'Bearer a-token-that-is-long-enougH' }, '/'],
    ['a wrong password', { authorization: `Basic ${Buffer.from('x:wrong').toString('base64')}` }, '/data'],
    ['a wrong query', {}, '/plan?token=x'],
    ['an empty token', { authorization: 'Bearer ' }, '/'],
    ['a made-up cookie', { cookie: 'portcullis_dashboard=x' }, '/data'],
    ['the token as cookie', { cookie: `portcullis_dashboard=${TOKEN}` }, '/data'],
    ['the user name', { authorization: `Basic ${Buffer.from(`${TOKEN}:`).toString('base64')}` }, '/'],
  ])('not %s', async (_who, headers, path) => {
    await start()
    const response = await ask(url + path, headers)
    expect([response.status, response.text]).toEqual([401, 'the token is needed\n'])
    expect(response.headers.get('www-authenticate')).toMatch(/^Basic realm=/)
    expect(response.headers.get('set-cookie')).toBeNull()
  })

  it.each([
    ['a bearer token', bearer, '/'],
    ['Basic', { authorization: `Basic ${Buffer.from(`me:${TOKEN}`).toString('base64')}` }, '/'],
    ['the query', {}, `/?token=${TOKEN}`],
  ])('with %s, and then with the cookie, which is not the token', async (_how, headers, path) => {
    await start()
    const response = await ask(url + path, headers)
    expect(response.status).toBe(200)
    const cookie = response.headers.get('set-cookie')!
    expect(cookie).toMatch(/^portcullis_dashboard=[\w-]+; HttpOnly; SameSite=Strict; Path=\/$/)
    expect(cookie).not.toContain(TOKEN)
    expect((await ask(`${url}/data`, { cookie: `other=1; ${cookie.split(';')[0]}` })).status).toBe(200)
  })

  it('not under another name (DNS rebinding), and only with GET', async () => {
    await start()
    const status = (headers: http.OutgoingHttpHeaders, method = 'GET') =>
      new Promise((resolve) =>
        http.request(url, { headers, method, agent: false }, (response) => resolve(response.resume().statusCode)).end(),
      )
    expect(await status({ host: 'evil.example', ...bearer })).toBe(421)
    expect(await status({ host: 'localhost:1', ...bearer })).toBe(200)
    expect(await status({ host: '[::1]:1', ...bearer })).toBe(200)
    expect(await status(bearer, 'POST')).toBe(405)
    expect((await ask(`${url}/other`, bearer)).status).toBe(404)
  })

  it('only on loopback', async () => {
    for (const listen of ['0.0.0.0:9465', ':9465', '192.168.1.5:9465', 'example.com:9465', '[::]:9465']) {
      app = Fastify()
      const registering = app.register(toPlugin(dashboard), { listen, token: TOKEN })
      await expect(registering.then(() => undefined)).rejects.toThrow(/loopback only/)
    }
    app = Fastify()
    await expect(
      app.register(toPlugin(dashboard), { listen: 'localhost:9465' } as never).then(() => undefined),
    ).rejects.toThrow(/"token" is missing/)
    app = Fastify()
  })
})

describe('the page', () => {
  it('loads nothing, and nothing but itself may run in it', async () => {
    await start()
    const { text, headers } = await ask(url, bearer)
    const policy = headers.get('content-security-policy')!
    const hashOf = (tag: string) =>
      createHash('sha256')
        .update(new RegExp(`<${tag}[^>]*>([\\s\\S]*)</${tag}>`).exec(text)![1]!)
        .digest('base64')
    expect(policy).toContain(`script-src 'sha256-${hashOf('script')}'`)
    expect(policy).toContain(`style-src 'sha256-${hashOf('style')}'`)
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toContain('unsafe')
    expect(text).not.toMatch(/(src|href)="(?!#|data:)/)
    expect(text).not.toMatch(/^(import|export) /m)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-frame-options')).toBe('DENY')
  })

  it('gets the numbers', async () => {
    await start()
    await app.inject('/users/1')
    await new Promise((resolve) => setTimeout(resolve, 1000 - (Date.now() % 1000) + 20))
    const data = JSON.parse((await ask(`${url}/data`, bearer)).text) as Snapshot
    expect(data.seconds.reduce((sum, { counts }) => sum + counts[0]!, 0)).toBe(1)
    expect(data.health).toEqual([{ component: 'secretive', works: false }])
    expect(data.inFlight).toBe(0)
  })

  it('gets the plan of every route, without secrets', async () => {
    await start()
    const { text } = await ask(`${url}/plan`, bearer)
    expect(text).not.toContain('S3CRET')
    expect(text).not.toContain(TOKEN)
    const plan = JSON.parse(text) as PlanView
    const route = plan.routes.find((found) => found.url === '/own')!
    expect(route.methods).toEqual(['GET', 'HEAD'])
    expect(route.steps.map((index) => [plan.steps[index]!.component, plan.steps[index]!.level])).toEqual([
      ['metrics', 'service'],
      ['dashboard', 'service'],
      ['secretive', 'service'],
      ['secretive', 'endpoint'],
    ])
    const settings = plan.steps.find(
      ({ component, level }) => component === 'secretive' && level === 'service',
    )!.settings
    expect(settings).toMatchObject({
      hidden: '••••••',
      url: 'https://••••••@host/',
      roles_key: 'realm_access.roles',
      limit: 5,
    })
    const exempt = plan.routes.find((found) => found.url === '/__metrics')!
    expect(exempt.steps.map((index) => plan.steps[index]!.component)).toEqual(['metrics', 'dashboard'])
  })
})
