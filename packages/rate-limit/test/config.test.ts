import { type Component, ComponentIndex, type Level, readBlocks } from '@portcullis/core'
import Fastify from 'fastify'
import { describe, expect, it } from 'vitest'
import rateLimit, { backendRateLimit, routerRateLimit, serviceRateLimit } from '../src/index.ts'

const components = [serviceRateLimit, routerRateLimit, backendRateLimit] as unknown as Component[]

function issuesOf(config: object, namespace = 'qos/ratelimit/service', level: Level = 'service'): string[] {
  const { issues } = readBlocks({ [namespace]: config }, new ComponentIndex(components), {
    level,
    place: '',
    baseDir: '.',
  })
  return issues.map(({ place, message }) => `${place.replace(`["${namespace}"]`, '')} ${message}`)
}

describe('mistakes are found at start (R17, RL-24)', () => {
  it.each([
    [{}, /limits nothing/],
    [{ second: null }, /limits nothing/],
    [{ max_rate: 0 }, /limits nothing/],
    [{ second: 20, hour: 10 }, /^\.hour is less than the 20 of "second"/],
    [{ minute: 0 }, /^\.minute expected a number >= 1/],
    [{ minute: -1 }, /^\.minute/],
    [{ minute: 1.5 }, /^\.minute expected a whole number or null/],
    [{ minute: 1e12 }, /^\.minute expected a number <= 1000000000/],
    [{ minute: '10' }, /^\.minute expected a whole number or null, got "10"/],
    [{ minute: 1, limit_by: 'header' }, /"header" needs the field "key"/],
    [{ minute: 1, limit_by: 'claim' }, /"claim" needs the field "key"/],
    [{ client_max_rate: 1, strategy: 'param' }, /"param" needs the field "key"/],
    [{ client_max_rate: 1, strategy: 'ip', key: 'X-Real-IP' }, /^\.key a header cannot name the client’s address/],
    [{ minute: 1, limit_by: 'consumer', key: 'x' }, /^\.key is for/],
    [{ max_rate: 1, limit_by: 'consumer' }, /^\.limit_by is for the windows/],
    [{ minute: 1, strategy: 'header', key: 'x' }, /^\.strategy is for "client_max_rate"/],
    [{ minute: 1, capacity: 2 }, /^\.capacity needs "max_rate"/],
    [{ max_rate: 1, client_capacity: 2 }, /^\.client_capacity needs/],
    [{ max_rate: 1, every: '0s' }, /^\.every must be longer than nothing/],
    [{ max_rate: 1, every: 'soon' }, /^\.every expected a duration/],
    [{ minute: 1, ipv6_prefix: 129 }, /^\.ipv6_prefix/],
    [{ minute: 1, error_code: 200 }, /^\.error_code/],
    [{ minute: 1, policy: 'reddis' }, /^\.policy .*did you mean "redis"/],
    [{ minute: 1, policy: 'redis', redis: {} }, /^\.redis one of the fields "url", "host" and "sentinels" is missing/],
    [{ minutes: 1, hour: 1 }, /^\.minutes unknown field; did you mean "minute"/],
  ])('%j', (config, expected) => {
    expect(issuesOf(config).join('\n')).toMatch(expected)
  })

  it('never repeats a URL with a password', () => {
    const [issue] = issuesOf({ minute: 1, policy: 'redis', redis: { url: 'http://:hunter2@redis' } })
    expect(issue).toBe('.redis.url expected a URL such as "redis://host:6379/0"')
  })

  it('says which Redis is missing', async () => {
    const app = Fastify()
    await expect(app.register(rateLimit, { minute: 1, policy: 'redis' }).then(() => undefined)).rejects.toThrow(
      /needs a redis connection/,
    )
  })
})

describe('what is read', () => {
  it.each([
    {
      second: null,
      minute: 1000,
      hour: 50_000,
      policy: 'local',
      fault_tolerant: true,
      hide_client_headers: false,
      redis: { host: 'redis.internal', port: 6379 },
    },
    {
      max_rate: 10,
      capacity: 10,
      every: '1m',
      client_max_rate: 1,
      strategy: 'IP'.toLowerCase(),
      num_shards: 2048,
      cleanup_period: '60s',
      cleanup_threads: 1,
    },
    { minute: 5, limit_by: 'header', header_name: 'x-key' },
    { minute: 5, limit_by: 'path', path: '/a' },
  ])('%j', (config) => {
    expect(issuesOf(config)).toEqual([])
  })

  it('old names and old fields of KrakenD', () => {
    const old = { maxRate: 10, clientMaxRate: 1, strategy: 'ip' }
    expect(issuesOf(old, 'github.com/devopsfaith/krakend-ratelimit/juju/router', 'endpoint')).toEqual([])
    expect(
      issuesOf({ maxRate: 10, capacity: 3 }, 'github.com/devopsfaith/krakend-ratelimit/juju/proxy', 'backend'),
    ).toEqual([])
  })

  it('not at the wrong level', () => {
    expect(issuesOf({ minute: 1 }, 'qos/ratelimit/service', 'endpoint').join()).toMatch(/belongs to the service/)
    expect(issuesOf({ max_rate: 1 }, 'qos/ratelimit/proxy', 'endpoint').join()).toMatch(/belongs to a backend/)
  })
})
