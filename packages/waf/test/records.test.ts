/** What is recorded of matches, and that no secret is in it. */
import { type Decision, enginesOf, handleFrameworkError, type RequestState } from '@portcullis/core'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import waf, { type WafConfig } from '../src/index.ts'
import { Redaction } from '../src/redaction.ts'
import { fired, makeApp } from './app.ts'

const open: FastifyInstance[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()))
})

async function make(config: WafConfig) {
  const made = await makeApp(config)
  open.push(made.app)
  return made
}

describe('a matched rule', () => {
  it('is recorded with everything that explains it', async () => {
    const { app, decisions } = await make({
      rules: `SecRule ARGS "@contains attack" "id:7,phase:2,pass,msg:'Seen',tag:'a/b',severity:CRITICAL"`,
    })
    await app.inject(`/?q=an%20attack%01${'x'.repeat(300)}`)
    expect(decisions).toEqual([
      {
        component: 'waf',
        code: 'RULE_7',
        mode: 'record',
        message: 'Seen',
        detail: {
          rule_id: 7,
          phase: 2,
          message: 'Seen',
          tags: ['a/b'],
          severity: 'CRITICAL',
          variable: 'ARGS:q',
          value: `an attack\\x01${'x'.repeat(110)}…`,
        },
      },
    ])
  })

  it('with nolog is not', async () => {
    const { app, decisions } = await make({ rules: 'SecRule ARGS "@rx ." "id:7,phase:2,pass,nolog"' })
    await app.inject('/?q=1')
    expect(decisions).toEqual([])
  })

  it('of a rule set that scores has its points, the refusal their sum', async () => {
    const { app, decisions } = await make({ crs: 'embedded' })
    await app.inject('/?q=%3Cscript%3Ealert(1)%3C/script%3E&f=../../etc/passwd')
    const refusal = decisions.find(({ code }) => code === 'WAF_BLOCKED')
    expect(refusal).toMatchObject({ mode: 'enforce', status: 403 })
    expect(refusal!.detail!['score']).toBeGreaterThanOrEqual(10)
    expect(refusal!.detail!['rule_id']).toBe(160900)
  })
})

describe('secrets', () => {
  const SECRETS = {
    authorization: 'Bearer s3cr3t-header',
    cookie: 'sid=s3cr3t-cookie',
    'x-api-key': 's3cr3t-key',
  }
  const ALL = [
    `SecRule ARGS|REQUEST_HEADERS|REQUEST_COOKIES|REQUEST_URI|QUERY_STRING|REQUEST_LINE|REQUEST_BODY "@contains s3cr3t" \\
       "id:1,phase:2,pass,log,msg:'Found %{MATCHED_VAR}',logdata:'%{MATCHED_VAR} found within %{MATCHED_VAR_NAME}'"`,
    ...[
      'ARGS',
      'REQUEST_HEADERS',
      'REQUEST_COOKIES',
      'REQUEST_URI',
      'QUERY_STRING',
      'REQUEST_LINE',
      'REQUEST_BODY',
    ].map(
      (name, i) =>
        `SecRule ${name} "@contains s3cr3t" "id:${i + 2},phase:2,pass,log,capture,msg:'Found %{MATCHED_VAR}',logdata:'%{TX.0} found within %{MATCHED_VAR_NAME}: %{MATCHED_VAR}'"`,
    ),
    `SecRule REQUEST_COOKIES "@rx (s3cr3t.*)" "id:20,phase:2,pass,log,capture,chain,msg:'Chained %{TX.1}'"`,
    `SecRule TX:1 "@rx ." "t:none"`,
    `SecRule RESPONSE_STATUS "@rx ." "id:21,phase:5,pass,log,auditlog"`,
  ].join('\n')

  it('are in no record and in no audit entry', async () => {
    const { app, decisions, facts } = await make({ rules: ALL, audit: 'ABCFHIZ', redact: ['pin'] })
    await app.inject({
      method: 'POST',
      url: '/?access_token=s3cr3t-query&x=1',
      headers: { ...SECRETS, 'content-type': 'application/x-www-form-urlencoded' },
      payload: 'password=s3cr3t-form&user.PIN=s3cr3t-pin',
    })
    await app.inject({ method: 'POST', url: '/', payload: { login: { password: 's3cr3t-json' } } })
    expect(fired(decisions)).toEqual(expect.arrayContaining([1, 2, 3, 4, 5, 6, 7, 8, 20]))
    expect(facts.filter((fact) => fact['waf_audit'] !== undefined)).toHaveLength(2)
    expect(JSON.stringify(decisions)).not.toContain('s3cr3t')
    expect(JSON.stringify(facts)).not.toContain('s3cr3t')
  })

  it('are known by name, in any spelling and depth', () => {
    const redaction = new Redaction(['Tax-Number'])
    for (const name of ['password', 'json.user.Password', 'X-Api-Key', 'api_key', 'user[token]', 'taxNumber'])
      expect([name, redaction.isSecret(name)]).toEqual([name, true])
    for (const name of ['q', 'page', 'passage', 'tokens_used'])
      expect([name, redaction.isSecret(name)]).toEqual([name, false])
  })

  it('values are shown where they are none', () => {
    const redaction = new Redaction()
    expect(redaction.shown('ARGS:q', 'value')).toBe('value')
    expect(redaction.shown('REQUEST_COOKIES:sid', 'value')).toBe('[redacted]')
    expect(redaction.shown('REQUEST_BODY', 'value')).toBe('[redacted]')
    expect(redaction.shown('TX:anomaly_score', '15')).toBe('15')
    expect(redaction.shown('TX:1', 'captured')).toBe('[redacted]')
    expect(redaction.shown('REQUEST_URI', '/a?token=x&b=2')).toBe('/a?token=[redacted]&b=2')
    expect(redaction.shown('REQUEST_HEADERS:Referer', 'http://a/?token=x')).toBe('http://a/?token=[redacted]')
  })
})

