import { describe, expect, it } from 'vitest'
import { Budget } from '../src/schema/budget.ts'
import { compileSchema } from '../src/schema/compile.ts'
import { FORMATS } from '../src/schema/formats.ts'
import { hasUniqueItems } from '../src/schema/unique-items.ts'

const check = (schema: object | boolean, value: unknown, version?: string) => {
  const compiled = compileSchema(schema as object as Record<string, unknown>, version)
  expect(compiled.issues).toEqual([])
  return compiled.validate!(value)
}
const issuesOf = (schema: object, version?: string) =>
  compileSchema(schema as Record<string, unknown>, version).issues.map(({ place, message }) => `${place}: ${message}`)

describe('schemas are enforced as they are written', () => {
  it('neither coerces, removes nor fills in', () => {
    const value = { a: '1', extra: true }
    expect(check({ properties: { a: { type: 'integer' } } }, value)).toEqual({
      at: '/a',
      keyword: 'type',
      message: 'must be integer',
    })
    expect(check({ properties: { a: {}, b: { default: 1 } } }, value)).toBeUndefined()
    expect(value).toEqual({ a: '1', extra: true })
  })

  it('looks at own members only', () => {
    expect(check({ required: ['constructor'] }, {})).toMatchObject({ keyword: 'required' })
    expect(check({ required: ['toString'] }, { toString: 1 })).toBeUndefined()
    expect(check({ properties: { constructor: { type: 'number' } } }, {})).toBeUndefined()
  })

  it('boolean schemas', () => {
    expect(check(false, 1)).toBeDefined()
    expect(check(true, 1)).toBeUndefined()
  })

  it('reads drafts by $schema and by version', () => {
    const tuple = { $schema: 'https://json-schema.org/draft/2020-12/schema', prefixItems: [{ type: 'string' }] }
    expect(check(tuple, [1])).toMatchObject({ at: '/0' })
    expect(check({ dependentRequired: { a: ['b'] } }, { a: 1 }, '2019-09')).toMatchObject({
      keyword: 'dependentRequired',
    })
    expect(
      check({ $schema: 'http://json-schema.org/draft-04/schema#', minimum: 1, exclusiveMinimum: true }, 1),
    ).toBeDefined()
    expect(check({ minimum: 1, exclusiveMinimum: true }, 2, 'draft4')).toBeUndefined()
    expect(check({ unevaluatedProperties: false, properties: { a: true } }, { b: 1 }, 'draft202012')).toBeDefined()
  })

  it('enforces formats', () => {
    expect(check({ format: 'email' }, 'nope')).toMatchObject({ keyword: 'format' })
    expect(check({ format: 'email' }, 'a@b.co')).toBeUndefined()
    expect(check({ format: 'byte' }, 'AAAA\n!!!!')).toBeDefined()
    expect(check({ format: 'byte' }, 'AAA=')).toBeUndefined()
    expect(check({ format: 'url' }, 'https://example.com/x')).toBeUndefined()
    expect(check({ format: 'url' }, 'javascript:alert(1)')).toBeDefined()
    expect(check({ format: 'regex' }, '(')).toBeDefined()
    expect(check({ format: 'regex' }, '(?<=a)b')).toBeUndefined()
    expect(check({ type: 'integer', format: 'int32' }, 2 ** 31)).toBeDefined()
  })

  it('never tells the value', () => {
    const secret = 'hunter2-secret'
    for (const schema of [
      { enum: ['a'] },
      { const: 'a' },
      { format: 'email' },
      { pattern: '^a$' },
      { maxLength: 1 },
      { type: 'number' },
      false,
    ]) {
      expect(JSON.stringify(check({ properties: { p: schema } }, { p: secret }))).not.toContain(secret)
    }
  })
})

