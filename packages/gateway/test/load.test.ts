import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Store } from '@portcullis/core'
import { afterAll, describe, expect, it } from 'vitest'
import { ConfigurationError, configSchema, type GatewayDocument, loadConfig } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'portcullis-load-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

/** The lines of the error that a configuration gets. */
function mistakes(config: unknown, environment: NodeJS.ProcessEnv = {}): string[] {
  try {
    loadConfig(config as GatewayDocument, { environment })
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError)
    return (error as Error).message
      .split('\n')
      .slice(1)
      .map((line) => line.trim())
  }
  return []
}

const backend = [{ host: ['http://127.0.0.1:9'] }]

describe('every mistake, all at once', () => {
  it('five different mistakes are five lines, each with its place and the nearest right name', () => {
    expect(
      mistakes({
        version: 3,
        prot: 8080,
        extra_config: { 'security/htp': {}, 'security/ip-filter': { deny: ['10.0.0.1/33'], alow: [] } },
        endpoints: [{ endpoint: '/x', metod: 'GET', backend }],
      }),
    ).toEqual(
      [
        'prot: unknown field; did you mean "port"?',
        'extra_config["security/htp"]: unknown namespace; did you mean "security/http"?',
        expect.stringMatching(/^extra_config\["security\/ip-filter"\]\.alow: unknown field; did you mean "allow"\?$/),
        expect.stringMatching(/^endpoints\[0\]\.metod: unknown field; did you mean "method"\?$/),
      ].concat([]),
    )
  })

  it('counting in Redis without a connection is a mistake of every block that does', () => {
    const limit = { minute: 5, policy: 'redis' }
    const document = {
      extra_config: { 'qos/ratelimit/service': limit },
      endpoints: [{ endpoint: '/x', backend, extra_config: { 'qos/ratelimit/router': limit } }],
    }
    expect(mistakes(document)).toEqual([
      'extra_config["qos/ratelimit/service"].policy: "redis" needs the connection: the root’s field "redis"',
      'endpoints[0].extra_config["qos/ratelimit/router"].policy: "redis" needs the connection: the root’s field "redis"',
    ])
    expect(mistakes({ ...document, redis: { host: '127.0.0.1' } })).toEqual([])
    const own = { extra_config: { 'qos/ratelimit/service': { ...limit, redis: { host: '127.0.0.1' } } } }
    expect(mistakes(own)).toEqual([])
    expect(() => loadConfig(document as GatewayDocument, { redisStore: {} as Store })).not.toThrow()
  })

  it.each<[string, unknown, RegExp]>([
    [
      'a wrong type',
      { extra_config: { 'security/ip-filter': { deny: '10.0.0.1' } } },
      /\.deny: expected a list, got "10\.0\.0\.1"/,
    ],
    ['a wrong version', { version: 4 }, /^version: expected one of 2, 3, got 4/],
    ['a level', { extra_config: { 'backend/http': {} } }, /"backend\/http" belongs to a backend, not to the service/],
    [
      'a block under two names',
      { extra_config: { 'security/cors': {}, 'github_com/devopsfaith/krakend-cors': {} } },
      /the same block as extra_config\["security\/cors"\]: state it once/,
    ],
    [
      'a KrakenD namespace that is not run',
      { extra_config: { 'modifier/lua-endpoint': {} } },
      /"modifier\/lua-endpoint" is a KrakenD namespace that Portcullis does not run/,
    ],
    [
      'a KrakenD field that is not run',
      { async_agent: [] },
      /^async_agent: "async_agent" is a KrakenD field that Portcullis does not run/,
    ],
    [
      'two backends',
      { endpoints: [{ endpoint: '/x', backend: [...backend, ...backend] }] },
      /endpoints\[0\]\.backend: expected one backend/,
    ],
    [
      'no host',
      { endpoints: [{ endpoint: '/x', backend: [{}] }] },
      /endpoints\[0\]\.backend\[0\]: field "host" is missing/,
    ],
    [
      'a host that is no origin',
      { endpoints: [{ endpoint: '/x', backend: [{ host: ['127.0.0.1:80'] }] }] },
      /host\[0\]: expected an origin such as/,
    ],
    [
      'an endpoint twice',
      {
        endpoints: [
          { endpoint: '/x/{a}', backend },
          { endpoint: '/x/{b}', backend },
        ],
      },
      /endpoints\[1\]: GET \/x\/\{b\} is declared by endpoints\[0\] already/,
    ],
    [
      'a parameter that is not there',
      { endpoints: [{ endpoint: '/x', backend: [{ ...backend[0], url_pattern: '/{id}' }] }] },
      /"\{id\}" is not a parameter of \/x/,
    ],
    [
      'a star without a prefix',
      { endpoints: [{ endpoint: '/x', backend: [{ ...backend[0], url_pattern: '/*' }] }] },
      /a \* needs an endpoint that ends in \/\*/,
    ],
    [
      'a prefix without a star',
      { endpoints: [{ endpoint: '/x/*', backend: [{ ...backend[0], url_pattern: '/y' }] }] },
      /needs a \* for the rest of \/x\/\*/,
    ],
    [
      'claims without a token',
      { endpoints: [{ endpoint: '/x', backend: [{ ...backend[0], url_pattern: '/{JWT.sub}' }] }] },
      /\{JWT\.…\} needs auth\/validator/,
    ],
    ['a star in the middle', { endpoints: [{ endpoint: '/a*b', backend }] }, /a \* stands only at the end/],
    [
      'a method that is not proxied',
      { endpoints: [{ endpoint: '/x', method: 'TRACE', backend }] },
      /"TRACE" is not proxied/,
    ],
    [
      'a proxy that is no address',
      { trusted_proxies: ['10.0.0.0/8', 'lb'] },
      /trusted_proxies\[1\]: not an IP address/,
    ],
    [
      'a duration',
      { timeout: '2 seconds' },
      /^timeout: expected a duration such as "250ms", "10s" or "1m", got "2 seconds"/,
    ],
    ['TLS without a key pair', { tls: {} }, /^tls: needs a key pair/],
    [
      'an unset variable',
      { name: '${NOT_SET_ANYWHERE}' },
      /^name: the environment variable NOT_SET_ANYWHERE is not set/,
    ],
    ['a document that is none', [], /expected an object, got a list/],
  ])('%s', (_name, config, message) => {
    expect(mistakes(config).join('\n')).toMatch(new RegExp(message.source.replace('^', '(^|\\n)')))
  })

  it('lets exactly the KrakenD parts pass with a warning when told to', () => {
    const config = {
      sequential_start: true,
      extra_config: { 'modifier/lua-endpoint': {}, 'security/ip-filter': { deny: ['10.0.0.1'] } },
    } as GatewayDocument
    const loaded = loadConfig(config, { unsupported: 'ignore' })
    expect(loaded.warnings.map(({ place }) => place).sort()).toEqual([
      'extra_config["modifier/lua-endpoint"]',
      'sequential_start',
    ])
    expect(loaded.document).toEqual({ extra_config: { 'security/ip-filter': { deny: ['10.0.0.1'] } } })
    expect(() => loadConfig({ ...config, prot: 1 } as GatewayDocument, { unsupported: 'ignore' })).toThrow(/prot/)
  })
})

