import { isIP, SocketAddress } from 'node:net'
import { describe, expect, it } from 'vitest'
import { canonicalAddress, IpSet, networkKey, parseAddress } from '../src/index.ts'
import { random } from './random.ts'

describe('parseAddress', () => {
  it.each([
    ['10.0.0.42', 0x0a00002a],
    ['0.0.0.0', 0],
    ['255.255.255.255', 0xffffffff],
    ['::ffff:10.0.0.42', 0x0a00002a],
    ['::FFFF:0a00:002a', 0x0a00002a],
    ['0:0:0:0:0:ffff:a00:2a', 0x0a00002a],
    ['64:ff9b::a00:2a', 0x0a00002a],
    ['64:ff9b::10.0.0.42', 0x0a00002a],
    ['::ffff:10.0.0.42%eth0', 0x0a00002a],
  ])('%s is one v4 address', (text, value) => expect(parseAddress(text)).toEqual({ family: 4, value }))

  it.each([
    ['::', '0'.repeat(32)],
    ['::1', '1'.padStart(32, '0')],
    ['fe80::1%eth0', `fe80${'0'.repeat(27)}1`],
    ['::10.0.0.7', 'a000007'.padStart(32, '0')],
    ['2001:DB8::A', '20010db800000000000000000000000a'],
    ['64:ff9b:1::a00:2a', `0064ff9b0001${'0'.repeat(12)}0a00002a`],
  ])('%s is a v6 address', (text, value) => expect(parseAddress(text)).toEqual({ family: 6, value }))

  it.each([
    '',
    ' ',
    '10.0.0',
    '010.0.0.1',
    '10.0.0.01',
    '0x0a000007',
    '167772167',
    '10.0.0.256',
    '10.0.0.1:80',
    '[::1]',
    '[::1]:80',
    'unknown',
    '10.0.0.1 ',
    '10.0.0.1%eth0',
    '1::2::3',
    ':::',
    'g::1',
    '12345::1',
    '１0.0.0.1',
    '10.0.0.1/32',
    'localhost',
  ])('%j is none', (text) => {
    expect(parseAddress(text)).toBeUndefined()
    expect(canonicalAddress(text)).toBe(text)
  })

  it('agrees with Node on random spellings, and never throws', () => {
    const { integer, pick } = random(1)
    for (let round = 0; round < 3000; round++) {
      const groups = Array.from({ length: integer(1, 9) }, () =>
        pick(['0', '', '1', 'ffff', 'a00', '00ab', '10.0.0.1', '%x', '64', 'ff9b']),
      )
      const text = pick(['', ':', '::']) + groups.join(pick([':', ':', ':', '::', '.']))
      const parsed = parseAddress(text)
      const family = isIP(text)
      expect([text, parsed !== undefined]).toEqual([text, family !== 0])
      if (parsed?.family !== 6 || text.includes('%')) continue
      const { address } = new SocketAddress({ address: text, family: 'ipv6' })
      expect(parseAddress(address)).toEqual(parsed)
      expect(parseAddress(canonicalAddress(text))).toEqual(parsed)
    }
  })
})

describe('canonicalAddress', () => {
  it.each([
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['255.255.255.255', '255.255.255.255'],
  ])('%s is %s', (text, canonical) => expect(canonicalAddress(text)).toBe(canonical))
})

describe('networkKey', () => {
  it('counts one v6 network as one client, at any prefix length', () => {
    const { integer } = random(2)
    for (let prefix = 1; prefix <= 128; prefix++) {
      const bits = BigInt(`0x${Array.from({ length: 32 }, () => integer(0, 15).toString(16)).join('')}`)
      const address = (0x20n << 120n) | (bits & ((1n << 120n) - 1n))
      const flip = (bit: number) => hexAddress(address ^ (1n << BigInt(127 - bit)))
      const key = networkKey(hexAddress(address), prefix)
      expect(networkKey(flip(prefix - 1), prefix)).not.toBe(key)
      if (prefix < 128) expect(networkKey(flip(prefix), prefix)).toBe(key)
    }
  })

  it('keeps v4 addresses apart and in one spelling', () => {
    expect(networkKey('10.0.0.1')).toBe('10.0.0.1')
    expect(networkKey('::ffff:10.0.0.1')).toBe('10.0.0.1')
    expect(networkKey('10.0.0.2')).not.toBe(networkKey('10.0.0.1'))
    expect(networkKey('unknown')).toBe('unknown')
  })
})

