import { describe, expect, it } from 'vitest'
import { ConfigurationError, checkSchema, closest, didYouMean, formatIssue, type JSONSchema } from '../src/index.ts'

const lines = (schema: JSONSchema, value: unknown) => checkSchema(schema, value, { place: 'x' }).map(formatIssue)
const object = (properties: JSONSchema, rest: JSONSchema = {}): JSONSchema => ({ type: 'object', properties, ...rest })

describe('each keyword’s message', () => {
  it.each<[string, JSONSchema, unknown, string[]]>([
    ['type', { type: 'string' }, 5, ['x: expected a text, got 5']],
    ['types', { type: ['string', 'null'] }, true, ['x: expected a text or null, got true']],
    ['list', { type: 'array' }, {}, ['x: expected a list, got an object']],
    ['object', { type: 'object' }, [], ['x: expected an object, got a list']],
    ['integer', { type: 'integer' }, 1.5, ['x: expected a whole number, got 1.5']],
    ['boolean', { type: 'boolean' }, 'true', ['x: expected true or false, got "true"']],
    ['null', { type: 'number' }, null, ['x: expected a number, got null']],
    [
      'enum',
      { enum: ['ip', 'header'] },
      'heder',
      ['x: expected one of "ip", "header", got "heder"; did you mean "header"?'],
    ],
    ['enum, far off', { enum: ['ip', 'header'] }, 'cookie', ['x: expected one of "ip", "header", got "cookie"']],
    ['const', { const: 3 }, 2, ['x: expected 3, got 2']],
    ['minimum', { minimum: 1 }, 0, ['x: expected a number >= 1, got 0']],
    ['exclusiveMaximum', { exclusiveMaximum: 1 }, 1, ['x: expected a number < 1, got 1']],
    ['minItems', { minItems: 1 }, [], ['x: expected a list with at least one entry, got a list']],
    ['maxItems', { maxItems: 1 }, [1, 2], ['x: expected a list of at most 1 entries, got a list']],
    ['minLength', { minLength: 1 }, '', ['x: expected a text that is not empty, got ""']],
    ['maxLength', { maxLength: 2 }, 'abc', ['x: expected a text of at most 2 characters, got "abc"']],
    ['minProperties', { minProperties: 1 }, {}, ['x: expected an object with at least one field, got an object']],
    ['multipleOf', { multipleOf: 5 }, 7, ['x: expected a multiple of 5, got 7']],
    ['uniqueItems', { uniqueItems: true }, [1, 1], ['x: expected a list without repeated entries, got a list']],
    ['pattern', { pattern: '^a' }, 'b', ['x: expected a text that matches ^a, got "b"']],
    ['expects', { type: 'string', pattern: '^a', expects: 'an a' }, 'b', ['x: expected an a, got "b"']],
    ['required', object({}, { required: ['a', 'b'] }), {}, ['x: field "a" is missing', 'x: field "b" is missing']],
    [
      'propertyNames',
      { propertyNames: { pattern: '^a' } },
      { b: 1 },
      ['x: expected a text that matches ^a, got "b"', 'x: field name "b" is not allowed'],
    ],
  ])('%s', (_keyword, schema, value, expected) => expect(lines(schema, value)).toEqual(expected))
})

describe('checkSchema', () => {
  it('finds every mistake, each with its place', () => {
    const schema = object({
      list: { type: 'array', items: object({ 'a/b': { type: 'string' } }) },
      'with space': { type: 'number' },
    })
    const value = { list: [{ 'a/b': '' }, { 'a/b': 1 }], 'with space': 'x' }
    expect(lines(schema, value)).toEqual([
      'x.list[1]["a/b"]: expected a text, got 1',
      'x["with space"]: expected a number, got "x"',
    ])
  })

  it('names the nearest known field, and lets comments be', () => {
    const schema = object({ max_rate: { type: 'number' }, every: {} }, { additionalProperties: false })
    expect(lines(schema, { maxRate: 1, 'max-rate': 2, evry: 3, zzz: 4, '@comment': 1, $c: 1, _c: 1, '#c': 1 })).toEqual(
      [
        'x.maxRate: unknown field; did you mean "max_rate"?',
        'x["max-rate"]: unknown field; did you mean "max_rate"?',
        'x.evry: unknown field; did you mean "every"?',
        'x.zzz: unknown field',
      ],
    )
  })

  it('tells of alternatives once, not of every branch', () => {
    const either: JSONSchema = { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] }
    expect(lines(either, 5)).toEqual(['x: expected a text or a list, got 5'])
    expect(lines(either, [5])).toEqual(['x: expected a text or a list, got a list'])
    expect(lines({ oneOf: [{ required: ['a'] }, { required: ['b', 'c'] }] }, {})).toEqual([
      'x: expected the field "a" or the field "b" and "c", got an object',
    ])
    expect(lines({ anyOf: [{ enum: ['a', 'b'] }, { type: 'number', expects: 'a rate' }] }, 'c')).toEqual([
      'x: expected "a", "b" or a rate, got "c"',
    ])
  })

  it('tells of alternatives once where they are references, too', () => {
    const schema: JSONSchema = {
      definitions: { text: { type: 'string' }, list: { type: 'array', items: { $ref: '#/definitions/text' } } },
      anyOf: [{ $ref: '#/definitions/text' }, { $ref: '#/definitions/list' }],
    }
    expect(lines(schema, [5])).toHaveLength(1)
    expect(lines(schema, 5)).toHaveLength(1)
  })

  it('shows the branch of if and then, not the if', () => {
    const schema = JSON.parse('{"if":{"properties":{"kind":{"const":"tcp"}}},"then":{"required":["port"]}}')
    expect(lines(schema, { kind: 'tcp' })).toEqual(['x: field "port" is missing'])
  })

  it('echoes no long values and no secrets', () => {
    const long = 'a'.repeat(200)
    expect(lines({ type: 'number' }, long)[0]!.length).toBeLessThan(100)
    expect(lines({ type: 'number' }, { password: 'hush' })).toEqual(['x: expected a number, got an object'])
    expect(lines(object({ secret: { type: 'string', writeOnly: true } }), { secret: 12345 })).toEqual([
      'x.secret: expected a text',
    ])
  })
})

describe('names', () => {
  const names = ['allow_origins', 'allow_methods', 'max_age', 'ip']
  it.each([
    ['allow_orgins', 'allow_origins'],
    ['allowOrigins', 'allow_origins'],
    ['ALLOW-METHODS', 'allow_methods'],
    ['mxa_age', 'max_age'],
    ['pi', 'ip'],
    ['something_else', undefined],
  ])('%s is nearest to %s', (name, nearest) => {
    expect(closest(name, names)).toBe(nearest)
    expect(didYouMean(name, names)).toBe(nearest === undefined ? '' : `; did you mean "${nearest}"?`)
  })
})

it('makes an error of all mistakes, one a line', () => {
  const one = new ConfigurationError([{ place: 'a.b', message: 'wrong' }], 'gateway.json')
  expect(one.message).toBe('gateway.json: 1 mistake\n  a.b: wrong')
  const two = new ConfigurationError([
    { place: '', message: 'empty' },
    { place: 'c', message: 'wrong' },
  ])
  expect(two.message).toBe('configuration: 2 mistakes\n  empty\n  c: wrong')
  expect([two.code, two.name, two.issues.length]).toEqual(['PORTCULLIS_CONFIG_INVALID', 'ConfigurationError', 2])
})
