import { describe, expect, it } from 'vitest'
import { checkSchema, duration, durationSchema, size, sizeSchema } from '../src/index.ts'

describe('duration', () => {
  it.each([
    ['0', 0],
    ['250ms', 250],
    ['10s', 10_000],
    ['1m', 60_000],
    ['12h', 43_200_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['1.005s', 1005],
    ['2d', 172_800_000],
    ['100us', 0.1],
    ['100µs', 0.1],
    ['1000000ns', 1],
    [30, 30_000],
    [0.25, 250],
    [0, 0],
  ])('%s is %d ms', (value, ms) => expect(duration(value)).toBe(ms))

  it.each(['', '10', 's', '-1s', '1 s', '1s ', '10S', '1x', '1s2', '1.s', '.5s', '１s', '1s\n'])(
    'refuses %j',
    (text) => {
      expect(() => duration(text)).toThrow(RangeError)
      expect(checkSchema(durationSchema, text, { place: 'x' })).toHaveLength(1)
    },
  )

  it.each([-1, Number.NaN])('refuses the number %d', (value) => expect(() => duration(value)).toThrow(RangeError))

  it('leaves an absent value absent', () => expect(duration(undefined as number | undefined)).toBeUndefined())

  it('accepts in its schema what it parses', () => {
    for (const value of ['0', '1h30m', '1.5s', '100µs', 3, 0.5]) {
      expect(checkSchema(durationSchema, value, { place: 'x' })).toEqual([])
    }
  })
})

describe('size', () => {
  it.each([
    [1024, 1024],
    [1.9, 1],
    ['0', 0],
    ['512', 512],
    ['512B', 512],
    ['1K', 1024],
    ['1k', 1024],
    ['1KB', 1024],
    ['1KiB', 1024],
    ['1.5M', 1_572_864],
    ['10M', 10_485_760],
    ['2g', 2_147_483_648],
  ])('%s is %d bytes', (value, bytes) => {
    expect(size(value)).toBe(bytes)
    expect(checkSchema(sizeSchema, value, { place: 'x' })).toEqual([])
  })

  it.each(['', 'K', '-1K', '1 K', '1T', '10i', '10iB', '1KK', '0x10', '1e3', '1K\n'])('refuses %j', (text) => {
    expect(() => size(text)).toThrow(RangeError)
    expect(checkSchema(sizeSchema, text, { place: 'x' })).toHaveLength(1)
  })

  it.each([-1, Number.NaN])('refuses the number %d', (value) => expect(() => size(value)).toThrow(RangeError))
})
