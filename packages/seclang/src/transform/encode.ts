/** Transformations that encode, digest or measure. */

import { createHash } from 'node:crypto'

const bytes = (value: string): Buffer => Buffer.from(value, 'latin1')

/** Base64 of the bytes. */
export function base64Encode(value: string): string {
  return bytes(value).toString('base64')
}

/** Lower-case hexadecimal of the bytes. */
export function hexEncode(value: string): string {
  return bytes(value).toString('hex')
}

/** The 20 raw bytes of SHA-1. */
export function sha1(value: string): string {
  return createHash('sha1').update(bytes(value)).digest().toString('latin1')
}

/** The 16 raw bytes of MD5. */
export function md5(value: string): string {
  return createHash('md5').update(bytes(value)).digest().toString('latin1')
}

/** The number of bytes, in decimal. */
export function length(value: string): string {
  return String(value.length)
}

/** Percent-encodes all but letters, digits and `*`; a space becomes `+`. */
export function urlEncode(value: string): string {
  return value.replace(/[^A-Za-z0-9*]/g, (c) => (c === ' ' ? '+' : `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`))
}

function mapBytes(value: string, change: (code: number) => number): string {
  const buffer = bytes(value)
  for (let i = 0; i < buffer.length; i++) buffer[i] = change(buffer[i]!)
  return buffer.toString('latin1')
}

function oddOnes(code: number): boolean {
  let x = code & 127
  x ^= x >> 4
  x ^= x >> 2
  x ^= x >> 1
  return (x & 1) === 1
}

/** Sets the eighth bit of each byte so that the number of ones is even. */
export function parityEven7bit(value: string): string {
  return mapBytes(value, (c) => (oddOnes(c) ? c | 128 : c & 127))
}

/** Sets the eighth bit of each byte so that the number of ones is odd. */
export function parityOdd7bit(value: string): string {
  return mapBytes(value, (c) => (oddOnes(c) ? c & 127 : c | 128))
}

/** Clears the eighth bit of each byte. */
export function parityZero7bit(value: string): string {
  return mapBytes(value, (c) => c & 127)
}

/**
 * Length of the UTF-8 sequence at `i` and its code point; a length of 0 for what is no sequence. Overlong ones and
 * surrogates count as sequences here.
 */
function decodeAt(value: string, i: number): [length: number, point: number] {
  const first = value.charCodeAt(i)
  const size =
    first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xc0 && first < 0xe0 ? 2 : 0
  if (size === 0 || i + size > value.length) return [0, -1]
  let point = first & (0xff >> (size + 1))
  for (let k = 1; k < size; k++) {
    const next = value.charCodeAt(i + k)
    if ((next & 0xc0) !== 0x80) return [0, -1]
    point = (point << 6) | (next & 0x3f)
  }
  return [size, point]
}

/** Whether a sequence of that length must not stand for the code point. */
function isIllegal(size: number, point: number): boolean {
  return point < (size === 2 ? 0x80 : size === 3 ? 0x800 : 0x10000) || (point >= 0xd800 && point <= 0xdfff)
}

/**
 * UTF-8 sequences become `%uhhhh`, which `urlDecodeUni` and the rules can read; other bytes stay. An overlong sequence or a
 * surrogate is written out too, since the application may take it for what it stands for, and followed by its first byte
 * as a sign of what it was.
 */
export function utf8toUnicode(value: string): string {
  let out = ''
  let from = 0
  for (let i = 0; i < value.length; i++) {
    if (value.charCodeAt(i) < 0x80) continue
    const [size, point] = decodeAt(value, i)
    if (size === 0) continue
    out += `${value.slice(from, i)}%u${point.toString(16).padStart(4, '0')}`
    if (isIllegal(size, point)) out += value[i]!
    i += size - 1
    from = i + 1
  }
  return from === 0 ? value : out + value.slice(from)
}