describe('spellings', () => {
  it.each(['security/cors', 'github_com/devopsfaith/krakend-cors', 'github.com/devopsfaith/krakend-cors'])(
    'reads %s',
    (namespace) => {
      expect([
        ...loadConfig({ extra_config: { [namespace]: { allow_origins: ['https://a.example'] } } }).blocks.keys(),
      ]).toEqual(['cors'])
    },
  )

  it('reads the fields of version 2', () => {
    const { document } = loadConfig({
      version: 2,
      endpoints: [
        {
          endpoint: '/x',
          headers_to_pass: ['A'],
          querystring_params: ['b'],
          extra_config: { 'github.com/devopsfaith/krakend-ratelimit/juju/router': { maxRate: 5 } },
          backend,
        },
      ],
    } as unknown as GatewayDocument)
    expect(document.endpoints![0]).toMatchObject({ input_headers: ['A'], input_query_strings: ['b'] })
  })

  it('moves blocks that stand elsewhere here', () => {
    const { blocks } = loadConfig({
      extra_config: {
        router: { max_payload: 1024 },
        'plugin/http-server': { name: ['ip-filter'], 'ip-filter': { CIDR: ['10.0.0.0/8'], allow: false } },
      },
    })
    expect(blocks.get('request-limits')?.config).toEqual({ max_body: 1024 })
    expect(blocks.get('ip-filter')?.config).toMatchObject({ deny: ['10.0.0.0/8'] })
    expect(mistakes({ extra_config: { router: { max_payload: 1, return_error_msg: true } } }).join()).toMatch(
      /"router" is a KrakenD namespace/,
    )
  })

  it('drops comments everywhere', () => {
    const { document } = loadConfig({
      '@comment': 1,
      $schema: 'x',
      endpoints: [{ _note: '', endpoint: '/x', backend, extra_config: { '#off': {} } }],
    } as unknown as GatewayDocument)
    expect(document).toEqual({ endpoints: [{ endpoint: '/x', backend, extra_config: {} }] })
  })
})