describe('IpSet', () => {
  it('finds addresses and ranges of both families', () => {
    const set = new IpSet([
      '10.0.0.42',
      '192.168.0.0/16',
      '127.0.0.1/8',
      '2001:db8::/32',
      '::1',
      '::ffff:172.16.0.0/108',
    ])
    for (const inside of [
      '10.0.0.42',
      '::ffff:10.0.0.42',
      '64:ff9b::a00:2a',
      '192.168.255.255',
      '127.1.2.3',
      '2001:db8:ffff::1',
      '::1',
      '172.31.0.1',
      'fe80::1',
    ]) {
      expect([inside, set.has(inside)]).toEqual([inside, inside !== 'fe80::1'])
    }
    for (const outside of [
      '10.0.0.41',
      '10.0.0.43',
      '192.169.0.0',
      '2001:db9::',
      '::2',
      '::10.0.0.42',
      'unknown',
      '',
      '172.32.0.0',
    ]) {
      expect([outside, set.has(outside)]).toEqual([outside, false])
    }
    expect(set.size).toBe(6)
  })

  it('keeps the families apart: ::/0 is every v6 address, 0.0.0.0/0 every v4 address', () => {
    expect(new IpSet(['::/0']).has('10.0.0.1')).toBe(false)
    expect(new IpSet(['::/0']).has('fe80::1')).toBe(true)
    expect(new IpSet(['0.0.0.0/0']).has('255.255.255.255')).toBe(true)
    expect(new IpSet(['0.0.0.0/0']).has('::ffff:1.2.3.4')).toBe(true)
    expect(new IpSet(['0.0.0.0/0']).has('2001:db8::1')).toBe(false)
    expect(new IpSet([]).has('10.0.0.1')).toBe(false)
  })

  it.each([
    '',
    '10.0.0.0/',
    '10.0.0.1/33',
    '10.0.0.0/-1',
    '10.0.0.0/8.0',
    '10.0.0.0/08',
    '10.0.0.0/+8',
    '010.0.0.1',
    '300.1.1.1',
    '2001:db8::/129',
    'fe80::1%eth0',
    'fe80::/10%eth0',
    '0.0.0.0/a',
    'hello',
    '10.0.0.0/8/8',
    '::ffff:10.0.0.0/8',
    ' 10.0.0.1',
  ])('refuses %j', (entry) => {
    expect(() => new IpSet(['10.0.0.1', entry])).toThrow(`not an IP address or CIDR range: ${JSON.stringify(entry)}`)
  })

  it('agrees with a plain search over random ranges', () => {
    const { integer, pick } = random(3)
    for (let round = 0; round < 200; round++) {
      const v4 = Array.from({ length: integer(0, 12) }, () => ({ base: integer(0, 4095), bits: integer(20, 32) }))
      const v6 = Array.from({ length: integer(0, 12) }, () => ({ base: integer(0, 4095), bits: integer(116, 128) }))
      const set = new IpSet([
        ...v4.map(({ base, bits }) => `${small4(base)}/${bits}`),
        ...v6.map(({ base, bits }) => `2001:db8::${base.toString(16)}/${bits}`),
      ])
      for (let probe = 0; probe < 40; probe++) {
        const value = pick([
          integer(0, 4095),
          ...v4.map(({ base }) => base),
          ...v6.map(({ base }) => base + 1),
          ...v4.map(({ base }) => base - 1),
        ])
        if (value < 0) continue
        const in4 = v4.some(({ base, bits }) => base >> (32 - bits) === value >> (32 - bits))
        const in6 = v6.some(({ base, bits }) => base >> (128 - bits) === value >> (128 - bits))
        expect([set.has(small4(value)), set.has(`2001:db8::${value.toString(16)}`)]).toEqual([in4, in6])
      }
    }
  })
})

function small4(value: number): string {
  return `10.0.${value >> 8}.${value & 255}`
}

function hexAddress(value: bigint): string {
  return value.toString(16).padStart(32, '0').match(/.{4}/g)!.join(':')
}