describe('audit entries', () => {
  it('are made on request, in ModSecurity’s form', async () => {
    const rules = `SecRule ARGS:q "@streq x" "id:7,phase:2,deny,log,auditlog,msg:'X',logdata:'q=%{MATCHED_VAR}'"`
    const { app, facts } = await make({ rules, audit: true })
    await app.inject('/?q=x')
    await app.inject('/?q=fine')
    expect(facts).toHaveLength(1)
    expect(facts[0]!['waf_audit']).toMatchObject({
      transaction: {
        request: { method: 'GET', uri: '/?q=x', headers: { host: 'localhost:80' } },
        response: { http_code: 403 },
        messages: [{ message: 'X', details: { ruleId: '7', data: 'q=x', file: 'rules', lineNumber: '1' } }],
      },
    })
  })

  it('are not larger than what they tell of, whatever is sent', async () => {
    const rules = Array.from(
      { length: 150 },
      (_, i) =>
        `SecRule ARGS:q "@rx ." "id:${i + 10},phase:2,pass,log,auditlog,logdata:'%{MATCHED_VAR} in %{MATCHED_VAR_NAME}'"`,
    )
    rules.push(`SecRule RESPONSE_STATUS "@rx ." "id:7,phase:5,pass,log,auditlog"`)
    const { app, facts } = await make({ rules, audit: 'ABCHZ' })
    const secret = 's3cr3t'.repeat(10)
    const send = (payload: string) =>
      app.inject({
        method: 'POST',
        url: '/',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'x-long': 'y'.repeat(5000),
          cookie: `sid=${secret}`,
        },
        payload,
      })
    // The secret stands across the place where the text is cut.
    await send(`q=${'a'.repeat(480)}${secret}${'b'.repeat(100_000)}`)
    expect(JSON.stringify(facts[0]).length).toBeLessThan(120_000)
    const { transaction } = facts[0]!['waf_audit'] as {
      transaction: {
        request: { body: string; headers: Record<string, string> }
        messages: { details: { data: string } }[]
      }
    }
    expect(JSON.stringify(transaction.messages)).not.toContain('s3c')
    expect(transaction.messages).toHaveLength(100)
    expect(transaction.messages[0]!.details.data).toMatch(/^a{480}\.\.\.\(\+\d+\)$/)
    expect(transaction.request.body).toMatch(/\.\.\.\(\+\d+\)$/)
    expect(transaction.request.headers['x-long']).toMatch(/^y{1024}\.\.\.\(\+3976\)$/)
  })

  it('do not take long to make, however many secrets are sent', async () => {
    const rules = `SecRule ARGS:q "@rx ." "id:7,phase:2,deny,log,auditlog,logdata:'%{MATCHED_VAR}'"`
    const { app, facts } = await make({ rules, audit: 'ABCHZ' })
    const secrets = Array.from({ length: 900 }, (_, i) => `password=secret${i}`).join('&')
    const cpu = process.cpuUsage()
    await app.inject({
      method: 'POST',
      url: '/',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: `${secrets}&q=${'z'.repeat(900_000)}`,
    })
    expect(process.cpuUsage(cpu).user / 1000).toBeLessThan(1500)
    expect(JSON.stringify(facts[0])).not.toMatch(/secret\d/)
  })

  it('have the parts that are asked for', async () => {
    const rules = `SecRule ARGS:q "@streq x" "id:7,phase:2,deny,log,auditlog"`
    const { app, facts } = await make({ rules, audit: 'AZ' })
    await app.inject('/?q=x')
    const { transaction } = facts[0]!['waf_audit'] as { transaction: Record<string, unknown> }
    expect(transaction['messages']).toBeUndefined()
    expect(transaction['request']).not.toHaveProperty('headers')
  })
})

