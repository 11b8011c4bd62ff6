import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import type { FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import type { WafConfig } from '../src/index.ts'
import { fired, makeApp } from './app.ts'

const open: FastifyInstance[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()))
})

const ATTACK = `SecRule ARGS|REQUEST_BODY "@contains attack" "id:1,phase:2,deny,msg:'An attack'"`

async function make(config: WafConfig | undefined, routes?: (app: FastifyInstance) => void) {
  const made = await makeApp(config, routes)
  open.push(made.app)
  return made
}

describe('verdicts', () => {
  const status = async (actions: string) => {
    const { app } = await make({ rules: `SecRule ARGS:q "@streq x" "id:1,phase:1,${actions}"` })
    return app.inject('/?q=x')
  }

  it('a deny has the status that its rule names', async () => {
    expect((await status('deny')).statusCode).toBe(403)
    expect((await status('deny,status:451')).statusCode).toBe(451)
    expect((await status('deny,status:503')).statusCode).toBe(503)
  })

  it('a status that is no error is a 403', async () => {
    expect((await status('deny,status:200')).statusCode).toBe(403)
  })

  it('a drop closes the connection', async () => {
    const answer = await status('drop')
    expect([answer.statusCode, answer.headers.connection]).toEqual([403, 'close'])
  })

  it('a redirect goes where its rule says, whatever the macro holds', async () => {
    const { app } = await make({
      rules: `SecRule ARGS:q "@rx ." "id:1,phase:1,redirect:'https://example.com/?r=%{MATCHED_VAR}'"`,
    })
    const answer = await app.inject('/?q=a%0d%0aSet-Cookie:%20x')
    expect(answer.statusCode).toBe(302)
    expect(answer.headers.location).toBe('https://example.com/?r=a%0D%0ASet-Cookie:%20x')
    expect([answer.body, answer.headers['set-cookie']]).toEqual(['', undefined])
  })

  it('an error handler of the app sees the refusal', async () => {
    const { app } = await make({ rules: ATTACK }, (inner) => {
      inner.setErrorHandler((error: Error & { code?: string; statusCode?: number }, _request, reply) =>
        reply.code(error.statusCode ?? 500).send({ own: error.code }),
      )
    })
    const answer = await app.inject('/?q=attack')
    expect([answer.statusCode, answer.json()]).toEqual([403, { own: 'PORTCULLIS_WAF_BLOCKED' }])
  })
})

describe('modes', () => {
  it('monitor records what would have been refused, and every rule that fires', async () => {
    const rules = `${ATTACK}\nSecRule ARGS "@contains q" "id:2,phase:2,deny,status:418,msg:'Two'"`
    const { app, decisions } = await make({ mode: 'monitor', rules })
    expect((await app.inject('/?q=attackq')).statusCode).toBe(200)
    expect(fired(decisions)).toEqual([1, 2])
    const refused = decisions.filter(({ code }) => code === 'WAF_BLOCKED')
    expect(refused).toMatchObject([{ component: 'waf', mode: 'monitor', status: 403, detail: { rule_id: 1 } }])
  })

  it('SecRuleEngine DetectionOnly counts when no mode is stated', async () => {
    const rules = `SecRuleEngine DetectionOnly\n${ATTACK}`
    const detecting = await make({ rules })
    expect((await detecting.app.inject('/?q=attack')).statusCode).toBe(200)
    expect(detecting.decisions.map(({ code, mode }) => `${code} ${mode}`)).toEqual([
      'RULE_1 record',
      'WAF_BLOCKED monitor',
    ])
    const enforcing = await make({ rules, mode: 'enforce' })
    expect((await enforcing.app.inject('/?q=attack')).statusCode).toBe(403)
  })
})

