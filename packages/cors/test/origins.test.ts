import { describe, expect, it } from 'vitest'
import { hasPath, OriginPolicy, originProblem } from '../src/origin-policy.ts'

const allows = (entries: string[], origin: string) => new OriginPolicy(entries).allows(origin)

describe('exact origins (CO-01 to CO-08)', () => {
  const list = ['https://app.example.com', 'https://admin.example.com']
  it.each([
    ['https://app.example.com', true],
    ['https://APP.example.com', true],
    ['null', false],
    ['https://app.example.com.evil.com', false],
    ['https://evilapp.example.com', false],
    ['http://app.example.com', false],
    ['https://app.example.com:8443', false],
    ['https://app.example.com/', false],
    ['https://a, https://app.example.com', false],
    ['', false],
  ])('%s: %s', (origin, expected) => expect(allows(list, origin)).toBe(expected))

  it('takes a default port in an entry for the same origin', () => {
    expect(allows(['https://a.com:443'], 'https://a.com')).toBe(true)
    expect(allows(['http://a.com:443'], 'http://a.com')).toBe(false)
  })

  it('knows null only where it is listed', () => {
    expect(allows(['null'], 'null')).toBe(true)
  })

  it('knows IPv6 literals and other schemes', () => {
    expect(allows(['http://[::1]:3000'], 'http://[::1]:3000')).toBe(true)
    expect(allows(['capacitor://localhost'], 'capacitor://localhost')).toBe(true)
  })
})

describe('a wildcard is one host label or the port (CO-23)', () => {
  it.each([
    ['https://*.example.com', 'https://a.example.com', true],
    ['https://*.example.com', 'https://A-1.example.com', true],
    ['https://*.example.com', 'https://a.b.example.com', false],
    ['https://*.example.com', 'https://example.com', false],
    ['https://*.example.com', 'https://.example.com', false],
    ['https://*.example.com', 'https://evil.com/.example.com', false],
    ['https://*.example.com', 'https://evil.com#.example.com', false],
    ['https://*.example.com', 'https://evil@.example.com', false],
    ['https://*.example.com', 'http://a.example.com', false],
    ['https://*.example.com', 'https://a.example.com:8443', false],
    ['https://*.example.com', 'https://a.example.com.evil.com', false],
    ['https://*.example.com:443', 'https://a.example.com', true],
    ['https://preview-*.example.com', 'https://preview-12.example.com', true],
    ['https://preview-*.example.com', 'https://preview-.example.com', false],
    ['https://preview-*.example.com', 'https://preview-a.b.example.com', false],
    ['https://a.*', 'https://a.evil.com', false],
    ['https://a.*', 'https://a.org', true],
    ['http://localhost:*', 'http://localhost:5173', true],
    ['http://localhost:*', 'http://localhost', false],
    ['http://localhost:*', 'http://localhost:', false],
    ['http://localhost:*', 'http://localhost:80.evil.com', false],
    ['http://localhost:*', 'http://localhost.evil.com:80', false],
    ['http://[::1]:*', 'http://[::1]:3000', true],
    ['http://[::1]:*', 'http://[::2]:3000', false],
  ])('%s, %s: %s', (entry, origin, expected) => {
    expect(originProblem(entry)).toBeUndefined()
    expect(allows([entry], origin)).toBe(expected)
  })

  it('is linear and bounded in what it reads', () => {
    const policy = new OriginPolicy(['https://*.example.com'])
    const start = process.hrtime.bigint()
    expect(policy.allows(`https://${'a.'.repeat(500_000)}example.com`)).toBe(false)
    expect(Number(process.hrtime.bigint() - start) / 1e6).toBeLessThan(50)
  })
})

it.each(['https://a.com/', 'https://a.com/app', 'https://*.a.com/'])('%s matches nothing', (entry) => {
  expect(originProblem(entry)).toBeUndefined()
  expect(hasPath(entry)).toBe(true)
  expect(allows([entry], 'https://a.com')).toBe(false)
  expect(allows([entry], 'https://a.com/')).toBe(false)
})

describe('entries that cannot be meant', () => {
  it.each([
    ['example.com', /has a scheme/],
    ['*://a.com', /expected scheme/],
    ['https://*a*.com', /at most one/],
    ['https://a..com', /empty label/],
    ['https://user@a.com', /expected scheme/],
    ['https://a.com:x', /expected scheme/],
    ['/example\\.com/', /has a scheme/],
  ])('%s', (entry, message) => expect(originProblem(entry)).toMatch(message))
})
