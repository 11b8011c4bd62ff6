import { describe, expect, test } from 'vitest'
import { parseJson } from '../../src/body/json.ts'
import { parseMultipart } from '../../src/body/multipart.ts'
import { parseArguments } from '../../src/body/urlencoded.ts'
import { parseXml } from '../../src/body/xml.ts'
import { ids, rulesOf, run } from '../engine/run.ts'

const pairs = (list: readonly { key: string; value: string }[]): string[] => list.map((p) => `${p.key}=${p.value}`)

describe('forms', () => {
  test('names and values are decoded, empty parts passed over, the number is bounded', () => {
    expect(pairs(parseArguments('a=1&b+c=%41%zz&&d&=e', 10).list)).toEqual(['a=1', 'b c=A%zz', 'd=', '=e'])
    expect(parseArguments('a&b&c', 2)).toMatchObject({ tooMany: true, list: [{ key: 'a' }, { key: 'b' }] })
  })
})

describe('JSON', () => {
  const limits = { depth: 4, values: 10 }
  test('is flattened; repeated names are all seen', () => {
    const { list } = parseJson('{"a":{"b":1,"b":"x"},"l":[true,null,{"c":-1.5e3}],"":"e"}', limits)
    expect(pairs(list)).toEqual([
      'json.a.b=1',
      'json.a.b=x',
      'json.l=true',
      'json.l=',
      'json.l.c=-1.5e3',
      'json.empty-key=e',
    ])
  })
  test('strings are UTF-8 bytes', () => {
    expect(parseJson('"\\u00e9\\ud83d\\ude00"', limits).list[0]!.value).toBe(Buffer.from('é😀').toString('latin1'))
  })
  test.each(['{"a":1', '{"a" 1}', '[1,]', '01x', '"\x01"', '"\xff"', '[[[[[1]]]]]', '"\\x"', '1 2', ''])(
    '%j is an error',
    (text) => {
      expect(parseJson(text, limits).error).toBeDefined()
    },
  )
  test('depth 512 is enough for no stack to overflow', () => {
    const deep = '['.repeat(100_000)
    expect(parseJson(deep, { depth: 512, values: 10 }).error!.message).toMatch(/deep/)
  })
})

describe('XML', () => {
  test('text and attribute values', () => {
    const { text, attributes, error } = parseXml(
      '<?xml version="1.0"?><!-- c --><a x="1&lt;"><b y=\'2\'/>t&#x41;<![CDATA[<z>]]></a>',
    )
    expect([text, attributes, error]).toEqual(['tA<z>', ['1<', '2'], undefined])
  })
  test.each(['', 'x', '<a>', '<a></b>', '<a/><b/>', '<!DOCTYPE a><a/>', '<a>&b;</a>', '<a x=1/>'])(
    '%j is an error',
    (text) => {
      expect(parseXml(text).error).toBeDefined()
    },
  )
})

describe('multipart', () => {
  const type = 'multipart/form-data; boundary=B'
  const limits = { parts: 10, files: 2 }
  const part = (header: string, body: string): string =>
    `--B\r\nContent-Disposition: form-data; ${header}\r\n\r\n${body}\r\n`

  test('fields, files and part headers', () => {
    const content = parseMultipart(
      type,
      `${part('name="a"', 'one\r\ntwo')}${part('name="f"; filename="x.txt"', 'data')}--B--\r\n`,
      limits,
    )
    expect(pairs(content.fields)).toEqual(['a=one\r\ntwo'])
    expect(content.files).toEqual([{ field: 'f', fileName: 'x.txt', content: 'data' }])
    expect(pairs(content.partHeaders)[0]).toBe('a=Content-Disposition: form-data; name="a"')
    expect([content.flags.size, content.error]).toEqual([0, undefined])
  })

  test.each([
    ['BOUNDARY_QUOTED', 'multipart/form-data; boundary="B"', `${part('name=a', '1')}--B--\r\n`],
    ['BOUNDARY_WHITESPACE', 'multipart/form-data; boundary= B', `${part('name=a', '1')}--B--\r\n`],
    ['MISSING_SEMICOLON', 'multipart/form-data boundary=B', `${part('name=a', '1')}--B--\r\n`],
    ['DATA_BEFORE', type, `x\r\n${part('name=a', '1')}--B--\r\n`],
    ['DATA_AFTER', type, `${part('name=a', '1')}--B--\r\nx`],
    ['LF_LINE', type, `${part('name=a', '1')}--B--\n`],
    ['CRLF_LF_LINES', type, `${part('name=a', '1')}--B--\n`],
    ['HEADER_FOLDING', type, `--B\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\n1\r\n--B--\r\n`],
    ['INVALID_QUOTING', type, `${part(`name='a'`, '1')}--B--\r\n`],
    ['INVALID_PART', type, `--B\r\nX: y\r\n\r\n1\r\n--B--\r\n`],
    ['UNMATCHED_BOUNDARY', type, `${part('name=a', '--C')}--B--\r\n`],
    ['FILE_LIMIT_EXCEEDED', type, `${part('name=a; filename=b', '1').repeat(3)}--B--\r\n`],
  ] as const)('%s', (flag, contentType, body) => {
    expect([...parseMultipart(contentType, body, limits).flags]).toContain(flag)
  })

  test.each([
    ['no boundary', 'multipart/form-data', ''],
    ['no final boundary', type, part('name=a', '1')],
    ['two names', type, `${part('name=a; name=b', '1')}--B--\r\n`],
    ['an extended file name', type, `${part(`name=a; filename*=utf-8''x`, '1')}--B--\r\n`],
    ['capitals', type, `--B\r\nContent-Disposition: FORM-DATA; name=a\r\n\r\n1\r\n--B--\r\n`],
    ['too many parts', type, `${part('name=a', '1').repeat(11)}--B--\r\n`],
  ])('%s is an error', (_name, contentType, body) => {
    expect(parseMultipart(contentType, body, limits).error).toBeDefined()
  })
})

describe('limits', () => {
  const headers = ['Content-Type', 'application/x-www-form-urlencoded']
  test('a body over the limit is refused, or looked at as far as it fits', () => {
    const refused = run(rulesOf('SecRequestBodyLimit 10\nSecAction "id:1,pass"'), { headers, body: 'a=12345678901' })
    expect(refused.verdict).toMatchObject({ status: 413, ruleId: 0 })
    const text = `SecRequestBodyLimit 5\nSecRequestBodyLimitAction ProcessPartial
      SecRule ARGS:a "@streq 123" "id:1,pass"\nSecRule INBOUND_DATA_ERROR "@eq 1" "id:2,pass"`
    expect(ids(text, { headers, body: 'a=123456' })).toEqual([1, 2])
  })
  test('too many arguments set REQBODY_ERROR', () => {
    expect(ids('SecArgumentsLimit 2\nSecRule REQBODY_ERROR "@eq 1" "id:1,pass"', { uri: '/?a&b&c' })).toEqual([1])
  })
})
