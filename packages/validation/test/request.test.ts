import { stateOf } from '@portcullis/core'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import validation, { type RequestValidationConfig } from '../src/index.ts'
import { type Backend, endpoint, rawStatus } from './backend.ts'

const SEED: RequestValidationConfig = {
  body_schema: {
    type: 'object',
    required: ['email', 'password'],
    properties: {
      email: { type: 'string', format: 'email', maxLength: 255 },
      password: { type: 'string', minLength: 8, maxLength: 128 },
    },
  },
  parameter_schema: [{ in: 'query', name: 'page', schema: { type: 'integer', minimum: 1 } }],
}
const GOOD = '{"email":"a@b.co","password":"longenough"}'

let open: FastifyInstance | undefined
afterEach(async () => {
  await open?.close()
  open = undefined
})

async function withBlock(block: object, options?: Parameters<typeof endpoint>[1]): Promise<Backend> {
  const backend = await endpoint({ 'validation/request': block }, options)
  open = backend.app
  return backend
}

const post = (
  app: FastifyInstance,
  payload: string | Buffer,
  headers: Record<string, string> = { 'content-type': 'application/json' },
  url = '/',
) => app.inject({ method: 'POST', url, payload, headers })

describe('the seed’s block', () => {
  it('lets through what it describes, byte for byte', async () => {
    const { app, seen } = await withBlock(SEED)
    const spaced = ` { "password" : "longenough","email":"a@b.co", "id": 12345678901234567890, "x": 1.0 }\n`
    expect(
      (await post(app, spaced, { 'content-type': 'application/json; charset=utf-8' }, '/?page=1')).statusCode,
    ).toBe(200)
    expect(seen).toEqual([{ method: 'POST', url: '/?page=1', body: spaced }])
  })

  it.each([
    ['VA-02 number for text', '{"email":"a@b.co","password":12345678}'],
    ['VA-03 null for text', '{"email":"a@b.co","password":null}'],
    ['VA-04 list for text', '{"email":["a@b.co"],"password":"longenough"}'],
    ['VA-14 email of 50,000 characters', `{"email":"${'a'.repeat(50_000)}","password":"longenough"}`],
    ['format', '{"email":"nope","password":"longenough"}'],
    ['missing field', '{"email":"a@b.co"}'],
    ['no object', '[]'],
    ['empty', ''],
    ['blank', ' '],
    ['no JSON', '{"email":'],
    ['BO-31 repeated name', '{"email":"a@b.co","password":"longenough","email":"nope"}'],
    ['BO-32 __proto__', `{"__proto__":{"admin":1},"email":"a@b.co","password":"longenough"}`],
    ['BO-33 constructor.prototype', `{"constructor":{"prototype":{}},"email":"a@b.co","password":"longenough"}`],
    ['BO-34 escaped __proto__', `{"\\u005f_proto__":1,"email":"a@b.co","password":"longenough"}`],
    ['BO-35 byte order mark', `\ufeff${GOOD}`],
    ['BO-36 NaN', '{"email":"a@b.co","password":"longenough","n":NaN}'],
    ['BO-37 1e400', '{"email":"a@b.co","password":"longenough","n":1e400}'],
    ['BO-39 200,000 levels', '['.repeat(200_000)],
    ['VA-17 10,000 levels', `${'{"c":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
    ['BO-51 60,000 names', `{${Array.from({ length: 60_000 }, (_, i) => `"${i * 65_536}":1`).join()}}`],
  ])('%s is 400 BODY_INVALID', async (_name, payload) => {
    const { app, seen } = await withBlock(SEED)
    const started = performance.now()
    const response = await post(app, payload)
    expect(performance.now() - started).toBeLessThan(1000)
    expect(response.json()).toEqual({
      statusCode: 400,
      code: 'PORTCULLIS_BODY_INVALID',
      error: 'Bad Request',
      message: 'The request body is not valid',
    })
    expect(seen).toEqual([])
  })

  it('BO-40 invalid UTF-8 is 400', async () => {
    const { app, seen } = await withBlock(SEED)
    const payload = Buffer.concat([
      Buffer.from('{"email":"a@b.co","password":"longenough'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}'),
    ])
    expect((await post(app, payload)).statusCode).toBe(400)
    expect(seen).toEqual([])
  })

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    '*/*',
    'application/json;',
    'application/json\t;',
    'application/json;charset=utf-7',
    'application/json; charset=utf-16le',
    'application/json; charset=iso-8859-1',
    'application/json, text/plain',
    'application/jsonp',
    'application/problem+json',
    'text/json',
    'application/xml',
    'application/json; a=1; a=2',
    'json',
    'application/json; charset="utf-8',
  ])('content type %j is 415 even with a good body', async (type) => {
    const { app, seen } = await withBlock(SEED)
    const response = await post(app, GOOD, { 'content-type': type })
    // What Fastify cannot even read as a type it refuses itself.
    const code = ['application/json, text/plain', 'json'].includes(type)
      ? 'FST_ERR_CTP_INVALID_MEDIA_TYPE'
      : 'PORTCULLIS_CONTENT_TYPE_NOT_ALLOWED'
    expect(response.json()).toMatchObject({ statusCode: 415, code })
    expect(seen).toEqual([])
  })

  it.each(['Application/JSON', 'application/json;charset=UTF-8', 'application/json ;\tcharset="utf-8"'])(
    'content type %j is JSON',
    async (type) => {
      const { app } = await withBlock(SEED)
      expect((await post(app, GOOD, { 'content-type': type })).statusCode).toBe(200)
      expect((await post(app, '{}', { 'content-type': type })).statusCode).toBe(400)
    },
  )

  it('BO-28 no content type is 415, BO-06 an encoded body too', async () => {
    const { app, seen } = await withBlock(SEED)
    expect(
      (await app.inject({ method: 'POST', url: '/', payload: GOOD, headers: { 'content-type': '' } })).statusCode,
    ).toBe(415)
    expect(
      (await post(app, GOOD, { 'content-type': 'application/json', 'content-encoding': 'gzip' })).json(),
    ).toMatchObject({ code: 'PORTCULLIS_CONTENT_TYPE_NOT_ALLOWED' })
    expect(
      (await post(app, GOOD, { 'content-type': 'application/json', 'content-encoding': 'identity' })).statusCode,
    ).toBe(200)
    expect(seen).toHaveLength(1)
  })

  it('BO-22, BO-29, BO-30 and bodies where none belong, over a socket', async () => {
    const { app, seen } = await withBlock(SEED)
    await app.listen({ port: 0, host: '127.0.0.1' })
    const send = (method: string, headers: string[], body = GOOD) =>
      rawStatus(
        app,
        `${method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${headers.map((line) => `${line}\r\n`).join('')}Content-Length: ${body.length}\r\n\r\n${body}`,
      )
    expect(await send('POST', ['Content-Type: application/json', 'Content-Type: text/plain'])).toBe(400)
    expect(await send('POST', ['Content-Type: text/plain', 'Content-Type: application/json'])).toBe(400)
    expect(await send('POST', ['Content-Type: application/json\v'])).toBeGreaterThanOrEqual(400)
    expect(await send('GET', ['Content-Type: application/json'])).toBe(400)
    expect(await send('POST', ['Content-Type: application/json', 'Content-Encoding: gzip, identity'])).toBe(415)
    expect(seen).toEqual([])
    expect(await send('POST', ['Content-Type: application/json'])).toBe(200)
  })

  it('requests without a body: GET is fine, POST and DELETE are not', async () => {
    const { app } = await withBlock(SEED)
    expect((await app.inject('/?page=2')).statusCode).toBe(200)
    expect((await app.inject({ method: 'DELETE', url: '/' })).statusCode).toBe(400)
    expect(
      (await app.inject({ method: 'POST', url: '/', headers: { 'content-type': 'application/json' } })).statusCode,
    ).toBe(400)
  })

  it.each([
    'page=0',
    'page=1abc',
    'page=1e0',
    'page=0x10',
    'page=+1',
    'page=01',
    'page=',
    'page',
    'page=1&page=2',
    'page=1;page=0',
    '%70age=0',
    'page[]=3',
    'page[0]=3',
    'page=%zz',
    'page=%ff',
    'page=1.0',
    'page=null',
    `page=${'9'.repeat(400)}`,
  ])('VA-05…13: ?%s is 400 PARAMETER_INVALID', async (query) => {
    const { app, seen } = await withBlock(SEED)
    expect((await app.inject(`/?${query}`)).json()).toMatchObject({
      statusCode: 400,
      code: 'PORTCULLIS_PARAMETER_INVALID',
      message: 'A request parameter is not valid',
    })
    expect(seen).toEqual([])
  })

  it('VA-11 a parameter that is not declared goes through unless refused', async () => {
    const { app } = await withBlock(SEED)
    expect((await app.inject('/?page=1&debug=1')).statusCode).toBe(200)
    await app.close()
    const strict = await withBlock({ ...SEED, reject_unknown_parameters: true })
    expect((await strict.app.inject('/?page=1&debug=1')).json()).toMatchObject({ code: 'PORTCULLIS_PARAMETER_INVALID' })
    expect((await strict.app.inject('/?page=1')).statusCode).toBe(200)
  })
})

it('works as a plugin in front of an app’s own routes, where Fastify parses the body', async () => {
  const app = Fastify()
  open = app
  await app.register(validation, SEED)
  app.post('/', (request) => ({ got: request.body, decisions: stateOf(request).decisions }))
  expect((await post(app, GOOD)).json()).toEqual({ got: JSON.parse(GOOD), decisions: [] })
  expect((await post(app, '{"email":"a@b.co"}')).json()).toMatchObject({ code: 'PORTCULLIS_BODY_INVALID' })
  // Fastify’s own parsers stand first: same statuses, its codes.
  expect((await post(app, '{"a":')).json()).toMatchObject({ statusCode: 400, code: 'FST_ERR_CTP_INVALID_JSON_BODY' })
  expect((await post(app, GOOD, { 'content-type': 'application/xml' })).json()).toMatchObject({
    statusCode: 415,
    code: 'FST_ERR_CTP_INVALID_MEDIA_TYPE',
  })
  expect((await post(app, GOOD, { 'content-type': 'text/plain' })).json()).toMatchObject({
    statusCode: 415,
    code: 'PORTCULLIS_CONTENT_TYPE_NOT_ALLOWED',
  })
})

it('monitor mode records what it would refuse', async () => {
  const app = Fastify()
  open = app
  await app.register(validation, { ...SEED, mode: 'monitor' as const })
  app.post('/', (request) => stateOf(request).decisions)
  const [decision] = (await post(app, '{"email":"secret-value","password":"longenough"}')).json()
  expect(decision).toMatchObject({
    code: 'BODY_INVALID',
    mode: 'monitor',
    status: 400,
    detail: { at: '/email', keyword: 'format' },
  })
  expect(JSON.stringify(decision)).not.toContain('secret-value')
})

describe('verbose_response', () => {
  it('names place and keyword, never the value', async () => {
    const { app } = await withBlock({ ...SEED, verbose_response: true })
    const body = await post(app, '{"email":"secret-value","password":"longenough"}')
    expect(body.json().message).toBe('The request body is not valid: /email must match format "email" (format)')
    expect((await post(app, '{"a":1,"a":2}')).json().message).toBe(
      'The request body is not valid: an object names a member twice',
    )
    const parameter = await app.inject('/?page=secret-value')
    expect(parameter.json().message).toBe(
      'A request parameter is not valid: query parameter "page": must be integer (type)',
    )
    expect(body.body + parameter.body).not.toContain('secret-value')
  })
})

describe('content types', () => {
  it('takes what is listed, with the parameters that are listed', async () => {
    const { app } = await withBlock({
      body_schema: { type: 'object' },
      allowed_content_types: ['application/*+json', 'application/json; version=2'],
    })
    const status = async (type: string) => (await post(app, '{}', { 'content-type': type })).statusCode
    expect(await status('application/problem+json')).toBe(200)
    expect(await status('application/json')).toBe(415)
    expect(await status('application/json; version=2; charset=utf-8')).toBe(200)
    expect((await post(app, '[]', { 'content-type': 'application/problem+json' })).statusCode).toBe(400)
  })

  it('without a schema, other types pass unread and JSON is still read strictly', async () => {
    const { app } = await withBlock({ allowed_content_types: ['application/json', 'text/*', 'application/xml'] })
    expect((await post(app, '<a/>', { 'content-type': 'application/xml' })).statusCode).toBe(200)
    expect((await post(app, 'x', { 'content-type': 'text/csv' })).statusCode).toBe(200)
    expect((await post(app, '{"a":1,"a":1}')).statusCode).toBe(400)
    expect((await post(app, 'x', { 'content-type': 'image/png' })).statusCode).toBe(415)
  })

  it('reads forms as the schema’s types', async () => {
    const { app, seen } = await withBlock({
      body_schema: {
        type: 'object',
        additionalProperties: false,
        properties: {
          n: { type: 'integer', maximum: 9 },
          tags: { type: 'array', items: { type: 'string' }, maxItems: 2 },
          t: { type: 'string' },
        },
      },
      allowed_content_types: ['application/x-www-form-urlencoded'],
      max_keys: 3,
    })
    const status = async (payload: string) =>
      (await post(app, payload, { 'content-type': 'application/x-www-form-urlencoded' })).statusCode
    expect(await status('n=7&tags=a&tags=b+c&t=%C3%A9')).toBe(200)
    expect(seen).toHaveLength(1)
    for (const bad of [
      'n=70',
      'n=x',
      'n=1&n=2',
      'tags=a&tags=b&tags=c',
      'other=1',
      '__proto__=1',
      't=%ff',
      't=%',
      'a[b]=1',
      'a=1&b=2&c=3&d=4',
      '{"n":1}',
    ]) {
      expect(`${bad} ${await status(bad)}`).toBe(`${bad} 400`)
    }
  })

  it('BO-50 a form of 100,000 fields is refused at once', async () => {
    const { app } = await withBlock({ body_schema: {}, allowed_content_types: ['application/x-www-form-urlencoded'] })
    const started = performance.now()
    const payload = Array.from({ length: 100_000 }, (_, i) => `f${i}=1`).join('&')
    expect((await post(app, payload, { 'content-type': 'application/x-www-form-urlencoded' })).statusCode).toBe(400)
    expect(performance.now() - started).toBeLessThan(1000)
  })
})

describe('limits on JSON, also by Kong’s names', () => {
  it.each([
    [{ max_depth: 2 }, '[[1]]', '[[[1]]]'],
    [{ max_container_depth: 2 }, '{"a":[1]}', '{"a":[[1]]}'],
    [{ max_keys: 1 }, '{"a":1}', '{"a":1,"b":1}'],
    [{ max_object_entry_count: 1 }, '{"a":{"b":1}}', '{"a":1,"b":1}'],
    [{ max_array_element_count: 2 }, '[1,2]', '[1,2,3]'],
    [{ max_object_entry_name_length: 2 }, '{"ab":1}', '{"abc":1}'],
    [{ max_string_value_length: 2 }, '["ab"]', '["abc"]'],
  ])('%j', async (block, within, beyond) => {
    const { app } = await withBlock(block)
    expect((await post(app, within)).statusCode).toBe(200)
    expect((await post(app, beyond)).json()).toMatchObject({ code: 'PORTCULLIS_BODY_INVALID' })
    expect((await post(app, within, { 'content-type': 'text/plain' })).statusCode).toBe(415)
  })

  it('repeated names only where allowed', async () => {
    const { app } = await withBlock({ duplicate_keys: 'allow', body_schema: { properties: { a: { const: 2 } } } })
    expect((await post(app, '{"a":1,"a":2}')).statusCode).toBe(200)
    expect((await post(app, '{"a":2,"a":1}')).statusCode).toBe(400)
  })
})

describe('schemas as texts, as Kong has them', () => {
  it('works', async () => {
    const { app } = await withBlock({
      version: 'draft7',
      body_schema: '{"type":"object","required":["a"]}',
      parameter_schema: [
        { in: 'query', name: 'q', required: true, schema: '{"type":"integer"}', style: 'form', explode: false },
      ],
    })
    expect((await post(app, '{"a":1}', undefined, '/?q=1')).statusCode).toBe(200)
    expect((await post(app, '{}', undefined, '/?q=1')).statusCode).toBe(400)
    expect((await post(app, '{"a":1}')).statusCode).toBe(400)
  })
})

describe('VA-15 a pattern that backtracks elsewhere', () => {
  it('is matched in linear time', async () => {
    const { app } = await withBlock({ body_schema: { properties: { s: { pattern: '^(a+)+$' } } } })
    const started = performance.now()
    expect((await post(app, `{"s":"${'a'.repeat(100_000)}!"}`)).statusCode).toBe(400)
    expect((await post(app, `{"s":"${'a'.repeat(100_000)}"}`)).statusCode).toBe(200)
    expect(performance.now() - started).toBeLessThan(500)
  })
})

describe('mistakes in the block', () => {
  it.each([
    [{ verbose_response: true }, 'checks nothing'],
    [{ body_schema: { type: 'strnig' } }, '.body_schema.type: is no schema'],
    [{ body_schema: 'nope' }, '.body_schema: is a text that is not JSON'],
    [{ body_schema: '[{"name":{"type":"string"}}]' }, 'a list is Kong’s own notation'],
    [
      { body_schema: { $ref: 'http://127.0.0.1:9/s.json' } },
      '.body_schema.$ref: refers to "http://127.0.0.1:9/s.json"',
    ],
    [
      { body_schema: {}, allowed_content_types: ['text/xml'] },
      '.allowed_content_types[0]: cannot be checked against body_schema',
    ],
    [{ allowed_content_types: ['json'] }, '.allowed_content_types[0]: expected a content type'],
    [
      { parameter_schema: [{ in: 'query', name: 'a', style: 'simple' }] },
      '.parameter_schema[0].style: expected one of "form"',
    ],
    [
      {
        parameter_schema: [
          { in: 'header', name: 'A' },
          { in: 'header', name: 'a' },
        ],
      },
      '.parameter_schema[1]: is declared already',
    ],
    [
      { parameter_schema: [{ in: 'query', name: 'a', schema: { pattern: '(' } }] },
      '.parameter_schema[0].schema.pattern: the pattern is not a regular expression',
    ],
    [{ body_shema: {} }, 'unknown field; did you mean "body_schema"?'],
    [{ parameter_schema: [{ in: 'path', name: 'id' }] }, 'the route / has no parameter "id"'],
  ])('%j', async (block, message) => {
    await expect(endpoint({ 'validation/request': block })).rejects.toThrow(message)
  })
})
