import type { FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { endpoint } from './backend.ts'

let app: FastifyInstance | undefined
afterEach(async () => {
  await app?.close()
  app = undefined
})

type Case = [url: string, headers: Record<string, string>, status: number]

async function run(parameter: object, cases: Case[], url = '/'): Promise<void> {
  const backend = await endpoint({ 'validation/request': { parameter_schema: [parameter] } }, { url })
  app = backend.app
  for (const [target, headers, status] of cases) {
    const response = await app.inject({ url: target, headers })
    expect(`${target} ${JSON.stringify(headers)} ${response.statusCode}`).toBe(
      `${target} ${JSON.stringify(headers)} ${status}`,
    )
  }
}

const ints = { type: 'array', items: { type: 'integer' }, maxItems: 3 }
const point = {
  type: 'object',
  properties: { x: { type: 'integer' }, y: { type: 'integer' } },
  required: ['x'],
  additionalProperties: false,
}

describe('styles', () => {
  it('query: form, exploded', () =>
    run({ in: 'query', name: 'a', schema: ints }, [
      ['/?a=1&a=2', {}, 200],
      ['/?a=1', {}, 200],
      ['/?a=1,2', {}, 400],
      ['/?a=1&a=x', {}, 400],
      ['/?a=1&a=2&a=3&a=4', {}, 400],
    ]))
  it('query: form, not exploded', () =>
    run({ in: 'query', name: 'a', explode: false, schema: ints }, [
      ['/?a=1,2', {}, 200],
      ['/?a=1%2C2', {}, 400],
      ['/?a=1&a=2', {}, 400],
      ['/?a=1,x', {}, 400],
    ]))
  it('query: spaceDelimited', () =>
    run({ in: 'query', name: 'a', style: 'spaceDelimited', schema: ints }, [
      ['/?a=1%202+3', {}, 200],
      ['/?a=1%20x', {}, 400],
    ]))
  it('query: pipeDelimited', () =>
    run({ in: 'query', name: 'a', style: 'pipeDelimited', schema: ints }, [
      ['/?a=1|2', {}, 200],
      ['/?a=1%7C2', {}, 200],
      ['/?a=1%7Cx', {}, 400],
    ]))
  it('query: deepObject', () =>
    run({ in: 'query', name: 'p', style: 'deepObject', required: true, schema: point }, [
      ['/?p[x]=1&p[y]=2', {}, 200],
      ['/?p%5Bx%5D=1', {}, 200],
      ['/?p[x]=a', {}, 400],
      ['/?p[x]=1&p[x]=2', {}, 400],
      ['/?p[x][z]=1', {}, 400],
      ['/?p[x]=1&p=1', {}, 400],
      ['/?p[__proto__]=1&p[x]=1', {}, 400],
      ['/', {}, 400],
    ]))
  it('query: exploded object', () =>
    run({ in: 'query', name: 'p', schema: point }, [
      ['/?x=1&y=2', {}, 200],
      ['/?y=2', {}, 400],
      ['/?x=z', {}, 400],
      ['/?x=1&x=2', {}, 400],
      ['/', {}, 200],
    ]))
  it('query: object in one value', () =>
    run({ in: 'query', name: 'p', explode: false, schema: point }, [
      ['/?p=x,1,y,2', {}, 200],
      ['/?p=x,1,y', {}, 400],
      ['/?p=x,a', {}, 400],
      ['/?p=x,1,x,2', {}, 400],
    ]))
  it('path: simple', () =>
    run(
      { in: 'path', name: 'id', schema: ints },
      [
        ['/1,2', {}, 200],
        ['/1,x', {}, 400],
      ],
      '/:id',
    ))
  it('path: label', () =>
    run(
      { in: 'path', name: 'id', style: 'label', explode: true, schema: ints },
      [
        ['/.1.2', {}, 200],
        ['/1.2', {}, 400],
        ['/.x', {}, 400],
      ],
      '/:id',
    ))
  it('path: matrix', () =>
    run(
      { in: 'path', name: 'id', style: 'matrix', schema: ints },
      [
        ['/;id=1,2', {}, 200],
        ['/1,2', {}, 400],
        ['/;id=x', {}, 400],
      ],
      '/:id',
    ))
  it('path: matrix, exploded object', () =>
    run(
      { in: 'path', name: 'id', style: 'matrix', explode: true, schema: point },
      [
        ['/;x=1;y=2', {}, 200],
        ['/;x=z', {}, 400],
        ['/;x', {}, 400],
      ],
      '/:id',
    ))
  it('path: scalar', () =>
    run(
      { in: 'path', name: 'id', schema: { type: 'integer' } },
      [
        ['/7', {}, 200],
        ['/%37', {}, 200],
        ['/seven', {}, 400],
        ['/1e3', {}, 400],
      ],
      '/:id',
    ))
  it('header', () =>
    run({ in: 'header', name: 'X-Page', required: true, schema: { type: 'integer' } }, [
      ['/', { 'x-page': '1' }, 200],
      ['/', {}, 400],
      ['/', { 'X-PAGE': 'a' }, 400],
      ['/', { 'x-page': '1', x_page: '2' }, 400],
    ]))
  it('header: list and object', async () => {
    await run({ in: 'header', name: 'x-l', schema: ints }, [
      ['/', { 'x-l': '1, 2' }, 200],
      ['/', { 'x-l': '1, b' }, 400],
    ])
    await app?.close()
    await run({ in: 'header', name: 'x-o', explode: true, schema: point }, [
      ['/', { 'x-o': 'x=1,y=2' }, 200],
      ['/', { 'x-o': 'x,1' }, 400],
    ])
  })
  it('cookie', () =>
    run({ in: 'cookie', name: 'n', required: true, schema: { type: 'integer' } }, [
      ['/', { cookie: 'a=b; n=5' }, 200],
      ['/', { cookie: 'n=x' }, 400],
      ['/', { cookie: 'n=5; n=6' }, 400],
      ['/', { cookie: 'a=b' }, 400],
      ['/', {}, 400],
    ]))
  it('cookie: list', () =>
    run({ in: 'cookie', name: 'n', schema: ints }, [
      ['/', { cookie: 'n=1,2' }, 200],
      ['/', { cookie: 'n=1%2C2' }, 200],
      ['/', { cookie: 'n=1,b' }, 400],
    ]))
})

describe('types', () => {
  const query = (schema: object, extra: object = {}) => ({ in: 'query', name: 'v', schema, ...extra })
  it('boolean, number, null, enum, const', async () => {
    await run(query({ type: 'boolean' }), [
      ['/?v=true', {}, 200],
      ['/?v=1', {}, 400],
      ['/?v=TRUE', {}, 400],
    ])
    await app?.close()
    await run(query({ type: 'number', maximum: 10 }), [
      ['/?v=1.5', {}, 200],
      ['/?v=1e1', {}, 200],
      ['/?v=1e9', {}, 400],
      ['/?v=.5', {}, 400],
      ['/?v=0x1', {}, 400],
      ['/?v=Infinity', {}, 400],
    ])
    await app?.close()
    await run(query({ type: ['integer', 'null'] }), [
      ['/?v=', {}, 200],
      ['/?v=3', {}, 200],
      ['/?v=x', {}, 400],
    ])
    await app?.close()
    await run(query({ enum: [1, 2, 'all'] }), [
      ['/?v=1', {}, 200],
      ['/?v=all', {}, 200],
      ['/?v=3', {}, 400],
    ])
    await app?.close()
    await run(query({ const: 7 }), [
      ['/?v=7', {}, 200],
      ['/?v=8', {}, 400],
    ])
  })
  it('texts that look like numbers stay texts where texts are meant', () =>
    run(query({ type: 'string', minLength: 2 }), [
      ['/?v=12', {}, 200],
      ['/?v=1', {}, 400],
    ]))
  it('alternatives and references', () =>
    run(
      query({
        definitions: { small: { type: 'integer', maximum: 3 } },
        anyOf: [{ $ref: '#/definitions/small' }, { type: 'string', pattern: '^[a-z]+$' }],
      }),
      [
        ['/?v=2', {}, 200],
        ['/?v=9', {}, 400],
        ['/?v=abc', {}, 200],
      ],
    ))
  it('coerce: false leaves texts', async () => {
    const backend = await endpoint({
      'validation/request': { coerce: false, parameter_schema: [query({ type: 'integer' })] },
    })
    app = backend.app
    expect((await app.inject('/?v=1')).statusCode).toBe(400)
  })
  it('a parameter without a schema only has to be there', () =>
    run({ in: 'query', name: 'v', required: true }, [
      ['/?v=', {}, 200],
      ['/', {}, 400],
    ]))
})
