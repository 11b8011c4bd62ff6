/** Looks addresses up in a MaxMind DB (GeoLite2, GeoIP2 and others in this form), which SecGeoLookupDb names. */

import { addressBytes } from '../operators/address.ts'
import { GeoDecoder, GeoFault, type GeoRecord, type GeoValue } from './decoder.ts'

/** The metadata stands behind the last of these, in the last 128 KiB. */
const MARK = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')
const MARK_REACH = 131_072
/** Zero bytes between the tree and the data. */
const GAP = 16

/** An open database: a binary tree over the bits of addresses, whose leaves are offsets of records. */
export class GeoDatabase {
  private readonly buffer: Buffer
  private readonly data: GeoDecoder
  private readonly nodes: number
  private readonly recordBits: number
  private readonly nodeBytes: number
  /** Where the addresses of IPv4 begin in a tree of IPv6. */
  private readonly start4: number
  private readonly has6: boolean

  /** @throws GeoFault when the file is no such database */
  constructor(file: Buffer) {
    const mark = file.lastIndexOf(MARK)
    if (mark < Math.max(0, file.length - MARK_REACH)) throw new GeoFault('this is no MaxMind DB (.mmdb)')
    const metadata = recordOf(new GeoDecoder(file, mark + MARK.length).read(0))
    const { node_count: nodes, record_size: recordBits, ip_version: version } = metadata
    if (typeof nodes !== 'number' || (recordBits !== 24 && recordBits !== 28 && recordBits !== 32))
      throw new GeoFault('the metadata is damaged')
    this.buffer = file
    this.nodes = nodes
    this.recordBits = recordBits
    this.nodeBytes = recordBits / 4
    if (nodes * this.nodeBytes + GAP > mark) throw new GeoFault('the file is cut off')
    this.data = new GeoDecoder(file, nodes * this.nodeBytes + GAP)
    this.has6 = version === 6
    this.start4 = this.has6 ? this.walk(new Uint8Array(12), 0) : 0
  }

  /** The record of an address; undefined when there is none, or when this is no address. */
  lookup(address: string): GeoRecord | undefined {
    const bytes = addressBytes(address.trim())
    if (bytes === undefined || (bytes.length === 16 && !this.has6)) return undefined
    const found = this.walk(bytes, bytes.length === 4 ? this.start4 : 0)
    if (found <= this.nodes) return undefined
    try {
      return recordOf(this.data.read(found - this.nodes - GAP))
    } catch (error) {
      if (error instanceof GeoFault) return undefined
      throw error
    }
  }

  /** Follows the bits from a node on: to another node, to nothing (the number of nodes), or to a record (beyond it). */
  private walk(bytes: Uint8Array, from: number): number {
    let node = from
    for (let bit = 0; bit < bytes.length * 8 && node < this.nodes; bit++) {
      node = this.child(node, (bytes[bit >> 3]! >> (7 - (bit & 7))) & 1)
    }
    return node
  }

  private child(node: number, side: number): number {
    const at = node * this.nodeBytes
    const { buffer } = this
    if (this.recordBits === 24) return buffer.readUIntBE(at + side * 3, 3)
    if (this.recordBits === 32) return buffer.readUInt32BE(at + side * 4)
    // Seven bytes: the one in the middle has the highest four bits of both.
    const middle = buffer[at + 3]!
    return side === 0
      ? (middle >> 4) * 2 ** 24 + buffer.readUIntBE(at, 3)
      : (middle & 15) * 2 ** 24 + buffer.readUIntBE(at + 4, 3)
  }
}

function recordOf(value: GeoValue): GeoRecord {
  if (typeof value !== 'object' || Array.isArray(value)) throw new GeoFault('a record is no map')
  return value as GeoRecord
}

/** Members of GEO and where records have them. */
const MEMBERS: readonly (readonly [name: string, path: readonly string[]])[] = [
  ['country_code', ['country', 'iso_code']],
  ['country_name', ['country', 'names', 'en']],
  ['country_continent', ['continent', 'code']],
  ['region', ['subdivisions', '0', 'iso_code']],
  ['city', ['city', 'names', 'en']],
  ['postal_code', ['postal', 'code']],
  ['latitude', ['location', 'latitude']],
  ['longitude', ['location', 'longitude']],
  ['dma_code', ['location', 'metro_code']],
]

/** What GEO holds of a record: names in lower case, as ModSecurity has them. */
export function geoMembers(record: GeoRecord): [name: string, value: string][] {
  return MEMBERS.flatMap(([name, path]): [string, string][] => {
    let value: GeoValue = record
    for (const step of path) value = (value as GeoRecord | undefined)?.[step]
    return typeof value === 'string' || typeof value === 'number' ? [[name, String(value)]] : []
  })
}
