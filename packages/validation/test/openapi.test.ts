import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { stateOf } from '@portcullis/core'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import validation, { type OpenApiConfig, openApiPlugin } from '../src/index.ts'
import { PathTemplates } from '../src/openapi/templates.ts'

const YAML = `
openapi: 3.0.3
info: { title: Users, version: '1' }
components:
  parameters:
    Id: { in: path, name: id, required: true, schema: { type: integer, minimum: 1 } }
  securitySchemes:
    key: { type: apiKey, in: query, name: api_key }
security: [{ key: [] }]
paths:
  /users:
    get:
      parameters:
        - { in: query, name: tags, style: pipeDelimited, explode: false, schema: { type: array, items: { type: string, enum: [a, b] } } }
        - { in: query, name: filter, content: { application/json: { schema: { type: object, required: [x] } } } }
        - { in: header, name: X-Trace, schema: { type: string, pattern: '^[0-9a-f]{8}$' } }
        - { in: cookie, name: lang, schema: { type: string, enum: [en, de] } }
      responses:
        '200':
          description: ok
          headers: { X-Total: { required: true, schema: { type: integer } } }
          content: { application/json: { schema: { type: array, items: { $ref: './user.yaml#/User' } } } }
        4XX: { description: no, content: { application/json: { schema: { type: object } } } }
    post:
      requestBody:
        required: true
        content:
          application/json: { schema: { $ref: './user.yaml#/User' } }
          application/x-www-form-urlencoded: { schema: { $ref: './user.yaml#/User' } }
          text/plain: { schema: { type: string, maxLength: 3 } }
          application/octet-stream: { schema: { type: string, format: binary } }
          application/xml: { schema: { type: object } }
          multipart/form-data: { schema: { type: object } }
      responses: { '201': { description: ok } }
  /users/me:
    get: { responses: { '200': { description: ok } } }
  /users/{id}:
    parameters: [{ $ref: '#/components/parameters/Id' }]
    get: { responses: { '200': { description: ok } } }
    delete: { responses: { '204': { description: gone } } }
  /files/{name}.{kind}:
    get:
      parameters:
        - { in: path, name: name, required: true, schema: { type: string } }
        - { in: path, name: kind, required: true, schema: { type: string, enum: [txt] } }
      responses: { default: { description: any } }
`
const USER = `
User:
  type: object
  additionalProperties: false
  required: [name, id]
  properties:
    id: { type: integer, readOnly: true }
    secret: { type: string, writeOnly: true }
    name: { type: string, minLength: 2, nullable: true }
    age: { type: integer, minimum: 0, exclusiveMinimum: true }
    email: { type: string, format: email }
    friends: { type: array, items: { $ref: '#/User' } }
`

let dir: string
let spec: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'openapi-'))
  spec = join(dir, 'api.yaml')
  writeFileSync(spec, YAML)
  writeFileSync(join(dir, 'user.yaml'), USER)
})
afterAll(() => rmSync(dir, { recursive: true }))

let app: FastifyInstance
afterEach(() => app?.close())

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown

async function service(
  options: Partial<OpenApiConfig> = {},
  handler: Handler = () => 'ok',
  base = '',
): Promise<FastifyInstance> {
  app = Fastify({ routerOptions: { ignoreTrailingSlash: true } })
  await app.register(openApiPlugin, { spec, ...options } as OpenApiConfig)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  for (const url of ['/users', '/users/:id', '/files/:file', '/other', '/proxy/*']) app.all(base + url, handler)
  await app.ready()
  return app
}

const status = async (method: string, url: string, extra: object = {}) =>
  `${method} ${url} ${(await app.inject({ method: method as 'GET', url, ...extra })).statusCode}`

