/** A number for people: 1234 as 1,234 and 0.25 as 0.25. */
export function count(value) {
  if (value >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en')
  return value.toLocaleString('en', { maximumFractionDigits: value < 1 ? 2 : 1 })
}

/** Milliseconds as a short text: 0.42 ms, 18 ms, 1.2 s. */
export function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return '–'
  if (milliseconds >= 1000) return `${count(Math.round(milliseconds / 100) / 10)} s`
  return `${milliseconds < 10 ? milliseconds.toFixed(2) : Math.round(milliseconds)} ms`
}

/** Milliseconds as hours, minutes and seconds, the two largest of them. */
export function age(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000)
  const units = [
    ['d', Math.floor(seconds / 86400)],
    ['h', Math.floor(seconds / 3600) % 24],
    ['min', Math.floor(seconds / 60) % 60],
    ['s', seconds % 60],
  ]
  const first = units.findIndex(([, value]) => value > 0)
  if (first === -1) return '0 s'
  return units
    .slice(first, first + 2)
    .map(([unit, value]) => `${value} ${unit}`)
    .join(' ')
}

/** Bytes in mebibytes. */
export function memory(bytes) {
  return `${count(Math.round(bytes / 1048576))} MB`
}

/** The next larger number of 1, 2 or 5 times a power of ten: where an axis ends. */
export function nice(value) {
  if (!(value > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  const factor = value / power
  return (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10) * power
}
