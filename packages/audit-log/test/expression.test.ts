import { describe, expect, it } from 'vitest'
import { checkAuditLog } from '../src/check.ts'
import { expressionMistake } from '../src/expression.ts'

describe('expressions that are refused', () => {
  it.each([
    ['ngx.var.remote_addr', 'Lua is not run here: write "client.ip"'],
    ['return ngx.var.request_method', 'write "request.method"'],
    ['ngx.var.request_uri', 'write "request.path"'],
    ['ngx.var.status', 'write "response.status"'],
    ['ngx.var.upstream_response_time', 'write "latency.upstream"'],
    ['ngx.var.http_x_user_id', 'write "identity.subject"'],
    ['ngx.var.http_user_agent', 'write "request.headers.user-agent"'],
    ['ngx.var.arg_page', 'write "request.query.page"'],
    ['ngx.var["cookie_lang"]', 'write "request.cookies.lang"'],
    ['return kong.request.get_method()', 'write "request.method"'],
    ['return kong.request.get_header("X-Tenant")', 'write "request.headers.x-tenant"'],
    ['local x = 1 return x', 'write a path such as "client.ip"'],
    ['client.ipp', 'the record has no "client.ipp"; did you mean "client.ip"?'],
    ['clinet.ip', 'did you mean "client.ip"?'],
    ['production-eu-west', `a constant text stands in single quotes: "'production-eu-west'"`],
    ['from ${client.adress}', 'the record has no "client.adress"'],
    ['from ${client.ip', 'the record has no'],
    ['claims.', 'the record has no "claims."'],
    ['constructor', 'the record has no "constructor"'],
  ])('%s', (expression, message) => {
    if (expression === 'from ${client.ip') return expect(expressionMistake('from ${client.ip and')).toContain(message)
    expect(expressionMistake(expression)).toContain(message)
  })
})

it.each([
  "'production'",
  'claims.https://example.com/tenant',
  '${client.ip} as ${claims.sub}',
  'facts.cache',
  'endpoint',
])('takes %s', (expression) => {
  expect(expressionMistake(expression)).toBeUndefined()
})

it('finds every mistake of a block, each with its place', () => {
  const issues = checkAuditLog(
    {
      path: 'missing/folder/audit.log',
      custom_fields: { client_ip: 'ngx.var.remote_addr', request: 'client.ip', 'odd name': 'client.op' },
      rotate: { keep: 3 },
      skip_paths: ['ping', '/a*b'],
      http: { url: 'https://user:pass@collector', ca_certs: 'missing.pem' },
      syslog: { host: 'log', ca_certs: 'package.json' },
    },
    { baseDir: new URL('..', import.meta.url).pathname },
  )
  expect(issues.map(({ place }) => place)).toEqual([
    '.custom_fields.client_ip',
    '.custom_fields.request',
    '.custom_fields["odd name"]',
    '.path',
    '.rotate',
    '.http.ca_certs',
    '.syslog.ca_certs',
    '.http.url',
    '.skip_paths[0]',
    '.skip_paths[1]',
  ])
  expect(JSON.stringify(issues)).not.toContain('pass@')
})

it('finds wrong rotations and folders where a file should be', () => {
  const check = (config: object) => checkAuditLog(config, { baseDir: '/' }).map(({ place }) => place)
  expect(check({ path: 'stdout', rotate: { size: 1 } })).toEqual(['.rotate'])
  expect(check({ path: '/tmp/a', rotate: { size: 0, interval: '10ms' } })).toEqual(['.rotate.size', '.rotate.interval'])
  expect(check({ path: '/tmp' })).toEqual(['.path'])
  expect(check({ path: '/nowhere/a', on_failure: 'drop' })).toEqual([])
})