describe('comments', () => {
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    properties: { _id: { $ref: '#/definitions/id' }, '@type': { enum: ['_a', { '@x': 1 }] }, $a: true, '#b': true },
    definitions: { id: { type: 'integer' } },
  }
  const commented = {
    ...schema,
    '@comment': 'x',
    properties: { ...schema.properties, _id: { ...schema.properties._id, _why: 'x' } },
  }
  const spec = {
    openapi: '3.1.0',
    info: { title: 'a', version: '1' },
    paths: {},
    components: {
      schemas: { _A: { $ref: '#/components/schemas/B' }, B: { properties: { '@id': { type: 'string' } } } },
    },
  }
  const under = (extra_config: object): unknown =>
    Object.values(
      loadConfig({ endpoints: [{ endpoint: '/x', backend, extra_config }] } as GatewayDocument).document.endpoints![0]!
        .extra_config!,
    )[0]

  it.each(['validation/json-schema', 'github.com/devopsfaith/krakend-jsonschema'])(
    '%s: what means something in a schema is none',
    (namespace) => expect(under({ [namespace]: commented })).toEqual(schema),
  )

  it('schemas of requests and whole OpenAPI documents keep their keys, too', () => {
    const parameter = { in: 'query', name: 'a', schema: commented }
    const request = { '@why': 'x', body_schema: commented, parameter_schema: [{ ...parameter, _why: 'x' }] }
    expect(under({ 'validation/request': request })).toEqual({
      body_schema: schema,
      parameter_schema: [{ ...parameter, schema }],
    })
    expect(under({ 'validation/openapi': { spec, '#': 'x' } })).toEqual({ spec })
  })

  it('a property named __proto__ stays one', () => {
    const text = '{ "properties": { "__proto__": { "type": "integer" } } }'
    const found = under({ 'validation/json-schema': JSON.parse(text) })
    expect(Object.hasOwn((found as { properties: object }).properties, '__proto__')).toBe(true)
  })

  it('are keys at every depth elsewhere', () => {
    const limits = { '@a': 1, max_body: '1K', $b: 2, _c: 3, '#d': 4 }
    expect(under({ '@a': 1, 'security/request-limits': limits })).toEqual({ max_body: '1K' })
    expect(under({ 'modifier/request-headers': { add: { '@a': '1', 'x-a': '2' } } })).toEqual({ add: { 'x-a': '2' } })
  })
})