describe('requests, at service level', () => {
  it('finds operations by the document’s templates', async () => {
    await service()
    for (const [method, url, expected] of [
      ['GET', '/users', 200],
      ['HEAD', '/users', 200],
      ['GET', '/users/7', 200],
      ['GET', '/users/%37', 200],
      ['GET', '/users/0', 400],
      ['GET', '/users/x', 400],
      ['GET', '/users/me', 200],
      ['DELETE', '/users/me', 405],
      ['PUT', '/users', 405],
      ['OPTIONS', '/users', 405],
      ['GET', '/other', 404],
      ['GET', '/nowhere', 404],
      ['GET', '/users/1/2', 404],
      ['GET', '/users/', 200],
      ['GET', '/users/7/', 200],
      ['GET', '/users/x/', 400],
      ['GET', '/files/a.txt', 200],
      ['GET', '/files/a.b.txt', 400],
      ['GET', '/files/a.exe', 400],
      ['GET', '/users/1%2f2', 400],
      ['GET', '/users/1%5c2', 400],
      ['GET', '/users/%00', 400],
      ['GET', '/proxy/users', 404],
    ] as const)
      expect(await status(method, url)).toBe(`${method} ${url} ${expected}`)
    const unknown = await app.inject('/other')
    expect(unknown.json()).toEqual({
      statusCode: 404,
      code: 'PORTCULLIS_PATH_UNKNOWN',
      error: 'Not Found',
      message: 'There is no such path',
    })
    const method = await app.inject({ method: 'PUT', url: '/users/1' })
    expect(method.json()).toMatchObject({ statusCode: 405, code: 'PORTCULLIS_METHOD_NOT_ALLOWED' })
    expect(method.headers.allow).toBe('DELETE, GET, HEAD')
  })

  it('lets unknown paths pass when told so', async () => {
    await service({ reject_unknown_paths: false })
    for (const [method, url, expected] of [
      ['GET', '/other', 200],
      ['PUT', '/users', 200],
      ['GET', '/users/x', 400],
    ] as const) {
      expect(await status(method, url)).toBe(`${method} ${url} ${expected}`)
    }
  })

  it('parameters with style, content, header and cookie', async () => {
    await service({ reject_unknown_parameters: true })
    for (const [url, headers, expected] of [
      ['/users?tags=a|b', {}, 200],
      ['/users?tags=a|c', {}, 400],
      ['/users?tags=a&tags=b', {}, 400],
      ['/users?filter=%7B%22x%22:1%7D', {}, 200],
      ['/users?filter=%7B%7D', {}, 400],
      ['/users?filter=x', {}, 400],
      ['/users?filter=%7B%22x%22:1,%22x%22:2%7D', {}, 400],
      ['/users', { 'x-trace': '0123abcd' }, 200],
      ['/users', { 'x-trace': 'zz' }, 400],
      ['/users', { cookie: 'lang=en' }, 200],
      ['/users', { cookie: 'lang=fr' }, 400],
      ['/users?api_key=1', {}, 200],
      ['/users?debug=1', {}, 400],
    ] as const)
      expect(await status('GET', url, { headers })).toBe(`GET ${url} ${expected}`)
    expect((await app.inject('/users?debug=1')).json()).toMatchObject({ code: 'PORTCULLIS_PARAMETER_INVALID' })
  })

  it('bodies by media type', async () => {
    await service({ unchecked_content_types: ['multipart/form-data'] })
    const post = async (payload: string, type: string) =>
      `${type} ${payload} ${(await app.inject({ method: 'POST', url: '/users', payload, headers: type === '' ? {} : { 'content-type': type } })).statusCode}`
    const form = 'application/x-www-form-urlencoded'
    for (const [payload, type, expected] of [
      ['{"name":"Ann"}', 'application/json', 200],
      ['{"name":null}', 'application/json', 200],
      ['{"name":"A"}', 'application/json', 400],
      ['{}', 'application/json', 400],
      ['{"name":"Ann","id":1}', 'application/json', 400],
      ['{"name":"Ann","age":0}', 'application/json', 400],
      ['{"name":"Ann","email":"x"}', 'application/json', 400],
      ['{"name":"Ann","friends":[{"name":"Bob"}]}', 'application/json', 200],
      ['{"name":"Ann","friends":[{"name":"B"}]}', 'application/json', 400],
      ['{"name":"Ann","name":"Bob"}', 'application/json', 400],
      ['{"name":"Ann","secret":"s"}', 'application/json', 200],
      ['name=Ann&age=3', form, 200],
      ['name=Ann&age=x', form, 400],
      ['abc', 'text/plain', 200],
      ['abcd', 'text/plain', 400],
      ['\x01\x02', 'application/octet-stream', 200],
      ['<a/>', 'application/xml', 415],
      ['--x', 'multipart/form-data; boundary=x', 200],
      ['{"name":"Ann"}', 'application/vnd.x+json', 415],
      ['{"name":"Ann"}', 'application/json;', 415],
    ] as const)
      expect(await post(payload, type)).toBe(`${type} ${payload} ${expected}`)
    expect((await app.inject({ method: 'POST', url: '/users' })).json()).toMatchObject({
      statusCode: 400,
      code: 'PORTCULLIS_BODY_INVALID',
    })
    expect(
      (
        await app.inject({
          method: 'DELETE',
          url: '/users/1',
          payload: '{}',
          headers: { 'content-type': 'application/json' },
        })
      ).json(),
    ).toMatchObject({ statusCode: 400, code: 'PORTCULLIS_BODY_INVALID' })
  })

  it('base_path stands before every path', async () => {
    await service({ base_path: '/v1' }, undefined, '/v1')
    expect(await status('GET', '/v1/users/7')).toBe('GET /v1/users/7 200')
    expect(await status('GET', '/v1/users/x')).toBe('GET /v1/users/x 400')
    expect(await status('GET', '/users/7')).toBe('GET /users/7 404')
  })

  it('log only records, monitor too', async () => {
    await service({ validate_request: 'log' }, (request) => stateOf(request).decisions)
    expect((await app.inject('/users/x')).json()).toMatchObject([
      { code: 'PARAMETER_INVALID', mode: 'record', detail: { keyword: 'type' } },
    ])
    await app.close()
    await service({ mode: 'monitor' }, (request) => stateOf(request).decisions)
    expect((await app.inject('/users/x')).json()).toMatchObject([{ code: 'PARAMETER_INVALID', mode: 'monitor' }])
  })

  it('verbose_response names the place', async () => {
    await service({ verbose_response: true })
    const response = await app.inject({
      method: 'POST',
      url: '/users',
      payload: '{"name":"Ann","friends":[{"name":"secret-value","age":-1}]}',
      headers: { 'content-type': 'application/json' },
    })
    expect(response.json().message).toBe('The request body is not valid: /friends/0/age must be > 0 (exclusiveMinimum)')
  })
})

