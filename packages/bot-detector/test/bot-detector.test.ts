import { type Decision, stateOf } from '@portcullis/core'
import Fastify, { type FastifyInstance } from 'fastify'
import { isbot } from 'isbot'
import { afterEach, describe, expect, it } from 'vitest'
import { expectReadmeShowsExample } from '../../core/test/readme.ts'
import { BotDetector, MAX_USER_AGENT } from '../src/detector.ts'
import botDetector, { type BotDetectorConfig } from '../src/index.ts'
import { LruCache } from '../src/lru-cache.ts'

const BROWSER =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36'
const GOOGLE = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'

const apps: FastifyInstance[] = []
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()))
})

async function start(config: BotDetectorConfig): Promise<FastifyInstance> {
  const app = Fastify()
  apps.push(app)
  await app.register(botDetector, config)
  app.get('/', (request) => stateOf(request).decisions)
  return app
}

const status = async (app: FastifyInstance, userAgent: string | undefined, url = '/') =>
  (await app.inject({ url, headers: { 'user-agent': userAgent } as Record<string, string> })).statusCode

describe('KrakenD’s rules', () => {
  // The configuration and the four requests of its own integration tests.
  const config = {
    deny: ['a', 'b'],
    patterns: ['(Pingdom.com_bot_version_)(\\d+)\\.(\\d+)', '(facebookexternalhit)/(\\d+)\\.(\\d+)'],
  }
  it.each([
    ['a', 403],
    ['b', 403],
    ['Pingdom.com_bot_version_1.14', 403],
    ['facebookexternalhit/1.2.3', 403],
    ['A', 200],
    ['ab', 200],
    [BROWSER, 200],
  ])('%s: %d', async (userAgent, expected) => expect(await status(await start(config), userAgent)).toBe(expected))

  it.each([
    ['empty before allow', { allow: ['x'], empty_user_agent_is_bot: true }, '', true],
    ['no User-Agent passes by default', {}, undefined, false],
    ['no User-Agent', { empty_user_agent_is_bot: true }, undefined, true],
    ['allow before deny', { allow: ['x'], deny: ['x'] }, 'x', false],
    ['allow before patterns', { allow: ['my bot'], patterns: ['bot'] }, 'my bot', false],
    ['allow before known bots', { allow: [GOOGLE], known_bots: true }, GOOGLE, false],
    ['allow is exact', { allow: ['my bot'], patterns: ['bot'] }, 'my bot 2', true],
    ['deny is case-sensitive', { deny: ['Curl'] }, 'curl', false],
  ])('%s', (_rule, config, userAgent, expected) => expect(new BotDetector(config).isBot(userAgent)).toBe(expected))

  it('keeps the old names of namespace and fields', async () => {
    const app = Fastify()
    apps.push(app)
    await app.register(botDetector, {})
    const extra_config = { 'github.com/devopsfaith/krakend-botdetector': { blacklist: ['a'], whitelist: ['b'] } }
    app.get('/old', { config: { extra_config } }, () => 'ok')
    expect([await status(app, 'a', '/old'), await status(app, 'b', '/old')]).toEqual([403, 200])
  })
})

describe('known bots', () => {
  it('is off by default, as in KrakenD', async () => expect(await status(await start({}), GOOGLE)).toBe(200))

  it.each([GOOGLE, 'Googlebot/2.1', 'facebookexternalhit/1.1', 'curl/8.5.0', 'python-requests/2.31.0'])(
    'refuses %s',
    async (userAgent) => expect(await status(await start({ known_bots: true }), userAgent)).toBe(403),
  )

  it('lets browsers and empty User-Agents pass', async () => {
    const app = await start({ known_bots: true })
    expect([await status(app, BROWSER), await status(app, undefined)]).toEqual([200, 200])
  })

  it('stays quick on hostile texts of the greatest length', () => {
    const detector = new BotDetector({ known_bots: true })
    const hostile = [
      'a',
      '@a',
      'a.',
      '; a',
      'Mozilla/5.0 (a/1.1 ',
      'a/1.',
      '(',
      'g/',
      '1.1.',
      ' ',
      'w_',
      'cu bot',
      'a-',
    ]
    for (const piece of hostile) {
      const text = `Mozilla/5.0 ${piece.repeat(MAX_USER_AGENT)}`.slice(0, MAX_USER_AGENT)
      const started = performance.now()
      detector.isBot(text)
      expect([piece, performance.now() - started < 100]).toEqual([piece, true])
    }
    expect(isbot(GOOGLE)).toBe(true)
  })
})