describe('endpoints', () => {
  const block = (config: object | false) => ({ config: { extra_config: { 'security/waf': config } } })

  it('build on the service’s block: exclusions and rules are added', async () => {
    const rules = [
      ATTACK,
      `SecRule ARGS "@contains other" "id:2,phase:2,deny,tag:'app/other'"`,
      `SecRule ARGS "@contains third" "id:3,phase:2,deny"`,
    ]
    const { app } = await make({ rules, exclude_rules: [3] }, (inner) => {
      inner.get('/one', block({ exclude_rules: ['1'] }), () => 'ok')
      inner.get('/tag', block({ exclude_rules: ['app/*'] }), () => 'ok')
      inner.get('/range', block({ exclude_rules: ['1-2'] }), () => 'ok')
      inner.get('/more', block({ rules: `SecRule ARGS "@contains fourth" "id:4,phase:2,deny"` }), () => 'ok')
      inner.get('/off', block(false), () => 'ok')
    })
    const refused = async (path: string) => {
      const words = ['attack', 'other', 'third', 'fourth']
      const answers = await Promise.all(words.map((word) => app.inject(`${path}?q=${word}`)))
      return words.filter((_, i) => answers[i]!.statusCode === 403)
    }
    expect(await refused('/elsewhere')).toEqual(['attack', 'other'])
    expect(await refused('/one')).toEqual(['other'])
    expect(await refused('/tag')).toEqual(['attack'])
    expect(await refused('/range')).toEqual([])
    expect(await refused('/more')).toEqual(['attack', 'other', 'fourth'])
    expect(await refused('/off')).toEqual([])
  })

  it('inherit the mode, and may have their own', async () => {
    const { app } = await make({ rules: ATTACK, mode: 'monitor' }, (inner) => {
      inner.get('/inherits', block({ exclude_rules: [99] }), () => 'ok')
      inner.get('/enforces', block({ mode: 'enforce' }), () => 'ok')
    })
    expect((await app.inject('/inherits?q=attack')).statusCode).toBe(200)
    expect((await app.inject('/enforces?q=attack')).statusCode).toBe(403)
  })

  it('rules that only together are broken are told at start, with their place', async () => {
    const made = make({ rules: ATTACK }, (inner) => {
      inner.get('/twice', block({ rules: `SecAction "id:1,phase:1,pass"` }), () => 'ok')
    })
    await expect(made).rejects.toThrow(/\/twice.*line 1: .*id 1/s)
  })

  it('may skip to a marker of the service’s rules', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'waf-skip-'))
    const file = join(folder, 'own.conf')
    writeFileSync(file, `SecRule ARGS:skip "@streq 1" "id:10,phase:2,pass,nolog,skipAfter:END_CHECKS"`)
    const rules = [ATTACK, 'SecMarker END_CHECKS', `SecRule ARGS "@contains other" "id:2,phase:2,deny"`]
    const { app } = await make({ rules }, (inner) => {
      // Files are read before all rules that stand in blocks: the marker lies ahead.
      inner.get('/ahead', block({ rules_files: [file] }), () => 'ok')
      const own = [
        'SecRule ARGS:skip "@streq 1" "id:10,phase:2,pass,nolog,skipAfter:END_CHECKS"',
        'SecRule ARGS "@contains third" "id:11,phase:2,deny"',
        'SecRule ARGS "@contains third" "id:12,phase:3,deny,status:418"',
      ]
      // Here it lies behind: what is left of the phase is skipped, later phases are not.
      inner.get('/behind', block({ rules: own }), () => 'ok')
    })
    const status = async (url: string) => (await app.inject(url)).statusCode
    expect([await status('/ahead?q=attack'), await status('/ahead?q=attack&skip=1')]).toEqual([403, 200])
    expect(await status('/ahead?q=other&skip=1')).toBe(403)
    expect([await status('/behind?q=third'), await status('/behind?q=third&skip=1')]).toEqual([403, 418])
    expect(await status('/behind?q=attack&skip=1')).toBe(403)
    rmSync(folder, { recursive: true })
  })

  it.each([
    ['SecAction "id:5,phase:1,pass,skipAfter:END_CHEKS"', /\/marked.*\.rules: line 1: .*END_CHEKS.*END_CHECKS/s],
    [
      'SecMarker OWN\nSecAction "id:5,phase:1,pass,skipAfter:OWN"',
      /\.rules: line 2: .*stands before this rule, in line 1/s,
    ],
  ])('are told of a marker that is not there: %s', async (rules, message) => {
    const made = make({ rules: [ATTACK, 'SecMarker END_CHECKS'] }, (inner) => {
      inner.get('/marked', block({ rules }), () => 'ok')
    })
    await expect(made).rejects.toThrow(message)
  })

  it('hold on routes that do not exist', async () => {
    const { app } = await make({ rules: `SecRule ARGS "@contains attack" "id:1,phase:1,deny"` })
    expect((await app.inject({ method: 'GET', url: '/nowhere?q=attack' })).statusCode).toBe(403)
  })
})