describe('what is told at start', () => {
  async function warnings(config: WafConfig): Promise<Record<string, unknown>[]> {
    const lines: string[] = []
    const app = Fastify({ logger: { level: 'warn', stream: { write: (line: string) => void lines.push(line) } } })
    open.push(app as unknown as FastifyInstance)
    await app.register(waf, config)
    await app.ready()
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  it('directives that have no effect here, once', async () => {
    const rules = 'SecAuditLog /var/log/a.log\nSecAuditLogType Serial\nSecAuditLog /var/log/b.log\nSecTmpDir /tmp'
    expect(await warnings({ rules })).toMatchObject([
      { directives: ['SecAuditLog', 'SecAuditLogType'], msg: expect.stringContaining('telemetry/audit-log') },
    ])
  })

  it('exclusions that no rule answers to, with the nearest tag', async () => {
    const rules = `SecAction "id:1,phase:1,pass,tag:'attack-sqli'"`
    expect(await warnings({ rules, exclude_rules: ['attack-sqly', 99] })).toMatchObject([
      { entry: 'attack-sqly', msg: 'exclude_rules names no rule of the rule set; did you mean "attack-sqli"?' },
      { entry: 99, msg: 'exclude_rules names no rule of the rule set' },
    ])
  })
})

it('ENV holds the variables of the process, which no record shows', async () => {
  process.env['WAF_TEST_STAGE'] = 'drill-s3cr3t'
  try {
    const { app, decisions } = await make({
      rules: `SecRule ENV:WAF_TEST_STAGE "@beginsWith drill" "id:7,phase:1,deny"`,
    })
    expect((await app.inject('/')).statusCode).toBe(403)
    expect(decisions[0]!.detail).toMatchObject({ variable: 'ENV:WAF_TEST_STAGE', value: '[redacted]' })
  } finally {
    delete process.env['WAF_TEST_STAGE']
  }
})

describe('what never becomes a request', () => {
  it('is judged for the record when the parser refuses it', async () => {
    const { app } = await make({ rules: `SecRule REQUEST_METHOD "@streq BREW" "id:7,phase:1,deny,msg:'Coffee'"` })
    const tell = (packet: string): Decision[] => {
      const decisions: Decision[] = []
      const refusal = { status: 400, code: 'HPE_INVALID_METHOD', remoteAddress: '192.0.2.1', remotePort: 1, tls: false }
      enginesOf(app)[0]!.judgeParserRefusal({ ...refusal, packet: Buffer.from(packet, 'latin1'), decisions })
      return decisions
    }
    expect(tell('BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n').map(({ code, mode }) => `${code} ${mode}`)).toEqual([
      'RULE_7 record',
      'WAF_BLOCKED monitor',
    ])
    const noRequests = ['', 'BREW', '\x16\x03\x01\x00', '\r\n\r\n', 'BREW \r\n', `${'x'.repeat(70_000)} /`]
    expect(noRequests.flatMap(tell)).toEqual([])
  })

  it('is judged for the record when the router refuses it', async () => {
    const app = Fastify({ frameworkErrors: handleFrameworkError as never })
    open.push(app)
    await app.register(waf, { rules: `SecRule REQUEST_URI_RAW "@contains attack" "id:7,phase:1,deny"` })
    const states: RequestState[] = []
    const engine = enginesOf(app)[0]!
    const finish = engine.finishWithoutHooks.bind(engine)
    engine.finishWithoutHooks = (request, reply, body, state) => {
      finish(request, reply, body, state)
      states.push(state)
    }
    app.get('/*', () => 'ok')
    expect((await app.inject('/attack%FF')).statusCode).toBe(400)
    expect(fired(states[0]!.decisions)).toEqual([7])
  })
})
