import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stateOf } from '@portcullis/core'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { GraphqlConfig } from '../src/index.ts'
import { type Endpoint, endpoint, post } from './backend.ts'

const SEED: GraphqlConfig = { max_queries_per_minute: 100, max_depth: 5, max_complexity: 1000 }

let app: FastifyInstance
let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'graphql-'))
})
afterAll(() => rmSync(dir, { recursive: true }))
afterEach(() => app?.close())

async function limited(block: GraphqlConfig = SEED): Promise<Endpoint> {
  const made = await endpoint({ 'security/graphql': block })
  app = made.app
  return made
}

/** `200`, or the limit that refused. */
async function verdict(query: string, extra: object = {}): Promise<string> {
  const response = await post(app, { query, ...extra })
  return response.statusCode === 200 ? '200' : `${response.statusCode} ${response.json().errors[0].extensions.limit}`
}

const nested = (depth: number): string => `${'{a'.repeat(depth)}${'}'.repeat(depth)}`

describe('the seed’s three numbers', () => {
  it('max_depth: the root is 1, leaves count, fragments do not', async () => {
    await limited()
    expect(await verdict(nested(5))).toBe('200')
    expect(await verdict(nested(6))).toBe('400 max_depth')
    expect(await verdict('{a{b{...on T{c{...on T{s}}}}}}')).toBe('200')
    expect(await verdict('{a{...F}} fragment F on T{b{...G}} fragment G on T{c{d}}')).toBe('200')
    expect(await verdict('{a{...F}} fragment F on T{b{...G}} fragment G on T{c{d{e{f}}}}')).toBe('400 max_depth')
  })

  it('max_complexity: objects 1, leaves 0, times the lengths of lists', async () => {
    await limited()
    expect(await verdict('{a(first:999){s}}')).toBe('200')
    expect(await verdict('{a(first:1000){s} b{s}}')).toBe('400 max_complexity')
    expect(await verdict('{a(first:40){b(first:30){s}}}')).toBe('400 max_complexity')
    expect(await verdict('query($n:Int){a(first:$n){b{s}}}', { variables: { n: 500 } })).toBe('200')
    expect(await verdict('query($n:Int){a(first:$n){b{s}}}', { variables: { n: 501 } })).toBe('400 max_complexity')
  })

  it('max_queries_per_minute: 429 with Retry-After, as a GraphQL response', async () => {
    const { seen } = await limited({ ...SEED, max_queries_per_minute: 3 })
    for (let i = 0; i < 3; i++) expect(await verdict('{a}')).toBe('200')
    const response = await post(app, { query: '{a}' })
    expect(response.statusCode).toBe(429)
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(0)
    expect(response.json()).toEqual({
      errors: [
        {
          message: 'Too many queries',
          extensions: { code: 'PORTCULLIS_RATE_LIMITED', limit: 'max_queries_per_minute' },
        },
      ],
    })
    expect(seen).toHaveLength(3)
    const other = await app.inject({
      method: 'POST',
      url: '/graphql',
      payload: { query: '{a}' },
      remoteAddress: '192.0.2.7',
    })
    expect(other.statusCode).toBe(200)
  })
})

it('refusals are GraphQL responses and say nothing of the document', async () => {
  const { seen } = await limited()
  const response = await post(app, { query: '{secret_field_name{b{c{d{e{f}}}}}}' })
  expect(response.statusCode).toBe(400)
  expect(response.headers['content-type']).toBe('application/json; charset=utf-8')
  expect(response.json()).toEqual({
    errors: [
      { message: 'The operation is too deep', extensions: { code: 'PORTCULLIS_GRAPHQL_LIMIT', limit: 'max_depth' } },
    ],
  })
  expect(seen).toEqual([])
})

it('monitor mode records', async () => {
  const made = await endpoint(
    { 'security/graphql': { ...SEED, mode: 'monitor' } },
    { answer: (request) => stateOf(request).decisions },
  )
  app = made.app
  expect((await post(app, { query: nested(6) })).json()).toMatchObject([
    { component: 'graphql', code: 'GRAPHQL_LIMIT', mode: 'monitor', detail: { limit: 'max_depth', value: 6 } },
  ])
})

