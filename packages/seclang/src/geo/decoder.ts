/** The data section of a MaxMind DB, as its specification (version 2) lays it out. */

/** A decoded value; texts are byte strings (UTF-8), big numbers are left out. */
export type GeoValue = string | number | boolean | undefined | readonly GeoValue[] | GeoRecord

/** A decoded map. */
export interface GeoRecord {
  readonly [name: string]: GeoValue
}

/** The file is no MaxMind DB, or damaged. */
export class GeoFault extends Error {
  override readonly name = 'GeoFault'
}

/** Deepest nesting, pointers included: a damaged file must not go round in circles. */
const MAX_DEPTH = 32
/** Most values in one record, for the same reason. */
const MAX_VALUES = 20_000
/** First value of a pointer, by its size. */
const POINTER_BASE = [0, 2048, 526_336, 0]

/** Types of values. */
const POINTER = 1
const TEXT = 2
const DOUBLE = 3
const UINT16 = 5
const UINT32 = 6
const MAP = 7
const INT32 = 8
const ARRAY = 11
const BOOLEAN = 14
const FLOAT = 15

/** Reads values from a buffer. */
export class GeoDecoder {
  private readonly buffer: Buffer
  /** Where the section begins: pointers count from there. */
  private readonly base: number
  private at = 0
  private left = 0

  constructor(buffer: Buffer, base: number) {
    this.buffer = buffer
    this.base = base
  }

  /**
   * The value at an offset of the section.
   * @throws GeoFault when there is none
   */
  read(offset: number): GeoValue {
    this.left = MAX_VALUES
    this.at = this.base + offset
    try {
      return this.value(0)
    } catch (error) {
      if (error instanceof RangeError) throw new GeoFault('the data ends within a value')
      throw error
    }
  }

  private byte(): number {
    return this.buffer.readUInt8(this.at++)
  }

  private uint(bytes: number): number {
    if (bytes === 0) return 0
    if (bytes > 6) throw new GeoFault('a number is too long')
    this.at += bytes
    return this.buffer.readUIntBE(this.at - bytes, bytes)
  }

  private value(depth: number): GeoValue {
    if (depth > MAX_DEPTH || --this.left < 0) throw new GeoFault('a record has no end')
    const control = this.byte()
    let type = control >> 5
    if (type === POINTER) return this.pointed(control, depth)
    if (type === 0) type = this.byte() + 7
    const size = this.size(control & 31)
    if (type === MAP) return this.map(size, depth)
    if (type === ARRAY) return Array.from({ length: Math.min(size, this.left + 1) }, () => this.value(depth + 1))
    return this.scalar(type, size)
  }

  private size(short: number): number {
    if (short < 29) return short
    if (short === 29) return 29 + this.uint(1)
    return short === 30 ? 285 + this.uint(2) : 65_821 + this.uint(3)
  }

  /** Goes on behind the pointer, not behind what it points to. */
  private pointed(control: number, depth: number): GeoValue {
    const size = (control >> 3) & 3
    const high = size === 3 ? 0 : (control & 7) * 2 ** (8 * (size + 1))
    const target = high + this.uint(size + 1) + POINTER_BASE[size]!
    const behind = this.at
    this.at = this.base + target
    const value = this.value(depth + 1)
    this.at = behind
    return value
  }

  private map(size: number, depth: number): GeoRecord {
    const record = Object.create(null) as Record<string, GeoValue>
    for (let i = 0; i < size; i++) {
      const name = this.value(depth + 1)
      if (typeof name !== 'string') throw new GeoFault('a name is no text')
      record[name] = this.value(depth + 1)
    }
    return record
  }

  private scalar(type: number, size: number): GeoValue {
    const from = this.at
    if (type === BOOLEAN) return size !== 0
    if (from + size > this.buffer.length) throw new GeoFault('the data ends within a value')
    this.at += size
    if (type === TEXT) return this.buffer.toString('latin1', from, this.at)
    if (type === DOUBLE && size === 8) return this.buffer.readDoubleBE(from)
    if (type === FLOAT && size === 4) return this.buffer.readFloatBE(from)
    if (type === INT32 && size === 4) return this.buffer.readInt32BE(from)
    if ((type === UINT16 || type === UINT32) && size <= 4) return size === 0 ? 0 : this.buffer.readUIntBE(from, size)
    // Bytes and numbers of more than 32 bits: nothing that GEO has.
    return undefined
  }
}