describe('on endpoints', () => {
  async function endpoints(routes: [string, unknown][], options?: object): Promise<void> {
    app = Fastify({ routerOptions: { caseSensitive: false } })
    if (options === undefined) await app.register(validation)
    else await app.register(openApiPlugin, options as OpenApiConfig)
    for (const [url, block] of routes)
      app.get(url, { config: { extra_config: { 'validation/openapi': block } } }, () => 'ok')
    await app.ready()
  }

  it('the routed pattern decides, whatever the path is spelt', async () => {
    await endpoints([['/users/:userId', { spec }]])
    expect(await status('GET', '/USERS/7')).toBe('GET /USERS/7 200')
    expect(await status('GET', '/USERS/x')).toBe('GET /USERS/x 400')
  })

  it('a wildcard route is matched by the document', async () => {
    await endpoints([['/v2/*', { spec, base_path: '/v2' }]])
    expect(await status('GET', '/v2/users/7')).toBe('GET /v2/users/7 200')
    expect(await status('GET', '/v2/users/x')).toBe('GET /v2/users/x 400')
    expect(await status('GET', '/v2/other')).toBe('GET /v2/other 404')
  })

  it('takes the place of the service’s block, false switches it off', async () => {
    await endpoints(
      [
        ['/users/:id', false],
        ['/users', { spec, reject_unknown_parameters: true }],
        ['/other', false],
      ],
      { spec },
    )
    expect(await status('GET', '/users/x')).toBe('GET /users/x 200')
    expect(await status('GET', '/users?z=1')).toBe('GET /users?z=1 400')
    expect(await status('GET', '/other')).toBe('GET /other 200')
  })

  it('a route that the document does not have is a mistake', async () => {
    await expect(endpoints([['/nowhere', { spec }]])).rejects.toThrow('the document has no path for the route /nowhere')
  })
})

