import { describe, expect, it } from 'vitest'
import { bodyText } from '../src/bodies.ts'
import { jsonText, quote } from '../src/json-text.ts'
import { credentialNames, Redaction } from '../src/redaction.ts'

const redaction = new Redaction({ query: ['tenant'], body: ['birthday'], headers: ['X-Internal'], cookies: ['seen'] })

describe('queries', () => {
  it.each([
    ['a=1&access_token=abc&b=2', 'a=1&access_token=[redacted]&b=2'],
    ['api_key=K', 'api_key=[redacted]'],
    ['%61pikey=K&x', '%61pikey=[redacted]&x'],
    ['Tenant=7', 'Tenant=[redacted]'],
    ['code=1&state=2', 'code=[redacted]&state=2'],
    ['zipcode=1&sort=key', 'zipcode=1&sort=key'],
    ['%E0%A4%A=1&&=', '%E0%A4%A=1&&='],
    ['', ''],
  ])('%s', (text, expected) => {
    expect(redaction.query(text)).toBe(expected)
  })

  it('hides what a component hides, and the user part of a URL', () => {
    expect(redaction.query('k=1&l=2', new Set(['k']))).toBe('k=[redacted]&l=2')
    expect(redaction.url('https://u:p@host/x?token=1#token=2')).toBe('https://[redacted]@host/x?token=[redacted]')
    expect(redaction.header('referer', 'https://a/?password=x')).toBe('https://a/?password=[redacted]')
    expect(redaction.header('cookie', 'a=1')).toBe('[redacted]')
    expect(redaction.header('x-internal', 'a')).toBe('[redacted]')
  })
})

it('learns the names that other blocks read credentials from', () => {
  expect(credentialNames({ identifier: 'X-Pass', uri_param_names: ['jot', 3], cookie_key: 'c' })).toEqual([
    'X-Pass',
    'c',
    'jot',
  ])
  const learnt = new Redaction()
  learnt.addCredential('X-Pass')
  expect(learnt.hidesHeader('x-pass') && learnt.hidesQuery('x-pass') && learnt.hidesCookie('X-Pass')).toBe(true)
})

describe('bodies', () => {
  const options = { limit: 200, redaction }
  it.each([
    [
      '{"user":"a","password":"b","deep":[{"birthday":"c","apiKey":1}]}',
      'application/json',
      '{"user":"a","password":"[redacted]","deep":[{"birthday":"[redacted]","apiKey":"[redacted]"}]}',
    ],
    ['user=a&password=b', 'application/x-www-form-urlencoded', 'user=a&password=[redacted]'],
    ['{"password":"b"', 'application/json', '[broken JSON: 15 bytes]'],
    ['password: b', 'text/plain', '[text/plain: 11 bytes]'],
    ['x'.repeat(201), 'application/json', '[application/json: 201 bytes]'],
    ['{}', undefined, '[no type: 2 bytes]'],
  ])('%s', (body, type, expected) => {
    expect(JSON.parse(bodyText(body, type, options)!)).toBe(expected)
  })
})

describe('texts', () => {
  it('are printable ASCII and come back as they were', () => {
    const odd = '\u0000\u001b[31m\u007f\u0085\u009b\u00a0\u00e9\u2028\u2029\u202e\u2066\ufeff"\\\n\r\t\u{1f600}'
    for (const text of [quote(odd), jsonText({ odd }), jsonText({ [odd]: 1 })]) expect(text).toMatch(/^[ -~]*$/)
    expect(JSON.parse(quote(odd))).toBe(odd)
    expect(JSON.parse(jsonText({ odd }))).toEqual({ odd })
  })

  it('have a limit, and no lone surrogates', () => {
    expect(JSON.parse(quote('a'.repeat(2000), 10))).toBe(`${'a'.repeat(10)}...(+1990)`)
    expect(JSON.parse(quote('a\ud800b\udc00'))).toBe('a\ufffdb\ufffd')
    expect(JSON.parse(jsonText(['a\ud800b']))).toEqual(['a\ufffdb'])
    expect(jsonText('x'.repeat(100), 50)).toBe('"[too long: 102]"')
    const cycle: { self?: object } = {}
    cycle.self = cycle
    expect(jsonText(cycle)).toBe('"[unserialisable]"')
    expect(jsonText(1n)).toBe('"[unserialisable]"')
  })
})
