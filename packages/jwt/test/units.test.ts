import { describe, expect, it } from 'vitest'
import { claimPath, findClaim, wordsOf } from '../src/claims.ts'
import type { KeySource } from '../src/key-source.ts'
import { RemoteKeys } from '../src/remote-keys.ts'
import { parseStrictObject } from '../src/strict-json.ts'
import { parseToken } from '../src/token.ts'
import { TwoGenerationMap } from '../src/two-generation-map.ts'
import type { VerificationKey } from '../src/verification-key.ts'
import { Verifier } from '../src/verifier.ts'
import { hs256, jwk } from './support.ts'

describe('parseStrictObject', () => {
  const parse = (text: string) => parseStrictObject(Buffer.from(text))
  it.each([
    '{"a":1,"a":2}',
    '{"a":[{"b":1},{"c":1,"\\u0063":2}]}',
    '{"a":[{"__proto__":1}]}',
    '{"constructor":{"prototype":1}}',
    '{"a":1e999}',
    '[]',
    'null',
    '"a"',
    '{',
    '',
    `{"a":${'['.repeat(40)}${']'.repeat(40)}}`,
  ])('refuses %s', (text) => expect(parse(text)).toBe(undefined))

  it('keeps integers that a double cannot hold, and only those', () => {
    const text =
      '{"a":123456789012345678,"b":[0,{"c":-98765432109876543210}],"d":"123456789012345678","e":1795294056.5}'
    expect(parse(text)?.exact).toEqual({
      a: '123456789012345678',
      b: [0, { c: '-98765432109876543210' }],
      d: '123456789012345678',
      e: 1795294056.5,
    })
    expect(parse(text)?.value).toEqual(JSON.parse(text))
    const plain = parse('{"iat":1795293456.1234567,"n":0.1}')
    expect(plain?.exact).toBe(plain?.value)
  })
})

it('parseToken refuses before it parses what is too long', () => {
  expect(parseToken('a'.repeat(100), 99)).toBe('size')
  expect(parseToken('.'.repeat(100_000), 1_000_000)).toBe('form')
})

it('findClaim reads own members only', () => {
  const claims = JSON.parse('{"a":{"b":1},"a.b":2,"http://x.y":3}') as Record<string, unknown>
  expect(findClaim(claims, claimPath('a.b', true))).toBe(2)
  expect(findClaim({ a: { b: 1 } }, claimPath('a.b', true))).toBe(1)
  expect(findClaim({ a: { b: 1 } }, claimPath('a.b', false))).toBe(undefined)
  expect(findClaim(claims, claimPath('http://x.y', true))).toBe(3)
  for (const name of ['toString', 'a.toString', 'a.b.toFixed', '__proto__.toString']) {
    expect(findClaim(claims, claimPath(name, true))).toBe(undefined)
  }
})

it('wordsOf reads arrays and texts, and nothing else', () => {
  expect(wordsOf('a  b')).toEqual(['a', 'b'])
  expect(wordsOf(['a b', 1, null, 'c'])).toEqual(['a b', 'c'])
  for (const other of [1, null, undefined, {}, true]) expect(wordsOf(other)).toEqual([])
})

describe('TwoGenerationMap', () => {
  it('holds no more than it may, and keeps what is asked for', () => {
    const map = new TwoGenerationMap<number>({ entries: 100, characters: 1_000_000 })
    for (let i = 0; i < 1000; i++) {
      map.set(`k${i}`, i)
      expect(map.get('k0')).toBe(0)
      expect(map.size).toBeLessThanOrEqual(100)
    }
    expect(map.get('k1')).toBe(undefined)
    map.delete('k0')
    expect(map.get('k0')).toBe(undefined)
  })

  it('counts characters', () => {
    const map = new TwoGenerationMap<number>({ entries: 1000, characters: 200 })
    for (let i = 0; i < 100; i++) map.set(`${i}`.padStart(10, '0'), i)
    expect(map.size).toBeLessThanOrEqual(20)
  })
})

