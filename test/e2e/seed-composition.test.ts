/** The second seed document as a whole: which part speaks first, and what holds whoever speaks. */
import type net from 'node:net'
import tls from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { APP, type Perimeter, securityHeaders, startPerimeter } from './seed-perimeter.ts'
import { type Answer, verdict } from './seed-support.ts'

const corsHeaders = { 'access-control-allow-origin': APP, 'access-control-allow-credentials': 'true' }
const code = (answer: Answer): string | undefined => verdict(answer)[1]?.replace('PORTCULLIS_', '')

describe('refusals in front of a proxied endpoint', () => {
  let gw: Perimeter
  beforeAll(async () => {
    gw = await startPerimeter((document) => {
      document.extra_config!['qos/ratelimit/service'] = { minute: 3 }
    })
  })
  afterAll(() => gw.close())
  const ask = (client: string, path = '/api/users/7', headers = {}) =>
    gw.ask({ path, headers: { origin: APP, ...headers } }, client)

  it.each<[number, string, () => Promise<Answer>]>([
    [401, 'TOKEN_MISSING', () => ask('10.0.1.1')],
    [403, 'IP_DENIED', () => ask('10.0.0.42')],
    [502, 'BACKEND_UNAVAILABLE', () => ask('10.0.1.2', '/api/down')],
    [
      429,
      'RATE_LIMITED',
      async () => {
        for (let i = 0; i < 3; i++) await ask('10.0.1.3')
        return ask('10.0.1.3')
      },
    ],
  ])('%d %s carries the headers of CORS and security', async (status, expected, request) => {
    const answer = await request()
    expect([answer.status, code(answer)]).toEqual([status, expected])
    expect(answer.headers).toMatchObject({ ...securityHeaders, ...corsHeaders })
    expect(JSON.parse(answer.body)).toEqual({
      statusCode: status,
      code: `PORTCULLIS_${expected}`,
      error: expect.any(String),
      message: expect.any(String),
    })
  })

  it('a foreign page gets none of CORS’ headers with them', async () => {
    const answer = await ask('10.0.0.42', '/api/users/7', { origin: 'https://evil.example' })
    expect(answer.status).toBe(403)
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin')
  })
})

describe('the order', () => {
  let gw: Perimeter
  afterEach(() => gw.close())
  const bearer = async () => ({ authorization: `Bearer ${await gw.token()}` })

  it('failed logins count: a good token after too many bad ones is refused', async () => {
    gw = await startPerimeter((document) => {
      document.extra_config!['qos/ratelimit/service'] = { minute: 5 }
    })
    const path = '/api/users/7'
    for (let i = 0; i < 5; i++)
      expect((await gw.ask({ path, headers: { authorization: `Bearer guess${i}` } })).status).toBe(401)
    expect(code(await gw.ask({ path, headers: await bearer() }))).toBe('RATE_LIMITED')
    expect((await gw.ask({ path, headers: await bearer() }, '10.0.0.8')).status).toBe(200)
  })

  it('a limit on failures bans whoever guesses, and leaves others alone', async () => {
    gw = await startPerimeter((document) => {
      document.extra_config!['qos/ratelimit/service'] = { minute: 5, only_failures: true }
    })
    const path = '/api/users/7'
    for (let i = 0; i < 20; i++) expect((await gw.ask({ path, headers: await bearer() })).status).toBe(200)
    for (let i = 0; i < 5; i++) expect((await gw.ask({ path })).status).toBe(401)
    expect(code(await gw.ask({ path, headers: await bearer() }))).toBe('RATE_LIMITED')
  })

  it('what is cheap speaks first: host, address, limit, token, role, body', async () => {
    gw = await startPerimeter((document) => {
      document.extra_config!['qos/ratelimit/service'] = { minute: 2 }
    })
    const path = '/api/users/7'
    const wrong = { host: 'evil.example' }
    expect(code(await gw.ask({ path: `/${'x'.repeat(9000)}`, headers: wrong }, '10.0.0.42'))).toBe('URL_TOO_LONG')
    expect(code(await gw.ask({ path, headers: wrong }, '10.0.0.42'))).toBe('HOST_NOT_ALLOWED')
    expect(code(await gw.ask({ path }, '10.0.0.42'))).toBe('IP_DENIED')
    expect(code(await gw.ask({ path }))).toBe('TOKEN_MISSING')
    expect((await gw.ask({ path, headers: await bearer() })).status).toBe(200)
    expect(code(await gw.ask({ path }))).toBe('RATE_LIMITED')
  })

  it('the address is judged before the token: a good one does not help', async () => {
    gw = await startPerimeter()
    expect(code(await gw.ask({ path: '/api/users/7', headers: await bearer() }, '10.0.0.42'))).toBe('IP_DENIED')
    expect(gw.backend.seen).toHaveLength(0)
  })
})

describe('the client’s Connection header', () => {
  let gw: Perimeter
  beforeAll(async () => {
    gw = await startPerimeter()
  })
  afterAll(() => gw.close())

  it.each(['x-user-id', 'X-User-Roles, x-authenticated', 'close, x-user-id, authorization', 'x-forwarded-for'])(
    'cannot take away what the gateway says: %s',
    async (named) => {
      const headers = { authorization: `Bearer ${await gw.token()}`, connection: named, 'x-user-id': 'root' }
      const answer = await gw.ask({ path: '/api/users/7', headers })
      expect(answer.status).toBe(200)
      expect(gw.backend.seen.at(-1)!.headers).toMatchObject({
        'x-user-id': 'u-1',
        'x-user-roles': 'user,admin',
        'x-authenticated': 'true',
        'x-forwarded-for': expect.stringContaining('10.0.0.7'),
      })
      expect(gw.backend.seen.at(-1)!.headers).not.toHaveProperty('authorization')
    },
  )

  it('and two spellings of one header are none', async () => {
    const socket = tls.connect({ host: '127.0.0.1', port: gw.port, ca: gw.ca, servername: 'api.example.com' })
    const head = [
      'GET /api/users/7 HTTP/1.1',
      'Host: api.example.com',
      'X-Forwarded-For: 10.0.0.7',
      'Connection: close, X_User_Id',
      'X-USER-ID: root',
      'X_User_Id: root',
      `Authorization: Bearer ${await gw.token()}`,
    ]
    const text = await answerOf(socket, `${head.join('\r\n')}\r\n\r\n`)
    expect(text).toMatch(/^HTTP\/1\.1 200 /)
    expect(JSON.stringify(gw.backend.seen.at(-1)!.headers)).not.toContain('root')
    expect(gw.backend.seen.at(-1)!.headers['x-user-id']).toBe('u-1')
  })
})

function answerOf(socket: net.Socket, request: string): Promise<string> {
  return new Promise((settle) => {
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.once('error', () => settle(text))
    socket.once('close', () => settle(text))
    socket.write(request)
  })
}