it('GQ-38 batches count each operation', async () => {
  await limited({ max_queries_per_minute: 5, max_batch: 10 })
  expect(
    (
      await post(
        app,
        [1, 2, 3].map(() => ({ query: '{a}' })),
      )
    ).statusCode,
  ).toBe(200)
  expect(
    (
      await post(
        app,
        [1, 2, 3].map(() => ({ query: '{a}' })),
      )
    ).statusCode,
  ).toBe(429)
})

describe('defects of other libraries', () => {
  it('GQ-05 cycles of fragments, direct and not, are 400', async () => {
    await limited()
    for (const cycle of [
      '{...F} fragment F on T{s b{...F}}',
      '{...F} fragment F on T{...G} fragment G on T{a{...F}}',
      '{a} fragment F on T{...F}',
    ]) {
      expect(await verdict(cycle)).toBe('400 fragments')
    }
  })

  it('fragments that do not exist are 400', async () => {
    await limited()
    expect(await verdict('{...Nope}')).toBe('400 fragments')
    expect(await verdict('{a} fragment F on T{...Nope}')).toBe('400 fragments')
  })

  it('GQ-04 fragments that double twenty times are counted in no time', async () => {
    await limited({ max_depth: 5, max_complexity: 1000, max_root_fields: 10_000, max_aliases: 10_000 })
    const doubling = (leaf: string) =>
      `{...F0} ${Array.from({ length: 22 }, (_, i) => `fragment F${i} on T{...F${i + 1} ...F${i + 1}}`).join(' ')} fragment F22 on T{${leaf}}`
    const started = performance.now()
    expect(await verdict(doubling('a{s}'))).toBe('400 max_root_fields')
    await app.close()
    await limited({ max_complexity: 1000 })
    expect(await verdict(`{root{...F0}} ${doubling('a{s}').slice(7)}`)).toBe('400 max_complexity')
    expect(performance.now() - started).toBeLessThan(300)
  })

  it('directives of every spread count', async () => {
    await limited({ max_directives: 50 })
    const spreads = (n: number) => `{${'...F @d '.repeat(n)}} fragment F on T{s}`
    expect(await verdict(spreads(20))).toBe('200')
    expect(await verdict(spreads(51))).toBe('400 max_directives')
    expect(await verdict('query @d{a}'.replace('@d', '@d '.repeat(51)))).toBe('400 max_directives')
    expect(await verdict(`query($v:Int ${'@d '.repeat(51)}){a}`)).toBe('400 max_directives')
    expect(await verdict(`{...F ...F} fragment F on T ${'@d '.repeat(26)}{s}`)).toBe('400 max_directives')
    expect(await verdict(`{a{... on T ${'@d '.repeat(51)}{s}}}`)).toBe('400 max_directives')
  })

  it('GQ-11 aliases count, also of and as __typename, and in fragments', async () => {
    await limited()
    const aliases = (n: number, field: string, alias = 'a') =>
      `{${Array.from({ length: n }, (_, i) => `${alias}${i}:${field}`).join(' ')}}`
    expect(await verdict(`{r${aliases(15, 'me')}}`)).toBe('200')
    expect(await verdict(`{r${aliases(16, 'me')}}`)).toBe('400 max_aliases')
    expect(await verdict(`{r${aliases(16, '__typename')}}`)).toBe('400 max_aliases')
    expect(await verdict(`{r{${'__typename:x '.repeat(16)}}}`)).toBe('400 max_aliases')
    expect(await verdict('{r{...F ...F ...F ...F}} fragment F on T{a:x b:x c:x d:x}')).toBe('400 max_aliases')
    expect(await verdict(aliases(1000, 'me{id}'))).toMatch(/^400 max_(?:aliases|tokens)$/)
  })

  it('a field called __schema below the root hides nothing', async () => {
    await limited({ ...SEED, introspection: true })
    expect(await verdict('{a{__schema{b{c{d{e{f}}}}}}}')).toBe('400 max_depth')
    expect(await verdict('mutation{__schema{b{c{d{e{f}}}}}}')).toBe('400 max_depth')
    expect(await verdict('{__schema{types{fields{type{ofType{ofType{name}}}}}}}')).toBe('200')
    expect(await verdict(`{__schema${nested(25)}}`)).toBe('400 max_depth')
  })

  it('list lengths by any name, default and variable', async () => {
    await limited()
    for (const list of [
      'a(limit:2000){s}',
      'a(take:2000){s}',
      'a(pageSize:2000){s}',
      'a(first:1,last:2000){s}',
      'a(page:{first:2000}){s}',
      'a(first:"2000"){s}',
      'a(first:2e3){s}',
    ]) {
      expect(await verdict(`{${list}}`)).toBe('400 max_complexity')
    }
    expect(await verdict('query($n:Int=2000){a(first:$n){s}}')).toBe('400 max_complexity')
    expect(await verdict('query($p:P){a(page:$p){s}}', { variables: { p: { inner: [{ limit: 2000 }] } } })).toBe(
      '400 max_complexity',
    )
    expect(await verdict('query($n:Int){a(first:$n){s}}', { variables: { n: '2000' } })).toBe('400 max_complexity')
  })

  it('GQ-21, GQ-22 no length is too large, negative or missing', async () => {
    await limited({ max_complexity: 99, max_depth: 10 })
    expect(await verdict('{a(first:1000000){a(first:1000000){a(first:1000000){a(first:1000000){s}}}}}')).toBe(
      '400 max_complexity',
    )
    expect(await verdict(`{a(first:${'9'.repeat(400)}){s}}`)).toBe('400 max_complexity')
    for (const odd of ['-1', '0', '1.5', 'null', '"x"', 'true', '$n']) {
      const query = (depth: number) => `query($n:Int){${`a(first:${odd}){`.repeat(depth)}s${'}'.repeat(depth)}}`
      expect(`${odd} ${await verdict(query(1))}`).toBe(`${odd} 200`)
      expect(`${odd} ${await verdict(query(2))}`).toBe(`${odd} 400 max_complexity`)
    }
  })

  it('GQ-01 5,000 and 60,000 levels are 400 at once', async () => {
    await limited({ max_depth: 200, max_tokens: 10_000, max_document_size: '2M' })
    const started = performance.now()
    expect(await verdict(nested(3000))).toBe('400 max_depth')
    expect(await verdict(nested(5000))).toBe('400 max_depth')
    expect(await verdict(`{a(x:${'['.repeat(3000)}${']'.repeat(3000)})}`)).toBe('400 max_depth')
    expect(await verdict(`query($x:${'['.repeat(3000)}Int${']'.repeat(3000)}){a}`)).toBe('400 max_depth')
    expect(await verdict(nested(60_000))).toMatch(/^400 max_/)
    const chain = Array.from({ length: 1100 }, (_, i) => `fragment F${i} on T{...F${i + 1}}`).join(' ')
    expect(await verdict(`{...F0} ${chain} fragment F1100 on T{s}`)).toBe('400 max_depth')
    expect(performance.now() - started).toBeLessThan(1000)
  })
})

describe('GQ: limits', () => {
  it('GQ-17 tokens and GQ-08 bytes, before anything is parsed', async () => {
    await limited()
    const started = performance.now()
    expect(await verdict(`{${'a '.repeat(16_000)}}`)).toBe('400 max_tokens')
    expect(await verdict(`${'# comment\n'.repeat(90_000)}{a}`)).toBe('400 max_document_size')
    expect(await verdict(`{a(s:"${'é'.repeat(20_000)}")}`)).toBe('400 max_document_size')
    expect(performance.now() - started).toBeLessThan(500)
  })

  it('GQ-12 batches', async () => {
    await limited()
    expect((await post(app, [{ query: '{a}' }])).statusCode).toBe(200)
    expect((await post(app, [{ query: '{a}' }, { query: '{a}' }])).json().errors[0].extensions.limit).toBe('max_batch')
    expect((await post(app, [])).statusCode).toBe(400)
    await app.close()
    await limited({ ...SEED, max_batch: 3 })
    const big = { query: '{a(first:500){s}}' }
    expect((await post(app, [big, big])).statusCode).toBe(200)
    expect((await post(app, [big, big, big])).json().errors[0].extensions.limit).toBe('max_complexity')
    expect((await post(app, [{ query: '{a}' }, { query: nested(6) }])).json().errors[0].extensions.limit).toBe(
      'max_depth',
    )
  })

  it('GQ-13 introspection is off unless allowed, however it is spelt', async () => {
    await limited()
    for (const query of [
      '{__schema{types{name}}}',
      '{__type(name:"User"){name}}',
      '{x:__schema{types{name}}}',
      '{...F} fragment F on Query{__schema{types{name}}}',
      '{...{__type(name:"x"){name}}}',
      '{a} query B{__schema{types{name}}}'.replace('{a}', 'query A{a}'),
    ]) {
      expect(await verdict(query, query.includes('query A') ? { operationName: 'A' } : {})).toBe('400 introspection')
    }
    expect(await verdict('{a{__typename}}')).toBe('200')
  })

  it('GQ-19 the operation that is named is charged; unnamed among several is 400', async () => {
    await limited()
    const two = 'query A{a{s}} query B{b(first:5000){s}}'
    expect(await verdict(two, { operationName: 'A' })).toBe('200')
    expect(await verdict(two, { operationName: 'B' })).toBe('400 max_complexity')
    expect(await verdict(two)).toBe('400 document')
    expect(await verdict(two, { operationName: 'C' })).toBe('400 document')
    expect(await verdict(two, { operationName: '' })).toBe('400 document')
    expect(await verdict(`query A{a} query B${nested(6)}`, { operationName: 'A' })).toBe('400 max_depth')
    expect(await verdict('query A{a} query A{b}', { operationName: 'A' })).toBe('400 document')
    expect(await verdict('{a} query B{b}', { operationName: 'B' })).toBe('400 document')
    expect(await verdict('{...F} fragment F on T{a} fragment F on T{b}')).toBe('400 document')
    expect(await verdict('type T{a:Int}')).toBe('400 document')
    expect(await verdict('fragment F on T{a}')).toBe('400 document')
  })

  it('GQ-20 both sides of @include and @skip count', async () => {
    await limited()
    expect(await verdict('query($x:Boolean!){a @include(if:$x){b{c{d{e{f}}}}}}', { variables: { x: false } })).toBe(
      '400 max_depth',
    )
  })

  it('root fields', async () => {
    await limited({ max_root_fields: 3 })
    expect(await verdict('{a b c}')).toBe('200')
    expect(await verdict('{a b ...F} fragment F on T{c d}')).toBe('400 max_root_fields')
  })

  it('GQ-29 subscriptions and WebSockets', async () => {
    await limited()
    expect(await verdict('subscription{x}')).toBe('400 allow_subscriptions')
    const upgrade = await app.inject({
      url: '/graphql?query={a}',
      headers: { upgrade: 'websocket', connection: 'upgrade' },
    })
    expect(upgrade.statusCode).toBe(400)
    await app.close()
    await limited({ allow_subscriptions: true })
    expect(await verdict('subscription{x}')).toBe('200')
  })

  it('GQ-30, GQ-36, GQ-37 odd documents mean what graphql-js says', async () => {
    await limited()
    for (const good of [
      '\ufeff{a}',
      '{a,,,b}',
      '{a(s:"""block "quoted" """)}',
      '{a(s:"\\u{1F600}")}',
      '{constructor __proto__:me{id} toString}',
      '#c\n{a}',
      'query Q{a}\r\n',
    ]) {
      expect(`${good} ${await verdict(good)}`).toBe(`${good} 200`)
    }
    for (const bad of [
      '{a',
      '',
      '   ',
      '{a}}',
      '{a\f}',
      '{a(s:"\\x")}',
      '{a(s:"unclosed)}',
      'query',
      '{}',
      '\u0000{a}',
    ]) {
      expect(`${bad} ${await verdict(bad)}`).toMatch(/ 400 (?:syntax|document)$/)
    }
  })

  it('GQ-18 huge variables are refused', async () => {
    await limited()
    expect(
      (await post(app, { query: 'query($a:[Int]){me}', variables: { a: Array.from({ length: 100_000 }, () => 1) } }))
        .statusCode,
    ).toBe(400)
  })
})

describe('the ways in which a request comes', () => {
  it('GET, GQ-14 without mutations', async () => {
    const { seen } = await limited()
    const get = async (search: string) => (await app.inject(`/graphql${search}`)).statusCode
    expect(await get('?query=%7Ba%7D')).toBe(200)
    expect(await get(`?query=${encodeURIComponent('query A{a} query B{b}')}&operationName=B&variables=%7B%7D`)).toBe(
      200,
    )
    expect(seen).toHaveLength(2)
    for (const bad of [
      '',
      '?query=',
      '?query=mutation%7Bdel%7D',
      '?query=subscription%7Bx%7D',
      '?query={a}&query={b}',
      '?Query={a}',
      '?query[]={a}',
      '?query={a}&QUERY={b}',
      '?query={a}&variables=x',
      '?query={a}&variables={"a":1,"a":2}',
      '?query={a}&variables=[]',
      '?query=%zz',
      '?query={a}&id=x',
      `?query=${encodeURIComponent(nested(6))}`,
    ]) {
      expect(`${bad} ${await get(bad)}`).toBe(`${bad} 400`)
    }
    expect(seen).toHaveLength(2)
    expect((await app.inject({ method: 'HEAD', url: '/graphql?query=mutation%7Bdel%7D' })).statusCode).toBe(400)
    expect((await app.inject('/graphql?query=mutation%7Bdel%7D')).json().errors[0].extensions).toEqual({
      code: 'PORTCULLIS_GRAPHQL_LIMIT',
      limit: 'allow_get_mutations',
    })
  })

  it('mutations by GET where they are allowed', async () => {
    await limited({ allow_get_mutations: true })
    expect((await app.inject('/graphql?query=mutation%7Bdel%7D')).statusCode).toBe(200)
  })

  it('POST: members that are no GraphQL’s are refused (GQ-23, GQ-24, GQ-25)', async () => {
    const { seen } = await limited()
    for (const bad of [
      '{"query":"{cheap}","query":"{expensive}"}',
      '{"Query":"{expensive}"}',
      '{"query":"{a}","Variables":{}}',
      '{"query":"{a}","doc_id":"1"}',
      '{"query":["{a}"]}',
      '{"query":"{a}","variables":"{}"}',
      '{"query":"{a}","operationName":1}',
      '{"query":"{a}","extensions":[]}',
      '"{a}"',
      'null',
      '{}',
      '{"query":null}',
      '',
      '{a}',
      '\ufeff{"query":"{a}"}',
      '[[{"query":"{a}"}]]',
      '{"query":"{a}","__proto__":{}}',
    ]) {
      expect(`${bad} ${(await post(app, bad)).statusCode}`).toBe(`${bad} 400`)
    }
    expect(
      (await app.inject({ method: 'POST', url: '/graphql?query={a}', payload: { query: '{b}' } })).statusCode,
    ).toBe(400)
    expect((await app.inject({ method: 'POST', url: '/graphql?trace=1', payload: { query: '{b}' } })).statusCode).toBe(
      200,
    )
    expect(seen).toHaveLength(1)
  })

  it('GQ-26 application/graphql is read, GQ-15, GQ-27, GQ-28 others are 415', async () => {
    const { seen } = await limited()
    const send = async (type: string, payload: string, headers: Record<string, string> = {}) =>
      (await app.inject({ method: 'POST', url: '/graphql', payload, headers: { 'content-type': type, ...headers } }))
        .statusCode
    expect(await send('application/graphql', '{a}')).toBe(200)
    expect(await send('application/graphql', nested(6))).toBe(400)
    expect(seen).toHaveLength(1)
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/json; charset=utf-16',
      'application/problem+json',
      'application/json;',
      '',
    ]) {
      expect(`${type} ${await send(type, '{"query":"{a}"}')}`).toBe(`${type} 415`)
    }
    expect(await send('application/json', '{"query":"{a}"}', { 'content-encoding': 'gzip' })).toBe(415)
    const refused = await app.inject({
      method: 'POST',
      url: '/graphql',
      payload: 'x',
      headers: { 'content-type': 'text/plain' },
    })
    expect(refused.json()).toEqual({
      errors: [
        {
          message: 'The content type is not allowed here',
          extensions: { code: 'PORTCULLIS_CONTENT_TYPE_NOT_ALLOWED', limit: 'content_type' },
        },
      ],
    })
    expect(seen).toHaveLength(1)
  })

  it('other methods', async () => {
    await limited()
    expect((await app.inject({ method: 'PUT', url: '/graphql', payload: { query: '{a}' } })).statusCode).toBe(400)
    expect((await app.inject({ method: 'OPTIONS', url: '/graphql' })).statusCode).toBe(200)
  })

  it('works over a socket, byte for byte', async () => {
    const { seen } = await limited()
    await app.listen({ port: 0, host: '127.0.0.1' })
    const body = '{ "query" : "{a}",\n "variables":{"n":12345678901234567890} }'
    const response = await fetch(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}/graphql`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })
    expect(response.status).toBe(200)
    expect(seen).toEqual([body])
  })
})

describe('persisted queries', () => {
  const sha = (text: string) => createHash('sha256').update(text).digest('hex')
  const persisted = (hash: unknown) => ({ extensions: { persistedQuery: { version: 1, sha256Hash: hash } } })

  it('GQ-16 automatic: the hash is checked, and a hash alone passes the same limits', async () => {
    const { seen } = await limited()
    const query = 'query($n:Int){a(first:$n){s}}'
    const unknown = await post(app, persisted(sha(query)))
    expect([unknown.statusCode, unknown.json()]).toEqual([
      400,
      { errors: [{ message: 'PersistedQueryNotFound', extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }] },
    ])
    expect((await post(app, { query: '{other}', ...persisted(sha(query)) })).json().errors[0].extensions.limit).toBe(
      'persisted',
    )
    expect((await post(app, { query, ...persisted(sha(query)), variables: { n: 3 } })).statusCode).toBe(200)
    expect((await post(app, { ...persisted(sha(query)), variables: { n: 3 } })).statusCode).toBe(200)
    expect(
      (await post(app, { ...persisted(sha(query)), variables: { n: 3000 } })).json().errors[0].extensions.limit,
    ).toBe('max_complexity')
    expect(
      (await app.inject(`/graphql?extensions=${encodeURIComponent(JSON.stringify(persisted(sha(query)).extensions))}`))
        .statusCode,
    ).toBe(200)
    expect(seen).toHaveLength(3)
    for (const bad of [
      persisted('x'),
      persisted(1),
      persisted([sha(query)]),
      { documentId: 'x' },
      { id: 'x' },
      { extensions: { persistedQuery: {} } },
      { ...persisted(sha(query)), id: 'x' },
    ]) {
      expect((await post(app, bad)).statusCode).toBe(400)
    }
  })

  it('allowed_operations: nothing else', async () => {
    const hello = 'query Hello { hello { name } }'
    const file = join(dir, 'manifest.json')
    writeFileSync(
      file,
      JSON.stringify({
        format: 'apollo-persisted-query-manifest',
        version: 1,
        operations: [{ id: 'h1', name: 'Hello', type: 'query', body: hello }],
      }),
    )
    for (const allowed of [file, { h1: hello }, [hello]]) {
      await limited({ allowed_operations: allowed })
      expect(await verdict(hello)).toBe('200')
      expect(await verdict('query Hello{hello{name}} # same')).toBe('200')
      expect(await verdict('query Hello{hello{name id}}')).toBe('400 allowed_operations')
      expect((await post(app, persisted(sha(hello)))).statusCode).toBe(200)
      expect((await post(app, persisted(sha('{x}')))).statusCode).toBe(400)
      expect((await post(app, { id: 'h1' })).statusCode).toBe(Array.isArray(allowed) ? 400 : 200)
      expect(await verdict('{')).toBe('400 allowed_operations')
      await app.close()
    }
  })
})

describe('with a schema', () => {
  const SDL = `
    type Query {
      user(id: ID!): User
      users(first: Int = 20, last: Int): [User!]! @listSize(slicingArguments: ["first", "last"], requireOneSlicingArgument: false)
      strict(first: Int, after: String): [User] @listSize(slicingArguments: ["first"])
      friends(input: Page): Connection @listSize(slicingArguments: ["input.first"], sizedFields: ["edges", "nodes"], assumedSize: 7, requireOneSlicingArgument: false)
      tags(limit: Int): [Tag]
      all: [User]
      search(text: String @cost(weight: "5"), options: Options): [Hit!] @cost(weight: "3") @listSize(assumedSize: 4)
      cheap(discount: Int @cost(weight: "-50")): Int @cost(weight: "10")
    }
    input Page { first: Int }
    input Options { fuzzy: Boolean @cost(weight: "8"), nested: [Options] }
    type Connection { edges: [Edge] nodes: [User] total: Int }
    type Edge { node: User }
    type User { id: ID name: String friends(first: Int): [User] avatar: Image }
    type Tag @cost(weight: "2.5") { text: String }
    scalar Image @cost(weight: "4")
    union Hit = User | Tag
  `
  it.each<[string, number, object?]>([
    ['{user(id:1){id name}}', 1],
    ['{user(id:1){avatar}}', 5],
    ['{users{id}}', 20],
    ['{users(first:3){id}}', 3],
    ['{users(first:3,last:9){id}}', 9],
    ['query($n:Int=6){users(first:$n){id}}', 6],
    ['query($n:Int){users(first:$n){id}}', 8, { n: 8 }],
    ['{users(first:2){friends(first:5){id}}}', 12],
    ['{users(first:2){friends{id}}}', 22],
    ['{strict(first:5){id}}', 5],
    ['{friends{total edges{node{id}}}}', 15],
    ['{friends(input:{first:3}){edges{node{id}} ...C}} fragment C on Connection{nodes{id}}', 10],
    ['{tags{text}}', 25],
    ['{tags(limit:2){text}}', 5],
    ['{all{id}}', 10],
    ['{search(text:"x"){__typename}}', 18],
    ['{search(options:{fuzzy:true,nested:[{fuzzy:true}]}){...on User{id}}}', 29],
    ['{cheap}', 10],
    ['{cheap(discount:1)}', 0],
  ])('%s costs %d', async (query, cost, variables) => {
    const file = join(dir, 'schema.graphql')
    writeFileSync(file, SDL)
    const made = await endpoint(
      { 'security/graphql': { schema: file } },
      { answer: (request) => ({ cost: stateOf(request).facts?.['graphql.complexity'] }) },
    )
    app = made.app
    expect((await post(app, { query, variables })).json()).toEqual({ cost })
  })

  it('what does not fit the schema is refused without a hint, and a list that must say its length must', async () => {
    const file = join(dir, 'schema.graphql')
    writeFileSync(file, SDL)
    await limited({ schema: file })
    const response = await post(app, { query: '{usr(id:1){id}}' })
    expect(response.json()).toEqual({
      errors: [
        {
          message: 'The document does not fit the schema',
          extensions: { code: 'PORTCULLIS_GRAPHQL_LIMIT', limit: 'schema' },
        },
      ],
    })
    expect(await verdict('{strict{id}}')).toBe('400 max_complexity')
    expect(await verdict('{user{id}}')).toBe('400 schema')
  })

  it('GQ-03 the same field again and again is validated in no time', async () => {
    const file = join(dir, 'schema.graphql')
    writeFileSync(file, SDL)
    await limited({ schema: file, max_tokens: 10_000, max_root_fields: 10_000, max_complexity: 1_000_000 })
    const started = performance.now()
    expect(await verdict(`{${'user(id:1){id}'.repeat(1000)}}`)).toBe('200')
    expect(performance.now() - started).toBeLessThan(500)
  })
})

describe('mistakes', () => {
  it.each<[string, () => object, string]>([
    ['no schema file', () => ({ schema: './none.graphql' }), '.schema: there is no such file'],
    ['no SDL', () => ({ schema: file('type {', 'bad.graphql') }), '.schema: is no schema: Syntax Error'],
    ['no valid schema', () => ({ schema: file('type Query { a: Nope }', 'bad2.graphql') }), '.schema: is no schema'],
    [
      'a weight that is no number',
      () => ({ schema: file('type Query { a: Int @cost(weight: "x") }', 'bad3.graphql') }),
      '@cost(weight: "x") is no number',
    ],
    [
      'a manifest that is none',
      () => ({ allowed_operations: file('3', 'm.json') }),
      '.allowed_operations: is no list of operations',
    ],
    [
      'an operation that does not parse',
      () => ({ allowed_operations: ['{'] }),
      '.allowed_operations: is no list of operations: Syntax Error',
    ],
    ['a misspelt field', () => ({ max_dept: 3 }), 'did you mean "max_depth"?'],
    ['a limit of zero', () => ({ max_depth: 0 }), 'expected a number >= 1'],
  ])('%s', async (_name, block, message) => {
    await expect(endpoint({ 'security/graphql': block() })).rejects.toThrow(message)
  })
  function file(text: string, name: string): string {
    const path = join(dir, name)
    writeFileSync(path, text)
    return path
  }
})