describe('responses', () => {
  const USERS = [{ id: 1, name: 'Ann' }]
  type Reply = { url?: string; status?: number; body?: unknown; headers?: Record<string, string> }
  let reply: Reply
  const recorded: unknown[] = []
  const apps = new Map<string, FastifyInstance>()
  afterAll(() => Promise.all([...apps.values()].map((each) => each.close())))

  async function answer(mode: 'log' | 'enforce', next: Reply): Promise<{ statusCode: number; body: string }> {
    reply = next
    let target = apps.get(mode)
    if (target === undefined) {
      target = Fastify()
      target.addHook('onResponse', async (request) => void recorded.push(...stateOf(request).decisions))
      await target.register(openApiPlugin, { spec, validate_response: mode })
      const handler: Handler = (_request, out) =>
        out
          .code(reply.status ?? 200)
          .headers({ 'x-total': '1', 'content-type': 'application/json', ...reply.headers })
          .send(reply.body ?? JSON.stringify(USERS))
      target.get('/users', handler)
      target.get('/users/:id', handler)
      apps.set(mode, target)
    }
    return await target.inject(reply.url ?? '/users')
  }

  it.each<[string, Reply, number]>([
    ['as declared', {}, 200],
    ['as a stream', { body: Readable.from([Buffer.from('[{"id":1,'), Buffer.from('"name":"Ann"}]')]) }, 200],
    ['compressed', { body: gzipSync(JSON.stringify(USERS)), headers: { 'content-encoding': 'gzip' } }, 200],
    ['declared by range', { status: 404, body: '{}' }, 404],
    ['wrong body', { body: '[{"id":"1","name":"Ann"}]' }, 502],
    ['wrong body in a stream', { body: Readable.from([Buffer.from('[{}]')]) }, 502],
    ['wrong body compressed', { body: gzipSync('[{}]'), headers: { 'content-encoding': 'gzip' } }, 502],
    ['a bomb', { body: gzipSync(Buffer.alloc(5_000_000, 32)), headers: { 'content-encoding': 'gzip' } }, 502],
    ['an encoding that is not known', { headers: { 'content-encoding': 'zstd' } }, 502],
    ['write-only field', { body: '[{"id":1,"name":"Ann","secret":"s"}]' }, 502],
    ['no JSON', { body: 'oops' }, 502],
    ['wrong type', { headers: { 'content-type': 'text/html' } }, 502],
    ['wrong header', { headers: { 'x-total': 'many' } }, 502],
    ['status that is not declared', { status: 500 }, 502],
    ['too long', { body: `[${' '.repeat(1_100_000)}]` }, 200],
    ['too long a stream', { body: Readable.from([Buffer.alloc(1_100_000, 32), Buffer.from('[]')]) }, 502],
    ['a refusal of the gateway’s own', { url: '/users/x' }, 400],
    ['no body', { body: '' }, 502],
  ])('enforce: %s', async (_name, next, expected) => {
    const response = await answer('enforce', next)
    expect(response.statusCode).toBe(expected)
    if (expected === 502) {
      expect(JSON.parse(response.body)).toEqual({
        statusCode: 502,
        code: 'PORTCULLIS_RESPONSE_INVALID',
        error: 'Bad Gateway',
        message: 'The response is not valid',
      })
    }
  })

  it('log lets everything pass as it is, and records', async () => {
    for (const body of [
      '[{}]',
      Readable.from([Buffer.from('[{'), Buffer.from('}]')]),
      Readable.from([Buffer.alloc(1_100_000, 32)]),
    ]) {
      recorded.length = 0
      const response = await answer('log', { body })
      expect(response.statusCode).toBe(200)
      if (body === '[{}]') expect(response.body).toBe('[{}]')
      await new Promise((resolve) => setImmediate(resolve))
      expect(recorded).toMatchObject([{ code: 'RESPONSE_INVALID', mode: 'record' }])
    }
    recorded.length = 0
    await answer('log', {})
    expect(recorded).toEqual([])
  })

  it('a stream that breaks does not hang', async () => {
    const broken = () =>
      new Readable({
        read() {
          this.destroy(new Error('upstream went away'))
        },
      })
    expect((await answer('enforce', { body: broken() })).statusCode).toBe(503)
    // Passed on as it is, it is Fastify that answers for it.
    expect((await answer('log', { body: broken() })).statusCode).toBeGreaterThanOrEqual(500)
  })
})

describe('path templates', () => {
  const templates = new PathTemplates<string>()
  for (const template of [
    '/',
    '/users',
    '/users/{id}',
    '/users/me',
    '/users/{id}/posts',
    '/{any}/posts/{x}',
    '/f/{a}-{b}.txt',
  ])
    templates.add(template, template)
  it.each([
    ['/', '/', {}],
    ['/users/me', '/users/me', {}],
    ['/users/7', '/users/{id}', { id: '7' }],
    ['/users/me/posts', '/users/{id}/posts', { id: 'me' }],
    ['/users/posts/1', '/{any}/posts/{x}', { any: 'users', x: '1' }],
    ['/f/a-b-c.txt', '/f/{a}-{b}.txt', { a: 'a', b: 'b-c' }],
    ['/users/%2541', '/users/{id}', { id: '%41' }],
  ])('%s is %s', (path, value, params) => {
    expect(templates.match(path)).toEqual({ value, params })
  })
  it.each(['/users/', '//users', '/Users', '/users/7/', '/f/-b.txt', '/f/a-.txt', 'users', 'http://a/users', ''])(
    '%j is none',
    (path) => {
      expect(templates.match(path)).toBeUndefined()
    },
  )
  it.each([
    '/users/..',
    '/users/%2e%2e',
    '/users/.',
    '/users/%2E',
    '/users/a%2fb',
    '/users/a%5Cb',
    '/users/a\\b',
    '/users/%00',
    '/users/%',
    '/users/%ff',
    '/users/a%0d',
  ])('%j is not the same to every reader', (path) => {
    expect(templates.match(path)).toBe('unsafe')
  })
})

