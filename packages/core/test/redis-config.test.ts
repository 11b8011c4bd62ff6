import { describe, expect, it } from 'vitest'
import { checkRedis, checkSchema, type RedisConfig, redisSchema } from '../src/index.ts'

/** Every mistake of a block, those that the schema sees first. */
function mistakes(config: object): string[] {
  const found = checkSchema(redisSchema, config, { place: '' })
  const all = found.length > 0 ? found : checkRedis(config as RedisConfig, { baseDir: '.' })
  return all.map(({ place, message }) => `${place}: ${message}`)
}

describe('where Redis is', () => {
  it.each([
    [{ url: 'redis://:secret@127.0.0.1:6379/1' }],
    [{ host: 'redis.internal', port: 6379, username: 'a', password: 'b', database: 1, tls: true }],
    [{ host: 'redis.internal', cluster: true, nodes: ['b:6379'] }],
    [{ cluster: ['a:6379', '[::1]:6380', 'c'], password: 'b', tls: {} }],
    [{ sentinels: ['a:26379'], sentinel_name: 'x' }],
  ])('%j is taken', (config) => expect(mistakes(config)).toEqual([]))

  it.each<[object, string]>([
    [{}, ': one of the fields "url", "host" and "sentinels" is missing'],
    [{ url: 'redis://a', host: 'b' }, ': "url", "host" and "sentinels" exclude each other: state one'],
    [{ url: 'http://user:secret@a' }, '.url: expected a URL such as "redis://host:6379/0"'],
    [{ host: 'a', nodes: ['b'] }, '.nodes: is for "cluster": true only'],
    [{ host: 'a', cluster: true, database: 1 }, '.database: a Redis Cluster has only database 0'],
    [{ cluster: ['a:1'], database: 1 }, '.database: a Redis Cluster has only database 0'],
    [{ cluster: ['a:1', 'a b'] }, '.cluster[1]: expected an address such as "redis-1.internal:6379"'],
    [{ cluster: ['a:1'], host: 'b' }, '.host: is a node like those of "cluster": name it there'],
    [{ cluster: ['a:1'], url: 'redis://b' }, ': "url", "host" and "sentinels" exclude each other: state one'],
    [{ cluster: [] }, '.cluster: expected a list with at least one entry, got a list'],
    [{ cluster: false }, ': one of the fields "url", "host" and "sentinels" is missing'],
    [{ hots: 'a' }, '.hots: unknown field; did you mean "host"?'],
  ])('%j is a mistake', (config, message) => expect(mistakes(config)).toEqual([message]))
})