describe('request bodies', () => {
  const post = (app: FastifyInstance, payload: string | Buffer | Readable, headers: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url: '/',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload,
    })

  it('are looked at whatever their type', async () => {
    const { app } = await make({ rules: `SecRule REQUEST_BODY "@contains attack" "id:1,phase:2,deny"` })
    expect((await post(app, 'x attack', { 'content-type': 'application/octet-stream' })).statusCode).toBe(403)
    expect((await post(app, 'x', { 'content-type': 'application/octet-stream' })).statusCode).toBe(200)
  })

  it('in a content coding are refused with 415', async () => {
    const { app } = await make({ rules: ATTACK })
    const answer = await post(app, gzipSync('a=attack'), { 'content-encoding': 'gzip' })
    expect([answer.statusCode, answer.json().code]).toEqual([415, 'PORTCULLIS_ENCODING_NOT_SUPPORTED'])
    expect((await post(app, 'a=b', { 'content-encoding': 'identity' })).statusCode).toBe(200)
  })

  it('over the limit are refused with 413, declared or streamed', async () => {
    const { app } = await make({ rules: ATTACK, request_body_limit: '1K' })
    expect((await post(app, `a=${'b'.repeat(1022)}`)).statusCode).toBe(200)
    const declared = await post(app, `a=${'b'.repeat(1023)}`)
    expect([declared.statusCode, declared.json().code]).toEqual([413, 'PORTCULLIS_BODY_TOO_LARGE'])
    const streamed = await post(app, Readable.from([`a=${'b'.repeat(600)}`, 'b'.repeat(600)]), {
      'transfer-encoding': 'chunked',
    })
    expect(streamed.statusCode).toBe(413)
  })

  it('over the limit are looked at in part where the configuration says so', async () => {
    const { app } = await make({ rules: ATTACK, request_body_limit: 100, body_limit_action: 'process_partial' })
    expect((await post(app, `a=attack&b=${'b'.repeat(200)}`)).statusCode).toBe(403)
    expect((await post(app, `b=${'b'.repeat(200)}&a=attack`)).statusCode).toBe(200)
  })

  it('that are malformed are refused with 400', async () => {
    const { app } = await make({ rules: ATTACK })
    const broken = await post(app, '{"a":', { 'content-type': 'application/vnd.x+json' })
    expect([broken.statusCode, broken.json().code]).toEqual([400, 'PORTCULLIS_WAF_BLOCKED'])
  })

  it('of methods that have none are looked at', async () => {
    const { app } = await make({ rules: ATTACK, request_body_limit: '64K' })
    const get = (payload: string) =>
      app.inject({
        method: 'GET',
        url: '/',
        payload,
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(payload.length) },
      })
    expect((await get('a=attack')).statusCode).toBe(403)
    expect((await get(`b=${'x'.repeat(60_000)}&a=attack`)).statusCode).toBe(403)
    expect((await get('a=fine')).statusCode).toBe(200)
    expect((await get('x'.repeat(70_000))).statusCode).toBe(413)
  })

  it('with two content types are refused', async () => {
    const { app } = await make({ rules: ATTACK })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { raw } = await rawRequest(
      app,
      'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
    )
    expect(raw).toMatch(/^HTTP\/1.1 400 .*BODY_INVALID/s)
  })

  it('that are chunked count as what they say', async () => {
    const { app } = await make({ rules: ATTACK })
    const answer = await post(app, Readable.from(['a=at', 'tack']), { 'transfer-encoding': 'chunked' })
    expect(answer.statusCode).toBe(403)
  })
})

async function rawRequest(app: FastifyInstance, bytes: string): Promise<{ raw: string }> {
  const { connect } = await import('node:net')
  const { port } = app.server.address() as { port: number }
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from(bytes, 'latin1')))
    let raw = ''
    socket.setEncoding('latin1').on('data', (chunk) => {
      raw += chunk
    })
    socket.on('close', () => resolve({ raw })).on('error', reject)
  })
}