describe('OpenAPI 3.1', () => {
  it('is JSON Schema 2020-12', async () => {
    const document = {
      openapi: '3.1.0',
      info: { title: 't', version: '1' },
      paths: {
        '/t': {
          post: {
            requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/T' } } } },
            responses: { 200: { description: 'ok' } },
          },
        },
      },
      components: {
        schemas: {
          T: {
            type: ['array', 'null'],
            prefixItems: [{ type: 'integer', exclusiveMinimum: 0 }],
            items: false,
            examples: [[1]],
          },
        },
      },
    }
    app = Fastify()
    await app.register(openApiPlugin, { spec: document })
    app.post('/t', () => 'ok')
    const post = async (payload: string) =>
      (await app.inject({ method: 'POST', url: '/t', payload, headers: { 'content-type': 'application/json' } }))
        .statusCode
    expect([await post('[1]'), await post('null'), await post('[0]'), await post('[1,2]'), await post('{}')]).toEqual([
      200, 200, 400, 400, 400,
    ])
  })
})

describe('mistakes', () => {
  const base = { openapi: '3.1.0', info: { title: 't', version: '1' } }
  const withSchema = (schema: object) => ({
    ...base,
    paths: {
      '/a': {
        post: {
          requestBody: { content: { 'application/json': { schema } } },
          responses: { 200: { description: 'x' } },
        },
      },
    },
  })
  const start = async (options: object) => {
    app = Fastify()
    await app.register(openApiPlugin, options as OpenApiConfig)
    await app.ready()
  }
  it.each<[string, () => object, string]>([
    ['no file', () => ({ spec: './none.yaml' }), 'there is no file'],
    ['no YAML', () => ({ spec: join(dir, 'broken.yaml') }), 'cannot parse'],
    ['Swagger 2', () => ({ spec: { swagger: '2.0', paths: {} } }), 'got a Swagger 2 document'],
    ['no paths', () => ({ spec: base }), 'has no paths'],
    [
      'a remote reference',
      () => ({ spec: withSchema({ $ref: 'https://example.com/s.json' }) }),
      'refers to "https://example.com/s.json"; nothing is fetched',
    ],
    [
      'a remote reference in a file',
      () => ({ spec: join(dir, 'remote.yaml') }),
      'refers to "//example.com/x.yaml"; nothing is fetched',
    ],
    [
      'a reference to nothing',
      () => ({ spec: withSchema({ $ref: '#/components/schemas/None' }) }),
      'is no valid OpenAPI document',
    ],
    [
      'no valid document',
      () => ({ spec: { ...base, paths: { '/a': { get: { parameters: [{ in: 'query', name: 'q' }] } } } } }),
      'is no valid OpenAPI document',
    ],
    [
      'a pattern that cannot be linear',
      () => ({ spec: withSchema({ properties: { a: { pattern: '(a)\\1' } } }) }),
      'POST /a requestBody application/json.properties.a.pattern: the pattern has a back reference',
    ],
    ['a base path with a query', () => ({ spec, base_path: '/v1?' }), 'expected a path such as "/v1"'],
    [
      'no content type',
      () => ({ spec, unchecked_content_types: ['x'] }),
      '.unchecked_content_types[0]: expected a content type',
    ],
    ['a misspelt field', () => ({ spec, validate_respons: 'log' }), 'did you mean "validate_response"?'],
  ])('%s', async (_name, options, message) => {
    writeFileSync(join(dir, 'broken.yaml'), 'a: [')
    writeFileSync(
      join(dir, 'remote.yaml'),
      'openapi: 3.1.0\ninfo: {title: t, version: "1"}\npaths: {/a: {$ref: "./part.yaml"}}\n',
    )
    writeFileSync(join(dir, 'part.yaml'), 'get: {$ref: "//example.com/x.yaml"}\n')
    await expect(start(options())).rejects.toThrow(message)
  })
})
