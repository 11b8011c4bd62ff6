import { describe, expect, it } from 'vitest'
import { fromKrakend } from '../src/index.ts'

const block = (filter: object, name: unknown = ['ip-filter']) => ({ name, 'ip-filter': filter })

describe('KrakenD’s ip-filter plugin', () => {
  it('becomes an allow list or a deny list', () => {
    expect(fromKrakend(block({ CIDR: ['10.0.0.0/8'], allow: true }))).toEqual({
      config: { allow: ['10.0.0.0/8'] },
      trustedProxies: [],
      issues: [],
    })
    expect(fromKrakend(block({ CIDR: ['10.0.0.42'], allow: false })).config).toEqual({ deny: ['10.0.0.42'] })
    expect(fromKrakend(block({ CIDR: ['10.0.0.42'], '@comment': 'x' })).config).toEqual({ deny: ['10.0.0.42'] })
  })

  it('is left as it is when it has our own fields', () => {
    for (const filter of [{ allow: ['10.0.0.0/8'] }, { deny: ['10.0.0.42'], status: 404 }, { deny_file: 'bad.txt' }]) {
      expect(fromKrakend(block(filter))).toEqual({ config: filter, trustedProxies: [], issues: [] })
    }
  })

  it('hands trusted proxies on, and accepts the one header that is read', () => {
    const translated = fromKrakend(
      block({ CIDR: ['1.2.3.4'], trusted_proxies: ['10.0.0.0/8'], client_ip_headers: ['X-Forwarded-For'] }),
    )
    expect(translated).toEqual({ config: { deny: ['1.2.3.4'] }, trustedProxies: ['10.0.0.0/8'], issues: [] })
  })

  it('refuses a header that would not be read: the filter would look at the wrong address', () => {
    const { config, issues } = fromKrakend(
      block({ CIDR: ['1.2.3.4'], client_ip_headers: ['X-Forwarded-For', 'X-Real-IP'] }),
    )
    expect(config).toBeUndefined()
    expect(issues).toEqual([
      {
        place: '["ip-filter"].client_ip_headers[1]',
        message: 'the client address is taken from X-Forwarded-For of "trusted_proxies" only, not from "X-Real-IP"',
      },
    ])
  })

  it('names what does not run', () => {
    const { issues } = fromKrakend({ name: ['geoip', 'ip-filter'], 'ip-filter': { CIDR: ['1.2.3.4'] }, geoip: {} })
    expect(issues).toEqual([
      { place: '.name[0]', message: '"geoip" is a KrakenD plugin that Portcullis does not run' },
      { place: '["geoip"]', message: 'unknown field' },
    ])
  })

  it.each([
    ['not an object', null, 'expected an object with the fields "name" and "ip-filter"'],
    ['no name', { 'ip-filter': { CIDR: [] } }, 'expected a list of plugin names'],
    ['a name without its block', { name: ['ip-filter'] }, 'field "ip-filter" is missing'],
    [
      'a block without its name',
      block({ CIDR: [] }, []),
      '"ip-filter" is not among the names: the filter would be off',
    ],
    ['a block that is no object', block([]), 'expected an object'],
    ['no CIDR', block({}), 'expected a list of addresses and CIDR ranges'],
    ['allow as text', block({ CIDR: [], allow: 'true' }), 'expected true or false'],
    ['a misspelt field', block({ CIDR: [], alow: true }), 'unknown field; did you mean "allow"?'],
    [
      'proxies as text',
      block({ CIDR: [], trusted_proxies: '10.0.0.0/8' }),
      'expected a list of addresses and CIDR ranges',
    ],
    ['headers as text', block({ CIDR: [], client_ip_headers: 'X' }), 'expected a list of header names'],
  ])('refuses %s', (_what, value, message) => {
    const { config, issues } = fromKrakend(value)
    expect(config).toBeUndefined()
    expect(issues.map((issue) => issue.message)).toContain(message)
  })
})