describe('responses', () => {
  const LEAK = `SecRule RESPONSE_BODY "@contains secret" "id:1,phase:4,deny,msg:'Leak'"`
  const config: WafConfig = { rules: LEAK, inspect_responses: true, response_body_limit: 1000 }
  const text = (
    app: FastifyInstance,
    path: string,
    body: () => unknown,
    headers: Record<string, string> = {},
  ): void => {
    app.get(path, (_request, reply) => {
      reply.headers({ 'content-type': 'text/plain', 'set-cookie': 'a=b', ...headers }).send(body())
      return reply
    })
  }

  it('are refused by what is in them, in every form of body', async () => {
    const { app } = await make(config, (inner) => {
      text(inner, '/string', () => 'a secret')
      text(inner, '/buffer', () => Buffer.from('a secret'))
      text(inner, '/stream', () => Readable.from([Buffer.from('a sec'), Buffer.from('ret')]))
      text(inner, '/web', () => new Blob(['a secret']).stream())
      text(inner, '/response', () => new Response('a secret', { headers: { 'content-type': 'text/plain' } }))
      text(inner, '/gzip', () => gzipSync('a secret'), { 'content-encoding': 'gzip' })
      text(inner, '/br', () => Readable.from([brotliCompressSync('a secret')]), { 'content-encoding': 'br' })
    })
    for (const path of ['/string', '/buffer', '/stream', '/web', '/response', '/gzip', '/br']) {
      const answer = await app.inject(path)
      expect([path, answer.statusCode, answer.headers['set-cookie']]).toEqual([path, 403, undefined])
      expect(answer.body).not.toContain('secret')
      expect(answer.headers['content-encoding']).toBeUndefined()
    }
  })

  it('that pass are what they were', async () => {
    const { app } = await make(config, (inner) => {
      text(inner, '/stream', () => Readable.from([Buffer.from('one '), Buffer.from('two')]))
      text(inner, '/web', () => new Blob(['one two']).stream())
      text(
        inner,
        '/response',
        () => new Response('one two', { status: 202, headers: { 'content-type': 'text/plain' } }),
      )
      text(inner, '/gzip', () => gzipSync('one two'), { 'content-encoding': 'gzip' })
      text(inner, '/empty', () => '')
    })
    expect((await app.inject('/stream')).body).toBe('one two')
    expect((await app.inject('/web')).body).toBe('one two')
    const response = await app.inject('/response')
    expect([response.statusCode, response.body]).toEqual([202, 'one two'])
    expect((await app.inject('/gzip')).rawPayload).toEqual(gzipSync('one two'))
    expect((await app.inject('/empty')).statusCode).toBe(200)
    expect((await app.inject({ method: 'HEAD', url: '/stream' })).statusCode).toBe(200)
  })

  it('beyond the limit go on whole, looked at as far as the limit', async () => {
    const long = Array.from({ length: 50 }, (_, i) => Buffer.from(`${i}:${'x'.repeat(95)};`))
    const { app } = await make(config, (inner) => {
      text(inner, '/late', () => Readable.from([...long, Buffer.from('secret')]))
      text(inner, '/early', () => Readable.from([Buffer.from('secret'), ...long]))
    })
    const late = await app.inject('/late')
    expect([late.statusCode, late.body]).toEqual([200, `${long.join('')}secret`])
    expect((await app.inject('/early')).statusCode).toBe(403)
  })

  it('beyond the limit are refused where the configuration says so', async () => {
    const { app } = await make({ ...config, body_limit_action: 'reject' }, (inner) => {
      text(inner, '/long', () => Readable.from([Buffer.alloc(1001, 120)]))
      text(inner, '/bomb', () => gzipSync(Buffer.alloc(100_000, 120)), { 'content-encoding': 'gzip' })
    })
    for (const path of ['/long', '/bomb']) {
      const answer = await app.inject(path)
      expect([answer.statusCode, answer.json().code]).toEqual([502, 'PORTCULLIS_RESPONSE_TOO_LARGE'])
    }
  })

  it('in a coding that nobody reads are refused', async () => {
    const { app } = await make(config, (inner) => {
      text(inner, '/zstd', () => 'xxx', { 'content-encoding': 'zstd' })
      text(inner, '/liar', () => 'xxx', { 'content-encoding': 'gzip' })
    })
    expect((await app.inject('/zstd')).json().code).toBe('PORTCULLIS_RESPONSE_INVALID')
    expect((await app.inject('/liar')).statusCode).toBe(502)
  })

  it('the upstream is not offered codings that nobody reads', async () => {
    const seen: unknown[] = []
    const { app } = await make(config, (inner) => {
      inner.get('/seen', (request) => {
        seen.push(request.headers['accept-encoding'])
        return 'ok'
      })
    })
    for (const accept of ['gzip, br;q=0.5', 'zstd, gzip', 'zstd'])
      await app.inject({ url: '/seen', headers: { 'accept-encoding': accept } })
    expect(seen).toEqual(['gzip, br;q=0.5', ' gzip', 'identity'])
  })

  it('of other types are not collected', async () => {
    const stream = new PassThrough()
    const { app } = await make(config, (inner) =>
      text(inner, '/events', () => stream, { 'content-type': 'text/event-stream' }),
    )
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as { port: number }
    stream.write('data: secret\n\n')
    const answer = await fetch(`http://127.0.0.1:${port}/events`)
    const { value } = await answer.body!.getReader().read()
    expect(Buffer.from(value!).toString()).toBe('data: secret\n\n')
    stream.end()
  })

  it('that break off break off for the client too', async () => {
    const { app } = await make(config, (inner) =>
      text(inner, '/broken', () =>
        Readable.from(
          (async function* () {
            yield Buffer.from('one')
            throw Object.assign(new Error('upstream gone'), { statusCode: 502 })
          })(),
        ),
      ),
    )
    expect((await app.inject('/broken')).statusCode).toBe(502)
  })

  it('a client that goes away ends the collecting', async () => {
    let closed!: () => void
    const gone = new Promise<void>((resolve) => {
      closed = resolve
    })
    const { app } = await make(config, (inner) =>
      text(inner, '/slow', () => new Readable({ read() {} }).once('close', closed)),
    )
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as { port: number }
    const controller = new AbortController()
    const answer = fetch(`http://127.0.0.1:${port}/slow`, { signal: controller.signal }).catch(() => undefined)
    setTimeout(() => controller.abort(), 50)
    await answer
    await gone
  })

  it('are judged by their headers without inspect_responses, their bodies are not', async () => {
    const rules = `SecRule RESPONSE_HEADERS:X-Leak "@rx ." "id:2,phase:3,deny"\n${LEAK}`
    const { app } = await make({ rules, inspect_responses: false }, (inner) => {
      text(inner, '/header', () => 'x', { 'x-leak': '1' })
      text(inner, '/body', () => 'secret')
    })
    expect((await app.inject('/header')).statusCode).toBe(403)
    expect((await app.inject('/body')).statusCode).toBe(200)
  })

  it('monitored responses go on as they were, read or not', async () => {
    const { app, decisions } = await make({ ...config, mode: 'monitor' }, (inner) => {
      text(inner, '/stream', () => Readable.from([Buffer.from('a secret')]))
    })
    const answer = await app.inject('/stream')
    expect([answer.statusCode, answer.body]).toEqual([200, 'a secret'])
    expect(decisions.at(-1)).toMatchObject({ code: 'WAF_BLOCKED', mode: 'monitor' })
  })

  it('rules for logging learn the status, of refusals too', async () => {
    const rules = `SecRule RESPONSE_STATUS "@rx ^(?:403|201)$" "id:5,phase:5,pass,log,msg:'Status %{MATCHED_VAR}'"`
    const { app, decisions } = await make({ rules: `${rules}\n${ATTACK}` }, (inner) => {
      inner.get('/made', (_request, reply) => reply.code(201).send('x'))
    })
    await app.inject('/made')
    await app.inject('/?q=attack')
    expect(decisions.filter(({ code }) => code === 'RULE_5').map(({ message }) => message)).toEqual([
      'Status 201',
      'Status 403',
    ])
  })
})

describe('what goes upstream', () => {
  it('is what was looked at', async () => {
    const bodies: string[] = []
    const upstream = createServer((request, response) => {
      let body = ''
      request.setEncoding('latin1').on('data', (chunk) => {
        body += chunk
      })
      request.on('end', () => {
        bodies.push(body)
        response.end('ok')
      })
    })
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    const { port } = upstream.address() as { port: number }
    const payload = '{"n":12345678901234567890,"n":1e400, "s":"\\u0061"}'
    const { app } = await make({ rules: ATTACK }, (inner) => {
      inner.post('/pass', async (request) => {
        const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: request.portcullis!.rawBody! })
        return answer.text()
      })
    })
    await app.inject({ method: 'POST', url: '/pass', headers: { 'content-type': 'application/json' }, payload })
    upstream.close()
    expect(bodies).toEqual([payload])
  })
})