describe('RemoteKeys', () => {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined } as never
  function keysWith(fetch: () => Promise<string>) {
    const clock = { now: 0 }
    const options = { name: 'test', fetch, close: () => undefined, strategy: 'kid' as const, log, now: () => clock.now }
    const keys = new RemoteKeys({ ...options, cacheDuration: 1000, maxStale: 5000, cooldown: 100 })
    return { keys, clock }
  }
  const set = JSON.stringify({ keys: [jwk('rsa')] })

  it('fetches early without letting anyone wait, late with waiting, and keeps key objects', async () => {
    let count = 0
    const { keys, clock } = keysWith(async () => {
      count++
      return set
    })
    await keys.ready()
    const [key] = keys.find('rsa', 'RS256')
    expect(keys.refresh(700)).toBe(undefined)
    expect(count).toBe(1)
    clock.now = 850
    expect(keys.refresh(850)).toBe(undefined)
    expect(count).toBe(2)
    await new Promise(setImmediate)
    clock.now = 5000
    await keys.refresh(5000)
    expect(count).toBe(3)
    expect(keys.find('rsa', 'RS256')[0]).toBe(key)
    expect(key?.revoked).toBe(false)
    expect(keys.generation).toBe(1)
  })

  it('tries again after longer and longer pauses', async () => {
    let count = 0
    const { keys, clock } = keysWith(() => Promise.reject(new Error(String(count++))))
    const times: number[] = []
    for (clock.now = 0; clock.now <= 130_000; clock.now += 500) {
      const before = count
      await keys.refresh(clock.now)
      if (count > before) times.push(clock.now / 1000)
    }
    expect(times).toEqual([0, 1, 3, 7, 15, 31, 61, 91, 121])
  })

  it('remembers unknown ids, however many', async () => {
    let count = 0
    const { keys, clock } = keysWith(async () => {
      count++
      return set
    })
    await keys.ready()
    await keys.refetch('a', 0)
    expect(count).toBe(2)
    for (let i = 0; i < 5000; i++) expect(keys.refetch(`b${i}`, 99)).toBe(undefined)
    clock.now = 100
    await keys.refetch('c', 100)
    expect(count).toBe(3)
    expect(keys.refetch(undefined, 1000)).toBe(undefined)
  })
})

describe('Verifier', () => {
  /** Keys that count how often they are asked, and say what they are told to. */
  function verifierWith(verdict: { right: boolean }) {
    const calls: string[] = []
    const makeKey = (): VerificationKey => {
      const key = { revoked: false, verifies: (token: string) => calls.push(token) > 0 && verdict.right }
      return key as unknown as VerificationKey
    }
    const source = { refreshAt: Number.POSITIVE_INFINITY, generation: 0, usable: true, key: makeKey() }
    const keys = {
      ...source,
      find: () => [keys.key],
      refresh: () => undefined,
      refetch: () => undefined,
    } as unknown as KeySource & { key: VerificationKey; generation: number }
    const only = { alg: 'HS256' as const, keys, strategy: 'kid' as const, issuer: undefined, audience: undefined }
    const verifier = new Verifier({ trusts: new Map(), only, keyClaim: undefined, maxLength: 8192 })
    return { verifier, calls, keys, makeKey }
  }

  it('verifies a token once while its key is in force', () => {
    const { verifier, calls, keys, makeKey } = verifierWith({ right: true })
    const token = hs256()
    const first = verifier.verify(token, 0)
    for (let round = 0; round < 10; round++) expect(verifier.verify(token, 0)).toBe(first)
    expect(calls.length).toBe(1)
    keys.key.revoked = true
    keys.key = makeKey()
    expect(verifier.verify(token, 0)).not.toBe(first)
    expect(calls.length).toBe(2)
  })

  it('verifies a wrong token once while the keys are the same', () => {
    const verdict = { right: false }
    const { verifier, calls, keys } = verifierWith(verdict)
    const token = hs256()
    for (let round = 0; round < 10; round++) expect(verifier.verify(token, 0)).toBe('signature')
    expect(calls.length).toBe(1)
    keys.generation++
    verdict.right = true
    expect(verifier.verify(token, 0)).toBeTypeOf('object')
    expect(calls.length).toBe(2)
  })

  it('stays within its bounds, whatever arrives', () => {
    const { verifier } = verifierWith({ right: true })
    for (let i = 0; i < 12_000; i++) verifier.verify(hs256({ jti: String(i) }), 0)
    expect(verifier.size).toBeLessThanOrEqual(10_000)
  })
})