describe('environment', () => {
  it('fills in texts, numbers and booleans', () => {
    const config = {
      port: '${PORT}',
      name: 'gw-${STAGE:-dev}',
      extra_config: { 'security/ip-filter': { deny: ['${BAD}'], status: '${STATUS}' } },
    }
    const { document, blocks } = loadConfig(config as unknown as GatewayDocument, {
      environment: { PORT: '81', BAD: '10.0.0.1', STATUS: '404' },
    })
    expect(document).toMatchObject({ port: 81, name: 'gw-dev' })
    expect(blocks.get('ip-filter')?.config).toMatchObject({ deny: ['10.0.0.1'], status: 404 })
  })

  it('fills in the numbers of a list', () => {
    const retry = { attempts: '${TRIES}', on: ['${STATUS}', 'reset', '${OTHER:-5xx}'] }
    const endpoints = [{ endpoint: '/x', backend: [{ ...backend[0]!, extra_config: { 'backend/http': { retry } } }] }]
    const { document } = loadConfig({ endpoints } as GatewayDocument, { environment: { TRIES: '2', STATUS: '429' } })
    expect(document.endpoints![0]!.backend[0]!.extra_config).toEqual({
      'backend/http': { retry: { attempts: 2, on: ['429', 'reset', '5xx'] } },
    })
    const codes = { 'qos/circuit-breaker': { interval: 1, timeout: 1, max_errors: 1, failure_statuses: ['${CODE}'] } }
    const breaking = [{ endpoint: '/x', backend: [{ ...backend[0]!, extra_config: codes }] }]
    expect(mistakes({ endpoints: breaking }, { CODE: '503' })).toEqual([])
  })

  it('leaves the templates of other blocks alone', () => {
    expect(loadConfig({ name: '${request.id}' }).document.name).toBe('${request.id}')
  })
})

describe('files', () => {
  it('reads JSON and YAML, paths relative to the file', () => {
    const list = file('deny.txt', '10.0.0.1\n')
    expect(list).toContain('deny.txt')
    const json = file('a.json', '{ "extra_config": { "security/ip-filter": { "deny_file": "deny.txt" } } }')
    const yaml = file('a.yaml', 'extra_config:\n  security/ip-filter:\n    deny_file: deny.txt\n')
    for (const path of [json, yaml]) expect([...loadConfig(path).blocks.keys()]).toEqual(['ip-filter'])
  })

  it.each([
    ['broken.json', '{ "port": 1,\n  oops }', /is not JSON/],
    ['twice.json', '{ "port": 1,\n  "port": 2 }', /line 2, column 3: .*unique/i],
    ['twice.yaml', 'port: 1\nport: 2\n', /line 2/],
    ['broken.yaml', 'port: [1\n', /line/],
  ])('refuses %s with its place', (name, text, message) => {
    expect(() => loadConfig(file(name, text))).toThrow(message)
  })

  it('says when there is no file', () => {
    expect(() => loadConfig(join(folder, 'nowhere.json'))).toThrow(/cannot be read/)
  })
})

it('has a JSON Schema for editors', () => {
  const schema = configSchema() as {
    properties: Record<string, { properties?: object; items?: { properties: Record<string, unknown> } }>
  }
  expect(Object.keys(schema.properties.extra_config!.properties!)).toContain('security/http')
  expect(Object.keys(schema.properties.endpoints!.items!.properties)).toContain('endpoint')
  expect(JSON.stringify(schema)).not.toContain('"expects":')
})

it('has a schema that the example keeps to, and a misspelt copy of it does not', async () => {
  const { readFileSync } = await import('node:fs')
  const { checkSchema } = await import('@portcullis/core')
  const example = JSON.parse(
    readFileSync(new URL('../../../examples/standalone/gateway.json', import.meta.url), 'utf8'),
  )
  expect(checkSchema(configSchema(), example, { place: '' })).toEqual([])
  example.extra_config['security/ip-filter'].alow = []
  expect(checkSchema(configSchema(), example, { place: '' })).toHaveLength(1)
})

it('ships the JSON Schema that the components say', async () => {
  const { readFileSync } = await import('node:fs')
  const file = new URL('../schema.json', import.meta.url)
  expect(JSON.parse(readFileSync(file, 'utf8')), 'run pnpm schema').toEqual(JSON.parse(JSON.stringify(configSchema())))
})
