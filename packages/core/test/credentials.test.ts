import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { afterAll, afterEach, expect, it } from 'vitest'
import {
  type Component,
  passesAsPreflight,
  queryValues,
  REPEATED,
  ReloadingFile,
  soleHeader,
  toPlugin,
} from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'portcullis-core-'))
afterAll(() => rmSync(folder, { recursive: true }))
let app: FastifyInstance | undefined
afterEach(async () => {
  await app?.close()
  app = undefined
})

const fake = (raw: object, method = 'GET') => ({ raw, method }) as unknown as FastifyRequest

it('tells one header from several', () => {
  const read = (rawHeaders: string[], headers: object) => soleHeader(fake({ rawHeaders, headers }), 'authorization')
  expect(read(['Authorization', 'a'], { authorization: 'a' })).toBe('a')
  expect(read(['Authorization', 'a', 'AUTHORIZATION', 'b'], { authorization: 'a' })).toBe(REPEATED)
  expect(read([], {})).toBe(undefined)
  expect(read(['Authorization', ''], { authorization: '' })).toBe(undefined)
})

it('reads every value of a query parameter in any spelling', () => {
  const read = (url: string) => queryValues(fake({ url }), 'key')
  expect(read('/x')).toEqual([])
  expect(read('/x?key=1&k%65y=2&keys=3&key')).toEqual(['1', '2', ''])
  expect(read('/x?key=a+b%20c&key=%zz')).toEqual(['a b c', '%zz'])
  expect(read('/x?key[]=1')).toEqual([])
})

it('tells preflights from other OPTIONS requests', () => {
  const headers = { origin: 'https://a.test', 'access-control-request-method': 'PUT' }
  const passes = (run: boolean | undefined) => [
    passesAsPreflight(fake({ headers }, 'OPTIONS'), run),
    passesAsPreflight(fake({ headers: {} }, 'OPTIONS'), run),
    passesAsPreflight(fake({ headers }), run),
  ]
  expect(passes(undefined)).toEqual([true, false, false])
  expect(passes(false)).toEqual([true, true, false])
  expect(passes(true)).toEqual([false, false, false])
})

it('reads a file again when it was replaced, and keeps the old value when the new one is broken', () => {
  const path = join(folder, 'value.json')
  const errors: string[] = []
  let now = 0
  writeFileSync(path, '1')
  const file = new ReloadingFile<number>(path, JSON.parse, { now: () => now, onError: ({ name }) => errors.push(name) })
  writeFileSync(`${path}.new`, '22')
  renameSync(`${path}.new`, path)
  expect(file.value).toBe(1)
  now = 1000
  expect(file.value).toBe(22)
  writeFileSync(path, '{ broken')
  now = 2000
  expect(file.value).toBe(22)
  now = 3000
  expect(file.value).toBe(22)
  rmSync(path)
  expect(file.reload()).toBe(false)
  now = 5000
  expect(file.value).toBe(22)
  expect(errors).toEqual(['SyntaxError', 'Error'])
  writeFileSync(path, '4444')
  expect(file.reload()).toBe(true)
  expect(file.value).toBe(4444)
  writeFileSync(path, '1')
  expect(() => new ReloadingFile(path, JSON.parse, { maxBytes: 0 })).toThrow(RangeError)
})

it('strips the identity headers of a plugin that is registered after another', async () => {
  const component = (name: string, header: string): Component<object> => ({
    name,
    namespaces: [`test/${name}`],
    levels: ['service'],
    schema: { type: 'object' },
    create: () => ({ identityHeaders: [header], steps: [{ phase: 'onRequest', run: () => undefined }] }),
  })
  app = Fastify()
  await app.register(toPlugin(component('one', 'x-one')), {})
  await app.register(toPlugin(component('two', 'x-two')), {})
  app.get('/', (request) => request.headers)
  const { body } = await app.inject({ url: '/', headers: { 'x-one': 'forged', X_Two: 'forged' } })
  expect(body).not.toContain('forged')
})
