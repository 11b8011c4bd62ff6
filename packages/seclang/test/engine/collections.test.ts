import { describe, expect, test } from 'vitest'
import {
  type CollectionStore,
  loadRules,
  MemoryCollections,
  type StoredChange,
  type StoredRecord,
} from '../../src/index.ts'
import { fired, rulesOf, run } from './run.ts'

/** The block of the seed, with the text that the quoting of nginx and the page had damaged; and what counts the logins. */
const SEED = String.raw`
# Block SQL injection patterns
SecRule REQUEST_URI "@rx (?i:(?:union[\s]+select|select[\s]+from))" \
  "id:1000,deny,status:403,msg:\'SQL Injection blocked\'"
# Block common XSS attempts
SecRule ARGS "@rx <script[^>]*>" \
  "id:1001,deny,status:403,msg:\'XSS blocked\'"
# Rate limit login attempts
SecAction "id:1003,phase:1,nolog,pass,initcol:ip=%{REMOTE_ADDR}"
SecRule REQUEST_FILENAME "@streq /login" "id:1004,phase:1,nolog,pass,setvar:ip.login_attempt=+1,expirevar:ip.login_attempt=60"
SecRule IP:LOGIN_ATTEMPT "@gt 5" \
  "id:1002,deny,status:429,msg:\'Brute force blocked\'"
`

test('the rules of the seed work as they are meant', () => {
  const rules = rulesOf(SEED)
  expect(run(rules, { uri: '/?q=union select' }).verdict).toMatchObject({
    ruleId: 1000,
    status: 403,
    message: 'SQL Injection blocked',
  })
  expect(run(rules, { uri: '/?q=%3Cscript%20src=x%3E' }).verdict).toMatchObject({
    ruleId: 1001,
    message: 'XSS blocked',
  })
  const statuses = Array.from({ length: 7 }, () => run(rules, { uri: '/login', clientIp: '192.0.2.1' }).verdict?.status)
  expect(statuses).toEqual([undefined, undefined, undefined, undefined, undefined, 429, 429])
  expect(run(rules, { uri: '/login', clientIp: '192.0.2.2' }).verdict).toBeUndefined()
})

test('loading rules leaves the store untouched', () => {
  const collections = new MemoryCollections()
  rulesOf('SecAction "id:1,phase:1,pass,initcol:ip=%{REMOTE_ADDR},setvar:ip.n=+1"', { collections })
  expect(collections.size).toBe(0)
})

describe('memory', () => {
  test('values lapse by expirevar, records by their timeout', () => {
    let now = 1_000_000
    const store = new MemoryCollections({ now: () => now })
    store.change(
      'IP',
      'a',
      [
        { kind: 'add', name: 'n', delta: 2 },
        { kind: 'expire', name: 'n', at: now + 1000 },
      ],
      10,
    )
    expect(store.load('IP', 'a')!.values['n']).toBe('2')
    now += 1500
    expect(store.load('IP', 'a')!.values['n']).toBeUndefined()
    now += 10_000
    expect(store.load('IP', 'a')).toBeUndefined()
  })

  test('is bounded in records and values', () => {
    const store = new MemoryCollections({ maxRecords: 10, maxValues: 5 })
    for (let i = 0; i < 50; i++) store.change('IP', String(i), [{ kind: 'set', name: 'a', value: '1' }], 60)
    expect(store.size).toBe(10)
    for (let i = 0; i < 50; i++) store.change('IP', 'x', [{ kind: 'set', name: String(i), value: '1' }], 60)
    expect(Object.keys(store.load('IP', 'x')!.values)).toHaveLength(5)
  })
})

