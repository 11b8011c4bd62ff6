import fc from 'fast-check'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { jsonSchemaPlugin } from '../src/index.ts'
import { compileSchema } from '../src/schema/compile.ts'
import { endpoint } from './backend.ts'

const SCHEMA = {
  type: 'object',
  required: ['n'],
  properties: {
    n: { type: 'integer', minimum: 0 },
    s: { type: 'string', pattern: '^[a-z]*$' },
    l: { type: 'array', items: { type: 'boolean' }, uniqueItems: true },
  },
  additionalProperties: false,
}

let app: FastifyInstance | undefined
afterEach(async () => {
  await app?.close()
  app = undefined
})

describe('validation/json-schema', () => {
  it.each(['validation/json-schema', 'github.com/devopsfaith/krakend-jsonschema'])(
    '%s: the block is the schema',
    async (namespace) => {
      const backend = await endpoint({ [namespace]: SCHEMA })
      app = backend.app
      const post = (payload: string, type = 'application/json') =>
        app!.inject({ method: 'POST', url: '/', payload, headers: { 'content-type': type } })
      expect((await post('{"n":1}')).statusCode).toBe(200)
      expect((await post('{"n":1}', 'application/vnd.api+json')).statusCode).toBe(200)
      expect((await post('{"n":"1"}')).json()).toMatchObject({ statusCode: 400, code: 'PORTCULLIS_BODY_INVALID' })
      expect((await post('')).json()).toMatchObject({ code: 'PORTCULLIS_BODY_INVALID' })
      expect((await post('{"n":1', 'application/json')).statusCode).toBe(400)
      expect((await post('{"n":1}', 'text/plain')).statusCode).toBe(415)
      expect((await app.inject('/')).statusCode).toBe(200)
    },
  )

  it('VA-01 refuses unknown members rather than drop them', async () => {
    const backend = await endpoint({ 'validation/json-schema': SCHEMA })
    app = backend.app
    const response = await app.inject({ method: 'POST', url: '/', payload: { n: 1, admin: true } })
    expect(response.statusCode).toBe(400)
    expect(backend.seen).toEqual([])
  })

  it('takes mode beside the keywords', async () => {
    const backend = await endpoint({ 'validation/json-schema': { ...SCHEMA, mode: 'monitor' } })
    app = backend.app
    expect((await app.inject({ method: 'POST', url: '/', payload: {} })).statusCode).toBe(200)
    await expect(endpoint({ 'validation/json-schema': { ...SCHEMA, mode: 'off' } })).rejects.toThrow(
      '.mode: expected one of',
    )
  })

  it('a mistake in the schema is found at start', async () => {
    await expect(endpoint({ 'validation/json-schema': { propertis: {} } })).rejects.toThrow(
      '["validation/json-schema"].propertis: unknown keyword; did you mean "properties"?',
    )
    await expect(endpoint({ 'validation/json-schema': 'x' })).rejects.toThrow('expected a JSON Schema')
  })

  it('works as a plugin alone', async () => {
    app = Fastify()
    await app.register(jsonSchemaPlugin, SCHEMA)
    app.post('/', () => 'ok')
    expect((await app.inject({ method: 'POST', url: '/', payload: { n: -1 } })).statusCode).toBe(400)
    expect((await app.inject({ method: 'POST', url: '/', payload: { n: 1 } })).statusCode).toBe(200)
  })
})

describe('property: whatever reaches the backend satisfies the schema', () => {
  it('for arbitrary JSON, bytes and content types', async () => {
    const backend = await endpoint({ 'validation/json-schema': SCHEMA })
    app = backend.app
    const { validate } = compileSchema(SCHEMA)
    const near = fc.record(
      {
        n: fc.oneof({ weight: 5, arbitrary: fc.nat() }, fc.integer(), fc.double(), fc.string()),
        s: fc.oneof({ weight: 3, arbitrary: fc.string({ unit: fc.constantFrom(...'abc') }) }, fc.string()),
        l: fc.array(fc.boolean(), { maxLength: 2 }),
      },
      { requiredKeys: [] },
    )
    const text = fc.oneof(
      { weight: 1, arbitrary: fc.json() },
      { weight: 5, arbitrary: near.map((value) => JSON.stringify(value)) },
      near.map((value) => JSON.stringify(value, null, 1)),
      fc.tuple(near, near).map(
        ([a, b]) =>
          `{${[a, b]
            .flatMap((part) => Object.entries(part))
            .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
            .join()}}`,
      ),
      fc.tuple(near, fc.nat(), fc.string({ maxLength: 1 })).map(([value, at, char]) => {
        const written = JSON.stringify(value)
        return written.slice(0, at % written.length) + char + written.slice(at % written.length)
      }),
    )
    const type = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.constantFrom(
          'application/json',
          'Application/Json',
          'application/json; charset=utf-8',
          'application/a+json',
        ),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          'text/plain',
          'application/json;',
          'application/json; charset=latin1',
          'application/x-www-form-urlencoded',
          'application/json\t',
        ),
      },
      {
        weight: 1,
        arbitrary: fc
          .tuple(fc.string({ unit: fc.constantFrom(...'aj/+;= "\t,json'), maxLength: 20 }))
          .map(([odd]) => `application/json${odd}`),
      },
    )
    let passed = 0
    await fc.assert(
      fc.asyncProperty(text, type, async (payload, contentType) => {
        backend.seen.length = 0
        const response = await app!.inject({
          method: 'POST',
          url: '/',
          payload: Buffer.from(payload),
          headers: { 'content-type': contentType },
        })
        expect([200, 400, 415]).toContain(response.statusCode)
        if (response.statusCode !== 200) {
          expect(backend.seen).toEqual([])
          return
        }
        passed++
        expect(backend.seen[0]!.body).toBe(Buffer.from(payload).toString('latin1'))
        expect(validate!(JSON.parse(payload))).toBeUndefined()
      }),
      { numRuns: 500 },
    )
    expect(passed).toBeGreaterThan(20)
  })
})