describe('mistakes are found at start, with their places', () => {
  it.each([
    [{ properties: { a: { maxLenght: 3 } } }, '.properties.a.maxLenght: unknown keyword; did you mean "maxLength"?'],
    [{ colour: 'red' }, '.colour: unknown keyword; a note of your own begins with "x-"'],
    [{ items: { minLength: 'x' } }, '.items.minLength: is no schema: must be integer'],
    [{ type: 'strnig' }, '.type: is no schema: must be equal to one of the allowed values'],
    [{ format: 'emial' }, '.format: unknown format; did you mean "email"?'],
    [{ pattern: '(' }, '.pattern: the pattern is not a regular expression'],
    [{ patternProperties: { '(?<=x)y': {} } }, '.patternProperties["(?<=x)y"]: the pattern has a lookbehind'],
    [
      { properties: { a: { $ref: 'http://127.0.0.1:9/s.json' } } },
      '.properties.a.$ref: refers to "http://127.0.0.1:9/s.json", which is not in this schema; nothing is fetched',
    ],
    [{ $ref: '#/definitions/none' }, '.$ref: refers to "#/definitions/none"'],
    [{ prefixItems: [] }, '.prefixItems: is not a keyword of draft-07, but of 2020-12'],
    [{ $schema: 'http://example.com/own' }, '.$schema: is not a draft that is understood'],
    [{ $ref: '#' }, ': refers to itself without end'],
    [{ anyOf: {} }, '.anyOf: expected a list of schemas'],
    [{ properties: [] }, '.properties: expected an object of schemas by name'],
    [{ not: 3 }, '.not: expected a schema'],
  ])('%j', (schema, issue) => {
    expect(issuesOf(schema).join('\n')).toContain(issue)
  })

  it('a list in "items" is told apart in 2020-12', () => {
    expect(issuesOf({ items: [{}] }, '2020-12')[0]).toContain('prefixItems')
  })

  it('comments and notes are no mistakes', () => {
    expect(issuesOf({ '@comment': 1, '#why': 2, _x: 3, 'x-note': 4, $comment: 'c', type: 'string' })).toEqual([])
  })
})

describe('no value hangs', () => {
  const within = (limit: number, work: () => void): void => {
    const started = performance.now()
    work()
    expect(performance.now() - started).toBeLessThan(limit)
  }

  it('alternatives that refer to themselves', () => {
    const schema = { properties: { c: { anyOf: [{ $ref: '#' }, { $ref: '#' }] } }, required: ['x'] }
    let value: unknown = {}
    for (let depth = 0; depth < 60; depth++) value = { c: value, x: 1 }
    within(1000, () => expect(check(schema, value)).toMatchObject({ keyword: 'complexity' }))
  })

  it('a recursive schema on 10,000 levels', () => {
    let value: unknown = {}
    for (let depth = 0; depth < 10_000; depth++) value = { c: value }
    within(1000, () => check({ properties: { c: { $ref: '#' } } }, value))
  })

  it('unique objects', () => {
    const list = Array.from({ length: 20_000 }, (_, a) => ({ a }))
    within(500, () => expect(check({ uniqueItems: true }, list)).toBeUndefined())
  })

  it('formats with texts made for them', () => {
    const texts = ['a', 'a.', '-', 'a-', '1', '1:', 'a@', '%61', '/', '{a', '~0', '\n', 'A'].map((part) =>
      part.repeat(20_000),
    )
    expect(Object.values(FORMATS).filter((format) => typeof format === 'function').length).toBeGreaterThan(15)
    within(200, () => {
      for (const format of Object.values(FORMATS)) {
        if (typeof format === 'function')
          for (const text of texts) {
            for (const length of [20_000, 2048, 320, 254, 64]) format(`${text.slice(0, length - 1)}!`)
          }
      }
    })
  })
})

it('unique items by JSON Schema’s equality', () => {
  const unique = (list: unknown[]) => hasUniqueItems(list, new Budget())
  expect(unique([1, true, '1', 'true', null, 'null', [], {}, '[]', '{}', 0, false])).toBe(true)
  expect(
    unique([
      { a: 1, b: [2] },
      { b: [2], a: 1 },
    ]),
  ).toBe(false)
  expect(
    unique([
      [1, 2],
      [2, 1],
    ]),
  ).toBe(true)
  expect(unique([0, -0])).toBe(false)
  expect(unique(['a', 'a'])).toBe(false)
})