describe('a store that answers later', () => {
  class Slow implements CollectionStore {
    readonly inner = new MemoryCollections()
    async load(collection: string, key: string): Promise<StoredRecord | undefined> {
      await new Promise((done) => setTimeout(done, 1))
      return this.inner.load(collection, key)
    }
    async change(collection: string, key: string, changes: readonly StoredChange[], timeout: number): Promise<void> {
      this.inner.change(collection, key, changes, timeout)
    }
  }

  test('makes the phase a promise and loses no increment of parallel requests', async () => {
    const collections = new Slow()
    const rules = loadRules({
      text: `SecAction "id:1,phase:1,nolog,pass,initcol:ip=%{REMOTE_ADDR},setvar:ip.n=+1"
        SecRule IP:n "@gt 20" "id:2,phase:1,deny,status:429"`,
      collections,
    })
    const once = async (): Promise<number | undefined> => {
      const tx = rules.transaction({ clientIp: '192.0.2.7' })
      tx.requestLine('GET', '/', '1.1')
      const result = tx.phase1()
      expect(result).toBeInstanceOf(Promise)
      return (await result)?.status
    }
    await Promise.all(Array.from({ length: 20 }, once))
    expect(collections.inner.load('IP', '192.0.2.7')!.values['n']).toBe('20')
    expect(await once()).toBe(429)
  })
})

describe('a store that others count in too', () => {
  /** Each count finds ten more than before. */
  class Shared implements CollectionStore {
    readonly asked: StoredChange[][] = []
    readonly changed: StoredChange[][] = []
    private total = 0
    load(): undefined {
      return undefined
    }
    change(_collection: string, _key: string, changes: readonly StoredChange[]): void {
      this.changed.push([...changes])
    }
    async count(_collection: string, _key: string, changes: readonly StoredChange[]): Promise<Record<string, string>> {
      this.asked.push([...changes])
      await new Promise((done) => setTimeout(done, 1))
      this.total += 10
      return { n: String(this.total) }
    }
  }
  const go = async (text: string) => {
    const collections = new Shared()
    const tx = loadRules({ text, collections }).transaction({ clientIp: '192.0.2.7' })
    tx.requestLine('GET', '/', '1.1')
    await tx.phase1()
    await tx.phase2()
    const late = tx.phase5()
    return { fired: fired(tx), collections, late }
  }

  test('is asked before the next rule looks', async () => {
    const { fired: ids, collections } = await go(`
      SecAction "id:1,phase:1,nolog,pass,initcol:ip=%{REMOTE_ADDR},setvar:ip.m=1,setvar:ip.n=+1,setvar:ip.n=+2"
      SecRule IP:n "@eq 10" "id:2,phase:1,pass,setvar:ip.n=+1,expirevar:ip.n=60"
      SecRule IP:n "@eq 20" "id:3,phase:2,pass"`)
    expect(ids).toEqual([2, 3])
    expect(collections.asked.map((changes) => changes.map(({ kind, name }) => `${kind} ${name}`))).toEqual([
      ['set m', 'add n', 'add n'],
      ['add n', 'expire n'],
    ])
    expect(collections.changed).toEqual([])
  })

  test('is told without waiting where nothing can be decided any more', async () => {
    const { late, collections } = await go(`
      SecAction "id:1,phase:1,nolog,pass,initcol:ip=%{REMOTE_ADDR}"
      SecAction "id:2,phase:5,nolog,pass,setvar:ip.n=+1"`)
    expect(late).toBeUndefined()
    expect([collections.asked, collections.changed.length]).toEqual([[], 1])
  })
})

test('SESSION and USER have keys of their own', () => {
  const rules =
    rulesOf(`SecAction "id:1,phase:1,nolog,pass,setsid:%{REQUEST_COOKIES.sid},setvar:session.hits=+1,setuid:%{ARGS.user}"
    SecRule SESSION:hits "@ge 2" "id:2,pass,msg:'%{SESSIONID} %{USERID}'"`)
  const request = { headers: ['Cookie', 'sid=abc'], uri: '/?user=jane' }
  expect(fired(run(rules, request))).toEqual([])
  expect(run(rules, request).matches[0]!.message).toBe('abc jane')
})
