import { describe, expect, it } from 'vitest'
import {
  defaultJsonLimits,
  isJsonType,
  isUtf8Type,
  type JsonLimits,
  parseMediaType,
  parseStrictJson,
} from '../src/index.ts'

const read = (text: string, limits: Partial<JsonLimits> = {}) =>
  parseStrictJson(Buffer.from(text), { ...defaultJsonLimits, ...limits })

describe('JSON that every reader takes for the same value', () => {
  it.each([
    ['{ "a" : [1, "x", {"b": null}], "c": true }'],
    ['"\\"{["'],
    ['0'],
    ['false'],
    ['[]'],
    ['{"a":{"a":1},"b":[{"a":1},{"a":2}]}'],
    ['{"constructor":1,"prototype":2}'],
    ['{"id":12345678901234567890}'],
  ])('takes %s', (text) => {
    expect(read(text)).toMatchObject({ value: JSON.parse(text) })
  })

  it.each([
    ['', 'empty'],
    ['   ', 'syntax'],
    ['{"a":1,"a":2}', 'duplicate-key'],
    ['{"a":1,"\\u0061":2}', 'duplicate-key'],
    [`{${Array.from({ length: 20 }, (_, i) => `"k${i}":0`).join()},"k3":1}`, 'duplicate-key'],
    ['[{"b":{"__proto__":{}}}]', 'prototype'],
    ['{"\\u005f_proto__":1}', 'prototype'],
    ['{"constructor":{"prototype":{}}}', 'prototype'],
    ['\ufeff{}', 'bom'],
    ['{"a":NaN}', 'syntax'],
    ['{"a":1e400}', 'number'],
    ['[1.0000000000000000001]', 'number'],
    ['[1e-400]', 'number'],
    ['{"a":1', 'syntax'],
    ['{"a":1}}', 'syntax'],
    ['{"a":1}{"a":2}', 'syntax'],
    ["{'a':1}", 'syntax'],
    ['{"a":01}', 'syntax'],
    ['{"a"', 'syntax'],
    ['"', 'syntax'],
    [']', 'syntax'],
    [',', 'syntax'],
    ['[1,]', 'syntax'],
  ])('refuses %j: %s', (text, fault) => {
    expect(read(text)).toEqual({ fault })
  })

  it('refuses invalid UTF-8 and UTF-16', () => {
    expect(parseStrictJson(Buffer.from([0x22, 0xff, 0x22]))).toEqual({ fault: 'encoding' })
    expect(parseStrictJson(Buffer.from('{"a":1}', 'utf16le'))).toEqual({ fault: 'syntax' })
  })

  it.each([
    ['[[1]]', { maxDepth: 2 }, '[[[1]]]', 'depth'],
    ['{"a":1,"b":2}', { maxKeys: 2 }, '{"a":1,"b":2,"c":3}', 'keys'],
    ['[1,2]', { maxItems: 2 }, '[1,2,3]', 'items'],
    ['{"abc":1}', { maxNameLength: 3 }, '{"abcd":1}', 'name-length'],
    ['["abc"]', { maxStringLength: 3 }, '["abcd"]', 'string-length'],
  ])('bounds: %s within %j, %s beyond', (within, limits, beyond, fault) => {
    expect(read(within, limits).fault).toBeUndefined()
    expect(read(beyond, limits)).toEqual({ fault })
  })

  it('allows repeated names when told so, and takes the last', () => {
    expect(read('{"a":1,"a":2}', { duplicateKeys: 'allow' })).toEqual({ value: { a: 2 }, exact: true })
  })

  it.each([
    ['12345678901234567890', false],
    ['12345678901234567891', false],
    ['9007199254740993', false],
    ['0.1234567890123456789', false],
    ['0.1', true],
    ['0.30000000000000004', true],
    ['1.5e10', true],
    ['-0', true],
    ['9007199254740991', true],
  ])('knows whether a double holds %s: %s', (text, exact) => {
    expect(read(text).exact).toBe(exact)
  })

  it('reads 200,000 levels and 60,000 names in linear time', () => {
    const names = `{${Array.from({ length: 60_000 }, (_, i) => `"${i * 65_536}":1`).join()}}`
    const started = performance.now()
    expect(read('['.repeat(200_000))).toEqual({ fault: 'depth' })
    expect(read(names)).toEqual({ fault: 'keys' })
    expect(performance.now() - started).toBeLessThan(100)
  })
})

describe('media types', () => {
  it.each([
    'application/json',
    'Application/JSON',
    'application/json;charset=utf-8',
    'application/json\t; charset="UTF-8" ; x=1',
  ])('reads %j', (text) => {
    const media = parseMediaType(text)
    expect(media?.essence).toBe('application/json')
    expect(isJsonType(media!) && isUtf8Type(media!)).toBe(true)
  })

  it.each([
    '',
    'json',
    '/json',
    'application/',
    'application/json;',
    'application/json;;charset=utf-8',
    'application/json; charset',
    'application/json\v',
    'application/json, text/plain',
    'application/json; a=1; a=2',
    'application/json; a="x',
    'application /json',
  ])('does not read %j', (text) => {
    expect(parseMediaType(text)).toBeUndefined()
  })

  it.each([
    ['application/problem+json', true],
    ['application/+json', false],
    ['text/json', false],
    ['application/jsonp', false],
    ['application/json+xml', false],
  ])('%s is JSON: %s', (text, json) => {
    expect(isJsonType(parseMediaType(text)!)).toBe(json)
  })

  it('knows charsets that are not UTF-8', () => {
    expect(isUtf8Type(parseMediaType('application/json; charset=utf-16le')!)).toBe(false)
    expect(isUtf8Type(parseMediaType('application/json; charset=utf-7')!)).toBe(false)
  })
})