describe('refusals', () => {
  it('is 403 PORTCULLIS_BOT and does not say why', async () => {
    const app = await start({ deny: ['BadClient/1.0'] })
    const response = await app.inject({ url: '/', headers: { 'user-agent': 'BadClient/1.0' } })
    expect(response.statusCode).toBe(403)
    expect(response.json()).toEqual({
      statusCode: 403,
      code: 'PORTCULLIS_BOT',
      error: 'Forbidden',
      message: 'Bots are not welcome here',
    })
  })

  it('only records in monitor mode', async () => {
    const app = await start({ deny: ['a'], mode: 'monitor' })
    const response = await app.inject({ url: '/', headers: { 'user-agent': 'a' } })
    expect(response.json<Decision[]>()).toMatchObject([{ component: 'bot-detector', code: 'BOT', mode: 'monitor' }])
  })

  it('is 400 for two User-Agents, of which an upstream might see the other', async () => {
    const app = await start({ deny: ['a'] })
    const response = await app.inject({ url: '/', headers: { 'user-agent': ['fine', 'a'] } as never })
    expect([response.statusCode, response.json().code]).toEqual([400, 'PORTCULLIS_HEADER_DUPLICATED'])
  })

  it('covers unknown routes', async () => expect(await status(await start({ deny: ['a'] }), 'a', '/nowhere')).toBe(403))

  it('takes a User-Agent beyond 2048 characters for a bot’s, unless it is allowed by name', () => {
    const long = 'x'.repeat(MAX_USER_AGENT + 1)
    expect(new BotDetector({}).isBot(long)).toBe(true)
    expect(new BotDetector({}).isBot(long.slice(1))).toBe(false)
    expect(new BotDetector({ allow: [long] }).isBot(long)).toBe(false)
  })
})

describe('levels', () => {
  it('holds both blocks: an endpoint’s allow does not lift the service’s deny', async () => {
    const app = await start({ deny: ['a'] })
    app.get(
      '/own',
      { config: { extra_config: { 'security/bot-detector': { allow: ['a'], deny: ['b'] } } } },
      () => 'ok',
    )
    expect([
      await status(app, 'a', '/own'),
      await status(app, 'b', '/own'),
      await status(app, 'c', '/own'),
      await status(app, 'b'),
    ]).toEqual([403, 403, 200, 200])
  })
})

describe('cache', () => {
  it('gives the same decisions', () => {
    const plain = new BotDetector({ patterns: ['bot'], deny: ['x'] })
    const cached = new BotDetector({ patterns: ['bot'], deny: ['x'], cache_size: 2 })
    for (const userAgent of ['a', 'bot', 'a', 'x', 'b', 'bot', 'c', 'x', undefined, '', 'a', 'bot'.repeat(300)]) {
      expect([userAgent, cached.isBot(userAgent)]).toEqual([userAgent, plain.isBot(userAgent)])
    }
  })

  it('holds as many as it may and forgets the least recently used', () => {
    const cache = new LruCache<number>(2)
    cache.set('a', 1)
    cache.set('b', 2)
    expect(cache.get('a')).toBe(1)
    cache.set('c', 3)
    expect([cache.get('a'), cache.get('b'), cache.get('c'), cache.size]).toEqual([1, undefined, 3, 2])
    cache.set('c', 4)
    expect([cache.get('c'), cache.get('a'), cache.size]).toEqual([4, 1, 2])
  })
})

describe('mistakes', () => {
  it.each([
    [
      { patterns: ['ok', '(?!x)'] },
      /patterns\[1\]: expected a regular expression: look-around is not supported at offset 0/,
    ],
    [{ patterns: ['(a'] }, /patterns\[0\]: expected a regular expression: missing \) at offset 0/],
    [{ patterns: Array(20).fill('a{1000}') }, /patterns: together: the patterns are too large/],
    [{ patterns: ['((a{100}){100}){100}'] }, /patterns\[0\]: expected a regular expression: the pattern is too large/],
    [{ patterns: 'bot' }, /patterns: expected a list, got "bot"/],
    [{ pattern: ['bot'] }, /pattern: unknown field; did you mean "patterns"\?/],
    [{ cache_size: -1 }, /cache_size: expected a number >= 0/],
    [{ deny: [''] }, /deny\[0\]: expected a text that is not empty/],
    [{ blacklist: ['a'], deny: ['b'] }, /"blacklist"\]: is the old name of "deny", which is stated too/],
  ])('%j', async (config, message) => {
    const app = Fastify()
    apps.push(app)
    const outcome = app.register(botDetector, config as BotDetectorConfig).then(
      () => 'started',
      (error: Error) => error.message,
    )
    expect(await outcome).toMatch(message)
  })
})

it('runs the README’s example as it stands there', async () => {
  expectReadmeShowsExample(import.meta.url)
  const { app } = await import('./example.ts')
  apps.push(app)
  const pingdom = 'Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)'
  const answers = await Promise.all(
    [BROWSER, pingdom, 'BadClient/1.0', 'My SCRAPER', '-', GOOGLE].map((userAgent) => status(app, userAgent)),
  )
  expect(answers).toEqual([200, 200, 403, 403, 403, 403])
})
