import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import plugin, { type HttpSecureConfig } from '../src/index.ts'
import { HttpsRedirect } from '../src/redirect.ts'

let app: FastifyInstance
afterEach(() => app?.close())

async function ask(
  config: HttpSecureConfig,
  request: { method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'; url?: string; headers?: Record<string, string> },
  trustProxy: boolean | string[] = false,
) {
  app = Fastify({ trustProxy })
  await app.register(plugin, { ssl_redirect: true, ...config })
  app.all('/*', () => 'reached')
  const { method = 'GET', url = '/public/x?a=1', headers = { host: 'gw.test' } } = request
  return app.inject({ method, url, headers })
}

describe('status and target', () => {
  it.each([
    ['GET', false, 301],
    ['HEAD', false, 301],
    ['POST', false, 308],
    ['DELETE', false, 308],
    ['GET', true, 302],
    ['HEAD', true, 302],
    ['POST', true, 307],
    ['PUT', true, 307],
  ] as const)('%s, temporary %s: %i (HO-21)', async (method, temporary, status) => {
    const response = await ask({ allowed_hosts: ['gw.test'], ssl_temporary_redirect: temporary }, { method })
    expect(response.statusCode).toBe(status)
    expect(response.headers.location).toBe('https://gw.test/public/x?a=1')
    expect(response.body).toBe('')
  })

  it.each([
    [{ allowed_hosts: ['gw.test'], ssl_port: '8443' }, 'gw.test', 'https://gw.test:8443'],
    [{ allowed_hosts: ['gw.test'], ssl_port: 443 }, 'gw.test', 'https://gw.test'],
    [{ allowed_hosts: ['gw.test:8080'], ssl_port: 8443 }, 'gw.test:8080', 'https://gw.test:8443'],
    [{ allowed_hosts: ['gw.test:8080'], ssl_port: 443 }, 'gw.test:8080', 'https://gw.test'],
    [{ allowed_hosts: ['gw.test:8080'] }, 'gw.test:8080', 'https://gw.test:8080'],
    [{ allowed_hosts: ['gw.test:80'] }, 'gw.test:80', 'https://gw.test'],
    [{ allowed_hosts: ['gw.test:443'] }, 'gw.test:443', 'https://gw.test'],
    [{ ssl_host: 'Secure.test' }, 'any.test', 'https://secure.test'],
    [{ ssl_host: 'secure.test', ssl_port: '8443' }, 'any.test:80', 'https://secure.test:8443'],
    [{ ssl_host: 'secure.test:9443', ssl_port: '8443' }, 'any.test', 'https://secure.test:9443'],
    [{ ssl_host: '[::1]', ssl_port: '8443' }, 'any.test', 'https://[::1]:8443'],
    [{ allowed_hosts: ['[a-z]+\\.gw\\.test'], allowed_hosts_are_regex: true }, 'x.gw.test', 'https://x.gw.test'],
  ])('%j, %s: %s', async (config, host, expected) => {
    const response = await ask(config, { headers: { host } })
    expect(response.headers.location).toBe(`${expected}/public/x?a=1`)
  })

  it('keeps path and query as they arrived (HO-19)', () => {
    const redirect = new HttpsRedirect({ ssl_host: 'gw.test' })
    const location = (target: string) => redirect.refusal('GET', '', target).headers?.location
    expect(location('//evil.example/%2e%2e')).toBe('https://gw.test//evil.example/%2e%2e')
    expect(location('/a%20b?c=%0d%0a')).toBe('https://gw.test/a%20b?c=%0d%0a')
    expect(location('/\u00e9\\')).toBe('https://gw.test/%E9\\')
    expect(location('/a\r\nSet-Cookie: x')).toBe('https://gw.test/a%0D%0ASet-Cookie:%20x')
    expect(location('http://gw.test/x?y')).toBe('https://gw.test/x?y')
    expect(location('http://gw.test?y')).toBe('https://gw.test/?y')
    expect(location('*')).toBe('https://gw.test/')
  })
})

describe('never an open redirect', () => {
  it.each([
    ['HO-16, nothing configured', {}, { host: 'evil.example' }, 421],
    ['a host that is not allowed', { allowed_hosts: ['gw.test'] }, { host: 'evil.example' }, 421],
    ['a host that is none', { ssl_host: 'gw.test' }, { host: 'evil.example/x' }, 400],
  ])('%s', async (_name, config, headers, status) => {
    const response = await ask(config, { headers })
    expect(response.statusCode).toBe(status)
    expect(response.headers.location).toBeUndefined()
  })

  it('HO-20: a forwarded host does not choose the target', async () => {
    const headers = { host: 'gw.test', 'x-forwarded-host': 'evil.example' }
    const trusted = await ask({ allowed_hosts: ['gw.test'] }, { headers }, true)
    expect(trusted.headers.location).toBe('https://gw.test/public/x?a=1')
    await app.close()
    const listed = await ask(
      { allowed_hosts: ['gw.test'], host_proxy_headers: ['X-Forwarded-Host'] },
      { headers },
      true,
    )
    expect(listed.statusCode).toBe(421)
    expect(listed.headers.location).toBeUndefined()
  })
})

describe('who may say that it is HTTPS already', () => {
  const config = {
    allowed_hosts: ['gw.test'],
    ssl_proxy_headers: { 'X-Forwarded-Proto': 'https', 'Front-End-Https': 'on' },
  }
  const asked = (value: string, name = 'x-forwarded-proto') => ({ headers: { host: 'gw.test', [name]: value } })

  it.each([
    ['a trusted proxy', asked('https'), true, 200],
    ['a trusted proxy, by another header', asked('on', 'front-end-https'), true, 200],
    ['HO-17: anybody, without trustProxy', asked('https'), false, 301],
    ['HO-18: a peer that is no listed proxy', asked('https'), ['10.0.0.0/8'], 301],
    ['a trusted proxy with another value', asked('https,http'), true, 301],
    ['a trusted proxy in upper case', asked('HTTPS'), true, 301],
  ] as const)('%s', async (_name, request, trust, status) => {
    const response = await ask(config, request, typeof trust === 'boolean' ? trust : [...trust])
    expect(response.statusCode).toBe(status)
  })

  it('takes no header that is not listed', async () => {
    const response = await ask({ allowed_hosts: ['gw.test'] }, asked('https'), true)
    expect(response.statusCode).toBe(301)
  })
})

it('redirects nothing in development', async () => {
  const response = await ask({ is_development: true, allowed_hosts: ['gw.test'] }, { headers: { host: 'other.test' } })
  expect(response.body).toBe('reached')
})

it('carries the security headers, but no Strict-Transport-Security', async () => {
  const response = await ask({ ssl_host: 'gw.test', frame_deny: true, sts_seconds: 60 }, {})
  expect(response.headers['x-frame-options']).toBe('DENY')
  expect(response.headers['strict-transport-security']).toBeUndefined()
})
