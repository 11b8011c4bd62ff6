/** Countries of addresses, from databases made here. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { GeoDatabase, geoMembers } from '../../src/geo/database.ts'
import { loadRules, RuleFiles } from '../../src/index.ts'
import { fired, run } from '../engine/run.ts'
import { bitsOf, encode, makeDatabase } from './make-database.ts'

const folder = mkdtempSync(join(tmpdir(), 'seclang-geo-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const ch = encode({
  map: {
    country: { map: { iso_code: 'CH', names: { map: { en: 'Switzerland', de: 'Schweiz' } } } },
    continent: { map: { code: 'EU' } },
    city: { map: { names: { map: { en: 'Zürich' } } } },
    subdivisions: [{ map: { iso_code: 'ZH' } }],
    location: { map: { latitude: { double: 47.5 }, longitude: { double: -8.25 }, metro_code: 500 } },
    postal: { map: { code: '8000' } },
  },
})
const long = 'x'.repeat(400)
// Its country is that of the first record, by a pointer; it has a text with a long length.
const other = encode({ map: { country: { pointer: ch.indexOf(encode({ map: {} })[0]!, 1) }, note: long } })
const fr = encode({ map: { country: { map: { iso_code: 'FR' } } } })
const data = Buffer.concat([ch, other, fr])
const offsets = { ch: 0, other: ch.length, fr: ch.length + other.length }

function database(recordSize: number, version: 4 | 6): Buffer {
  const front = version === 6 ? '0'.repeat(96) : ''
  const leaves = [
    { bits: front + bitsOf([192, 0, 2, 0], 24), offset: offsets.ch },
    { bits: front + bitsOf([198, 51, 100, 128], 25), offset: offsets.fr },
  ]
  if (version === 6) leaves.push({ bits: bitsOf([0x20, 0x01, 0x0d, 0xb8], 32), offset: offsets.fr })
  return makeDatabase(leaves, data, recordSize, version)
}

const country = (db: GeoDatabase, address: string): unknown =>
  Object.fromEntries(geoMembers(db.lookup(address) ?? {}))['country_code']

describe('a database', () => {
  test.each([
    [24, 4],
    [28, 4],
    [32, 4],
    [24, 6],
    [28, 6],
    [32, 6],
  ] as const)('with records of %i bits, for IPv%i', (recordSize, version) => {
    const db = new GeoDatabase(database(recordSize, version))
    expect(country(db, '192.0.2.77')).toBe('CH')
    expect([country(db, '198.51.100.127'), country(db, '198.51.100.128')]).toEqual([undefined, 'FR'])
    expect(country(db, '::ffff:192.0.2.1')).toBe('CH')
    expect(country(db, '2001:db8::1')).toBe(version === 6 ? 'FR' : undefined)
    for (const none of ['203.0.113.1', '2001:db9::1', '', 'host', '192.0.2']) expect(db.lookup(none)).toBeUndefined()
  })

  test('gives the members of GEO', () => {
    const record = new GeoDatabase(database(24, 4)).lookup('192.0.2.1')!
    expect(Object.fromEntries(geoMembers(record))).toEqual({
      country_code: 'CH',
      country_name: 'Switzerland',
      country_continent: 'EU',
      region: 'ZH',
      city: Buffer.from('Zürich').toString('latin1'),
      postal_code: '8000',
      latitude: '47.5',
      longitude: '-8.25',
      dma_code: '500',
    })
  })

  test('may point from one record into another', () => {
    // The map behind "country" of the first record.
    const at = ch.indexOf('country') + 'country'.length
    const pointing = encode({ map: { country: { pointer: at }, note: long } })
    const db = new GeoDatabase(
      makeDatabase([{ bits: bitsOf([192], 8), offset: ch.length }], Buffer.concat([ch, pointing]), 24, 4),
    )
    expect(country(db, '192.1.1.1')).toBe('CH')
    expect(db.lookup('192.1.1.1')!['note']).toBe(long)
  })

  test('that is none, or damaged, does no harm', () => {
    for (const file of [Buffer.alloc(0), Buffer.from('text'), database(24, 4).subarray(40)])
      expect(() => new GeoDatabase(file).lookup('192.0.2.1')).not.toThrow(RangeError)
    expect(() => new GeoDatabase(Buffer.from('no database'))).toThrow('no MaxMind DB')
    const round = encode({ map: { country: { pointer: 0 } } })
    const turning = new GeoDatabase(makeDatabase([{ bits: '1', offset: 0 }], round, 24, 4))
    expect(turning.lookup('192.0.2.1')).toBeUndefined()
    const whole = database(28, 6)
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
        const damaged = Buffer.from(whole)
        damaged[at] = byte
        let db: GeoDatabase
        try {
          db = new GeoDatabase(damaged)
        } catch (error) {
          expect((error as Error).name).toBe('GeoFault')
          return
        }
        for (const address of ['192.0.2.1', '2001:db8::1']) geoMembers(db.lookup(address) ?? {})
      }),
      { numRuns: 500 },
    )
  })
})

describe('rules', () => {
  const path = join(folder, 'countries.mmdb')
  writeFileSync(path, database(24, 6))

  test('refuse by country', () => {
    const text = `SecGeoLookupDb countries.mmdb
      SecRule REMOTE_ADDR "@geoLookup" "id:1,phase:1,deny,chain,msg:'From %{GEO.COUNTRY_NAME}'"
      SecRule GEO:COUNTRY_CODE "@pm CH AT"
      SecRule REMOTE_ADDR "!@geoLookup" "id:2,phase:1,pass,msg:'Nowhere'"
      SecRule &GEO "@eq 0" "id:3,phase:1,pass"`
    const access = new RuleFiles(folder)
    const rules = loadRules({ text, baseDir: folder, access })
    const from = (clientIp: string) => run(rules, { clientIp })
    expect(from('192.0.2.9').verdict).toMatchObject({ ruleId: 1, message: 'From Switzerland' })
    expect([fired(from('198.51.100.200')), fired(from('203.0.113.1'))]).toEqual([[], [2, 3]])
    expect(access.changed()).toBe(false)
    writeFileSync(path, database(32, 6))
    expect(access.changed()).toBe(true)
  })

  test('are told of a database that is none', () => {
    writeFileSync(join(folder, 'bad.mmdb'), 'x')
    const load = (file: string) => () => loadRules({ text: `SecGeoLookupDb ${file}`, baseDir: folder })
    expect(load('bad.mmdb')).toThrow(/<text>:1: SecGeoLookupDb: .*bad\.mmdb: this is no MaxMind DB/)
    expect(load('none.mmdb')).toThrow(/<text>:1: SecGeoLookupDb: .*none\.mmdb: ENOENT/)
  })
})
