import { describe, expect, it } from 'vitest'
import { AddressList } from '../src/address-list.ts'
import { entryMistake, parseEntries, readEntries } from '../src/entries.ts'
import { IpFilter } from '../src/ip-filter.ts'

describe('entries', () => {
  it.each(['10.0.0.42', '10.0.0.5/8', '0.0.0.0/0', '::/0', '2001:db8::/32', '::ffff:10.0.0.0/104', '64:ff9b::a00:2a'])(
    'accepts %s',
    (entry) => expect(entryMistake(entry)).toBeUndefined(),
  )

  it.each([
    '',
    'hello',
    '10.0.0.0/',
    '10.0.0.1/33',
    '10.0.0.0/-1',
    '010.0.0.1',
    '0x0a000007',
    '167772167',
    '300.1.1.1',
    '0.0.0.0/a',
    '::/129',
    'fe80::1%eth0',
    '10.0.0.1-10.0.0.9',
  ])('refuses %j', (entry) =>
    expect(entryMistake(entry)).toBe(
      `expected an IP address or a CIDR range such as "10.0.0.0/8", got ${JSON.stringify(entry)}`,
    ),
  )

  it.each(['64:ff9b::/96', '0064:FF9B::a00:0/104', '64:ff9b::ffff:0/112'])(
    'refuses the NAT64 range %s, which would be an IPv4 one',
    (entry) => expect(entryMistake(entry)).toContain('write the IPv4 range'),
  )

  it('reads files with comments, blank lines and either line end', () => {
    const text = '# office\r\n10.0.0.0/8 # all of it\r\n\r\n   ::1\t\n#\n192.0.2.1'
    expect(parseEntries(text)).toEqual({ entries: ['10.0.0.0/8', '::1', '192.0.2.1'], mistakes: [] })
  })

  it('names the wrong lines', () => {
    const { entries, mistakes } = parseEntries('10.0.0.1\noops\n\n10.0.0.0/40\n')
    expect(entries).toEqual(['10.0.0.1'])
    expect(mistakes.map((mistake) => mistake.slice(0, 7))).toEqual(['line 2:', 'line 4:'])
    expect(() => readEntries('a\nb\nc\nd\ne')).toThrow(/^line 1: .*; line 2: .*; line 3: .* \(and 2 more\)$/)
  })
})

describe('IpFilter', () => {
  const list = (...entries: string[]) => new AddressList({ entries })
  const allows = (lists: { allow?: AddressList; deny?: AddressList }, address: string | undefined) =>
    new IpFilter(lists).allows(address)

  it.each([
    // Kong's rows I01 to I09
    [[], ['127.0.0.1'], '127.0.0.1', false],
    [[], ['127.0.0.0/24'], '127.0.0.1', false],
    [[], ['127.0.0.0/24'], '127.0.1.1', true],
    [['127.0.0.2'], [], '127.0.0.1', false],
    [['127.0.0.1'], ['127.0.0.1'], '127.0.0.1', false],
    [['127.0.0.0/24'], ['127.0.0.1'], '127.0.0.1', false],
    [['127.0.0.0/24'], ['127.0.0.1'], '127.0.0.2', true],
    [['0.0.0.0/0', '::/0'], [], '203.0.113.9', true],
    [['0.0.0.0/0', '::/0'], [], '2001:db8::1', true],
    [[], ['::1'], '::1', false],
    [[], ['fe80::/8'], 'fe80::1', false],
    [[], ['fe80::/8'], 'fe80::1%eth0', false],
    // one peer, one spelling
    [[], ['10.0.0.42'], '::ffff:10.0.0.42', false],
    [[], ['10.0.0.42'], '::ffff:a00:2a', false],
    [[], ['10.0.0.42'], '64:ff9b::a00:2a', false],
    [['127.0.0.0/8'], [], '::ffff:127.0.0.1', true],
    [[], ['::ffff:10.0.0.42'], '10.0.0.42', false],
    [['10.0.0.0/8'], [], '::10.0.0.7', false],
  ])('allow %j, deny %j: %s %s', (allow, deny, address, expected) => {
    const lists = {
      ...(allow.length > 0 ? { allow: list(...allow) } : {}),
      ...(deny.length > 0 ? { deny: list(...deny) } : {}),
    }
    expect(allows(lists, address)).toBe(expected)
  })

  it.each([
    undefined,
    '',
    'unknown',
    '012.0.0.7',
    '167772167',
    '0x0a000007',
    '10.0.0.7:5555',
    '[::1]:80',
    '10.0.0.7, 10.0.0.42',
  ])('refuses what it cannot read, under either kind of list: %j', (address) => {
    expect(allows({ allow: list('0.0.0.0/0', '::/0') }, address)).toBe(false)
    expect(allows({ deny: list('10.0.0.42') }, address)).toBe(false)
  })

  it('looks up 100,000 entries for about the price of 10', () => {
    const entry = (i: number) => `${1 + (i % 200)}.${(i >> 8) & 255}.${i & 255}.${(i * 7) & 255}`
    const entry6 = (i: number) => `2001:db8:${(i & 0xffff).toString(16)}:${(i >> 4).toString(16)}::/64`
    const make = (count: number) =>
      new IpFilter({ deny: list(...Array.from({ length: count }, (_, i) => (i % 2 === 0 ? entry(i) : entry6(i)))) })
    const [few, many] = [make(10), make(100_000)]
    const probes = ['203.0.113.9', '10.0.0.1', '199.250.3.4', '2001:db8:7fff:1::1', '2001:db9::1', 'fe80::1']
    const cost = (filter: IpFilter): number => {
      const start = performance.now()
      for (let i = 0; i < 5000; i++) for (const probe of probes) filter.allows(probe)
      return performance.now() - start
    }
    cost(few)
    cost(many)
    const best = (filter: IpFilter) => Math.min(...Array.from({ length: 5 }, () => cost(filter)))
    expect(many.allows('203.0.113.9')).toBe(true)
    expect(many.allows(entry(4000))).toBe(false)
    // A linear search costs thousands of times as much.
    expect(best(many) / best(few)).toBeLessThan(5)
  })
})
