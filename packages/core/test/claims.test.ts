import { describe, expect, it } from 'vitest'
import { claimReader, isRepeated, ownValue } from '../src/index.ts'

describe('a claim', () => {
  const claims = JSON.parse(
    '{"sub":"ada","realm":{"roles":["a","b"],"no":null},"https://x.test/org":"o","realm.size":7,"zero":0}',
  )
  it.each([
    ['sub', 'ada'],
    ['realm.roles', ['a', 'b']],
    ['realm.no', null],
    ['realm.size', 7],
    ['https://x.test/org', 'o'],
    ['zero', 0],
    ['nobody', undefined],
    ['realm.nothing', undefined],
    ['sub.length', undefined],
    ['realm.roles.0', undefined],
    ['realm.roles.length', undefined],
    ['realm.no.more', undefined],
    ['constructor', undefined],
    ['realm.constructor.name', undefined],
    ['__proto__', undefined],
    ['', undefined],
  ])('%s: %j', (name, expected) => expect(claimReader(name)(claims)).toEqual(expected))

  it('is not there without claims', () => expect(claimReader('sub')(undefined)).toBeUndefined())

  it('is found at a path', () => {
    expect(ownValue(claims, ['realm', 'roles'])).toEqual(['a', 'b'])
    expect(ownValue(claims, [])).toBe(claims)
  })
})

it.each([
  [['Host', 'a', 'hOST', 'b'], true],
  [['Host', 'a', 'Hosts', 'b', 'X', 'host'], false],
  [['Accept', 'host', 'Accept', 'host'], false],
  [[], false],
])('whether a header is repeated: %j', (rawHeaders, expected) => expect(isRepeated(rawHeaders, 'host')).toBe(expected))
