import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { enginesOf, stateOf } from '@portcullis/core'
import { hashSync } from 'bcryptjs'
import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { hashProblem, parseHtpasswd } from '../src/htpasswd.ts'
import basicAuth, { type BasicAuthConfig } from '../src/index.ts'
import { PasswordMemory } from '../src/password-memory.ts'
import { BusyError, PasswordWorker } from '../src/password-worker.ts'

const folder = mkdtempSync(join(tmpdir(), 'portcullis-basic-'))
afterAll(() => rmSync(folder, { recursive: true }))
let app: FastifyInstance
afterEach(() => app?.close())

const ALICE = hashSync('wonder:land', 4)
const config: BasicAuthConfig = { users: { alice: ALICE, zoë: hashSync('pässword', 4).replace('$2b$', '$2y$') } }
const basic = (text: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(text).toString('base64')}`,
})

async function guarded(options: BasicAuthConfig, endpoint?: object | false): Promise<FastifyInstance> {
  const made = Fastify()
  await made.register(basicAuth, options)
  const extra = endpoint === undefined ? {} : { config: { extra_config: { 'auth/basic': endpoint } } }
  made.route({
    method: ['GET', 'OPTIONS'],
    url: '/',
    ...extra,
    handler: (request) => ({ headers: request.headers, identity: stateOf(request).identity ?? null }),
  })
  return made
}

function verdict(response: LightMyRequestResponse): string {
  const { code } = response.statusCode >= 400 ? (response.json() as { code: string }) : {}
  return code === undefined ? String(response.statusCode) : `${response.statusCode} ${code.replace('PORTCULLIS_', '')}`
}
const ask = async (headers: Record<string, string>): Promise<string> => verdict(await app.inject({ url: '/', headers }))

describe('names and passwords', () => {
  it('B01: none', async () => {
    app = await guarded({ ...config, realm: 'test-realm' })
    const response = await app.inject('/')
    expect(verdict(response)).toBe('401 CREDENTIALS_INVALID')
    expect(response.headers['www-authenticate']).toBe('Basic realm="test-realm"')
    await app.close()
    app = await guarded(config)
    expect((await app.inject('/')).headers['www-authenticate']).toBe('Basic realm="service"')
  })

  it.each<[string, Record<string, string>]>([
    ['B02 no base64', { authorization: 'Basic foobar!' }],
    ['B02 no colon', basic('foobar')],
    ['B02 no name', basic(':wonder:land')],
    ['B02 no password', basic('alice:')],
    ['B02 name alone', basic('alice')],
    ['nothing', { authorization: 'Basic ' }],
    ['a wrong password', basic('alice:wonder')],
    ['an unknown user', basic('mallory:wonder:land')],
    ['another case', basic('Alice:wonder:land')],
    ['a user of Object.prototype', basic('toString:x')],
    ['a control character', basic('alice:wonder:land\0')],
    ['a password that bcrypt would cut', basic(`alice:wonder:land${'x'.repeat(70)}`)],
    ['Latin-1', { authorization: `Basic ${Buffer.from('zo\xeb:p\xe4ssword', 'latin1').toString('base64')}` }],
    ['another scheme', { authorization: 'Bearer abc' }],
    ['B03 Proxy-Authorization', { 'proxy-authorization': basic('alice:wonder:land').authorization! }],
    ['very long', basic(`alice:${'x'.repeat(5000)}`)],
  ])('%s', async (_name, headers) => {
    app = await guarded(config)
    expect(await ask(headers)).toBe('401 CREDENTIALS_INVALID')
  })

  it('B03, B04, B05: right ones, with colons and letters beyond ASCII, hidden from the upstream', async () => {
    app = await guarded(config)
    for (const [name, password] of [
      ['alice', 'wonder:land'],
      ['zoë', 'pässword'],
    ]) {
      const response = await app.inject({ url: '/', headers: basic(`${name}:${password}`) })
      expect(response.json().identity).toEqual({ kind: 'basic', subject: name })
      expect(response.json().headers.authorization).toBe(undefined)
    }
    expect(await ask({ authorization: basic('alice:wonder:land').authorization!.replace('Basic', 'bASIC') })).toBe(
      '200',
    )
    await app.close()
    app = await guarded({ ...config, hide_credentials: false })
    const kept = await app.inject({ url: '/', headers: basic('alice:wonder:land') })
    expect(kept.json().headers.authorization).toBe(basic('alice:wonder:land').authorization)
  })

  it('an endpoint has users of its own, or none', async () => {
    app = await guarded(config, { users: { bob: hashSync('builder', 4) } })
    app.get('/open', { config: { extra_config: { 'auth/basic': false } } }, () => 'ok')
    expect(await ask(basic('bob:builder'))).toBe('200')
    expect(await ask(basic('alice:wonder:land'))).toBe('401 CREDENTIALS_INVALID')
    expect((await app.inject('/open')).statusCode).toBe(200)
    expect(verdict(await app.inject('/nowhere'))).toBe('401 CREDENTIALS_INVALID')
  })

  it('preflights pass unless told otherwise', async () => {
    const headers = { origin: 'https://a.test', 'access-control-request-method': 'GET' }
    app = await guarded(config)
    expect(verdict(await app.inject({ method: 'OPTIONS', url: '/', headers }))).toBe('200')
    expect(verdict(await app.inject({ method: 'OPTIONS', url: '/' }))).toBe('401 CREDENTIALS_INVALID')
    await app.close()
    app = await guarded({ ...config, run_on_preflight: true })
    expect(verdict(await app.inject({ method: 'OPTIONS', url: '/', headers }))).toBe('401 CREDENTIALS_INVALID')
  })
})

describe('what a password costs', () => {
  const slow: BasicAuthConfig = { users: { alice: hashSync('right', 10) } }
  const medium: BasicAuthConfig = { users: { alice: hashSync('right', 8) } }
  const time = async (headers: Record<string, string>, expected: string): Promise<number> => {
    const start = performance.now()
    expect(await ask(headers)).toBe(expected)
    return performance.now() - start
  }

  it('is paid once for a right one and for a wrong one', async () => {
    app = await guarded(slow)
    const first = await time(basic('alice:right'), '200')
    const wrong = await time(basic('alice:wrong'), '401 CREDENTIALS_INVALID')
    for (let round = 0; round < 5; round++) {
      expect(await time(basic('alice:right'), '200')).toBeLessThan(first / 2)
      expect(await time(basic('alice:wrong'), '401 CREDENTIALS_INVALID')).toBeLessThan(wrong / 2)
    }
  })

  it('is the same for users that do not exist', async () => {
    app = await guarded(medium)
    await ask(basic('alice:right'))
    const fastest = async (name: string): Promise<number> => {
      const times: number[] = []
      for (let i = 0; i < 4; i++) times.push(await time(basic(`${name}:wrong${i}`), '401 CREDENTIALS_INVALID'))
      return Math.min(...times)
    }
    const existing = await fastest('alice')
    const missing = await fastest('nobody')
    expect(missing).toBeGreaterThan(existing / 3)
    expect(missing).toBeLessThan(existing * 3)
  })

  it('does not stop the event loop, and a flood is told to wait', async () => {
    app = await guarded(slow)
    expect(await ask(basic('alice:right'))).toBe('200')
    const flood = Array.from({ length: 60 }, (_, i) => app.inject({ url: '/', headers: basic(`alice:flood-${i}`) }))
    // While 32 checks run, whoever was right before passes at once, and 28 are refused at once.
    const start = performance.now()
    expect(await ask(basic('alice:right'))).toBe('200')
    const refused = await Promise.all(flood.slice(32))
    expect(new Set(refused.map(verdict))).toEqual(new Set(['503 CREDENTIALS_BUSY']))
    expect(refused[0]?.headers['retry-after']).toBe('2')
    expect(verdict(await flood[0]!)).toBe('401 CREDENTIALS_INVALID')
    expect(performance.now() - start).toBeLessThan(1500)
    await app.close()
    for (const answer of await Promise.all(flood)) expect([401, 503]).toContain(answer.statusCode)
  })

  it('checks one credential once, whoever waits for it', async () => {
    app = await guarded(slow)
    const answers = await Promise.all(Array.from({ length: 60 }, () => ask(basic('alice:right'))))
    expect(new Set(answers)).toEqual(new Set(['200']))
  })
})

describe('the thread', () => {
  it('comes back after its end', async () => {
    const worker = new PasswordWorker()
    expect(await worker.compare('wonder:land', ALICE)).toBe(true)
    const waiting = worker.compare('x', hashSync('y', 10))
    await worker.close()
    await expect(waiting).rejects.toThrow('the password thread has ended')
    expect(await worker.compare('wonder:lend', ALICE)).toBe(false)
    await worker.close()
  })

  it('takes one password however expensive, and no more than may wait', async () => {
    const worker = new PasswordWorker(1)
    const dear = worker.compare('x', `$2b$11$${'.'.repeat(53)}`)
    await expect(worker.compare('wonder:land', ALICE)).rejects.toThrow(BusyError)
    expect(await dear).toBe(false)
    expect(await worker.compare('wonder:land', ALICE)).toBe(true)
    await worker.close()
  })
})

describe('htpasswd', () => {
  it('comes and goes with the file; a broken file changes nothing', async () => {
    const path = join(folder, 'htpasswd')
    const write = async (text: string): Promise<void> => {
      writeFileSync(path, text)
      await enginesOf(app)[0]?.reload()
    }
    writeFileSync(path, `# staff\n\nbob:${hashSync('one', 4)}\r\n`)
    app = await guarded({ ...config, htpasswd_path: path })
    expect(await ask(basic('bob:one'))).toBe('200')
    expect(await ask(basic('alice:wonder:land'))).toBe('200')
    await write('bob:broken')
    expect(await ask(basic('bob:one'))).toBe('200')
    await write(`bob:${hashSync('two', 4)}\n`)
    expect(await ask(basic('bob:one'))).toBe('401 CREDENTIALS_INVALID')
    expect(await ask(basic('bob:two'))).toBe('200')
    await write('# nobody left, longer than before, whatever the clock of the file system says\n')
    expect(await ask(basic('bob:two'))).toBe('401 CREDENTIALS_INVALID')
  })

  it.each<[string, BasicAuthConfig | (() => BasicAuthConfig), RegExp]>([
    ['no users', {}, /no user is stated/],
    ['an empty list', { users: {} }, /no user is stated/],
    ['a plain password', { users: { a: 'super-secret' } }, /\.users\["a"\]: is no bcrypt hash/],
    ['an expensive hash', { users: { a: ALICE.replace('$04$', '$15$') } }, /cost above 14/],
    ['a name with a colon', { users: { 'a:b': ALICE } }, /a colon/],
    ['a file that is not there', { htpasswd_path: join(folder, 'none') }, /does not exist/],
    [
      'other hashes',
      () => {
        writeFileSync(join(folder, 'bad'), 'a:$apr1$super$secret\nb:{SHA}super-secret=\nsuper-secret\n')
        return { htpasswd_path: join(folder, 'bad') }
      },
      /line 1 is no bcrypt hash .*line 2 is no bcrypt hash .*line 3 has no name/,
    ],
    [
      'a user in both places',
      () => {
        writeFileSync(join(folder, 'twice'), `alice:${ALICE}\n`)
        return { ...config, htpasswd_path: join(folder, 'twice') }
      },
      /stands in "htpasswd_path" too/,
    ],
  ])('%s', async (_name, options, message) => {
    app = Fastify()
    const found = await app.register(basicAuth, typeof options === 'function' ? options() : options).then(
      () => '',
      (error: Error) => error.message,
    )
    expect(found).toMatch(message)
    expect(found).not.toContain('super')
    app = Fastify()
  })

  it('knows bcrypt by its forms', () => {
    for (const form of ['$2a$', '$2b$', '$2y$']) expect(hashProblem(ALICE.replace('$2b$', form))).toBe(undefined)
    for (const wrong of ['', '$2x$04$', ALICE.slice(1), `${ALICE}x`, ALICE.replace('$04$', '$03$')]) {
      expect(hashProblem(wrong)).not.toBe(undefined)
    }
    expect(() => parseHtpasswd(`a:${ALICE}\na:${ALICE}`)).toThrow('line 2 names a user again')
  })
})

it('PasswordMemory is bounded, forgets what is wrong, and tells entries apart', () => {
  const memory = new PasswordMemory()
  const entries = Array.from({ length: 3000 }, (_, i) => memory.entryOf('a', String(i), ALICE))
  for (const entry of entries) memory.remember(entry, true, 0)
  expect(entries.filter((entry) => memory.recall(entry, 0) === true).length).toBe(1000)
  memory.remember('wrong', false, 0)
  expect(memory.recall('wrong', 29_999)).toBe(false)
  expect(memory.recall('wrong', 30_000)).toBe(undefined)
  expect(new PasswordMemory().entryOf('a', 'b', 'c')).not.toBe(memory.entryOf('a', 'b', 'c'))
})
