import { expect, it } from 'vitest'

interface Format {
  count: (value: number) => string
  duration: (milliseconds: number | null) => string
  age: (milliseconds: number) => string
  nice: (value: number) => number
}
const { count, duration, age, nice } = (await import(new URL('../assets/format.js', import.meta.url).href)) as Format

it('writes numbers as people read them', () => {
  expect([0, 12, 1234, 0.256, 12.34, 345.6].map(count)).toEqual(['0', '12', '1,234', '0.26', '12.3', '346'])
  expect([null, 0.421, 18.4, 1234].map(duration)).toEqual(['–', '0.42 ms', '18 ms', '1.2 s'])
  expect([0, 59_000, 61_000, 3_720_000, 90_061_000].map(age)).toEqual([
    '0 s',
    '59 s',
    '1 min 1 s',
    '1 h 2 min',
    '1 d 1 h',
  ])
  expect([0, 1, 3, 7, 11, 120, 0.03].map(nice)).toEqual([1, 1, 5, 10, 20, 200, 0.05])
})
