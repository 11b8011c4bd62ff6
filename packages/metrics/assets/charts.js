import { count, duration, nice } from './format.js'

const SVG = 'http://www.w3.org/2000/svg'
const HEIGHT = 220
const LEFT = 52
const BOTTOM = 22
const TOP = 8

/** An element with attributes and children; texts become text nodes, never markup. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  made.append(...children)
  return made
}

function shape(name, attributes, text) {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  if (text !== undefined) made.textContent = text
  return made
}

/** An empty picture with its axes, as wide as its holder; `label` tells in words what it shows. */
function frame(width, label, unit, length) {
  const svg = shape('svg', {
    viewBox: `0 0 ${width} ${HEIGHT}`,
    role: 'img',
    'aria-label': label,
  })
  for (const part of [0, 0.5, 1]) {
    const y = yOf(part)
    svg.append(shape('line', { class: 'grid', x1: LEFT, x2: width, y1: y, y2: y }))
    svg.append(shape('text', { x: LEFT - 6, y: y + 4, 'text-anchor': 'end' }, unit(part)))
  }
  for (const ago of [240, 180, 120, 60]) {
    if (ago >= length) continue
    const x = xOf(length - 1 - ago, length, width)
    svg.append(shape('text', { x, y: HEIGHT - 6, 'text-anchor': 'middle' }, `−${ago / 60} min`))
  }
  svg.append(shape('text', { x: width, y: HEIGHT - 6, 'text-anchor': 'end' }, 'now'))
  return svg
}

function widthOf(holder) {
  return Math.max(320, holder.clientWidth)
}

function xOf(index, length, width) {
  return LEFT + ((width - LEFT) * index) / Math.max(1, length - 1)
}

function yOf(share) {
  return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)
}

/** Areas on top of each other: `rows` has one list of numbers a series, first at the bottom. */
export function stackedAreas(holder, names, rows, label) {
  const length = rows[0].length
  const sums = rows[0].map((_, i) => rows.reduce((sum, row) => sum + row[i], 0))
  const top = nice(Math.max(1, ...sums))
  const width = widthOf(holder)
  const svg = frame(width, label, (part) => count(top * part), length)
  const below = new Array(length).fill(0)
  rows.forEach((row, series) => {
    if (!row.some((value) => value > 0)) return
    const upper = row.map((value, i) => `${xOf(i, length, width)},${yOf((below[i] + value) / top)}`)
    const lower = row.map((_, i) => `${xOf(i, length, width)},${yOf(below[i] / top)}`).reverse()
    svg.append(shape('polygon', { class: `area fill-${names[series]}`, points: [...upper, ...lower].join(' ') }))
    row.forEach((value, i) => {
      below[i] += value
    })
  })
  draw(holder, svg)
}

/** Lines; null is a gap. The axis is logarithmic, since latencies span orders of magnitude. */
export function curves(holder, names, rows, label) {
  const length = rows[0].length
  const all = rows.flat().filter((value) => value !== null)
  const high = Math.max(1, Math.ceil(Math.log10(Math.max(1, ...all))))
  const low = Math.min(0, Math.floor(Math.log10(Math.min(1, ...all.filter((value) => value > 0)))))
  const share = (value) => Math.max(0, (Math.log10(Math.max(value, 1e-3)) - low) / (high - low))
  const width = widthOf(holder)
  const svg = frame(width, label, (part) => duration(10 ** (low + (high - low) * part)), length)
  rows.forEach((row, series) => {
    let path = ''
    let drawing = false
    row.forEach((value, i) => {
      if (value === null) {
        drawing = false
        return
      }
      path += `${drawing ? 'L' : 'M'}${xOf(i, length, width).toFixed(1)} ${yOf(share(value)).toFixed(1)}`
      if (!drawing && row[i + 1] === null) path += 'h1.5'
      drawing = true
    })
    if (path !== '') svg.append(shape('path', { class: `curve stroke-${names[series]}`, d: path }))
  })
  draw(holder, svg)
}

/** Puts a new picture in the place of the old one; the legend stays. */
function draw(holder, svg) {
  const old = holder.querySelector('svg')
  if (old === null) holder.prepend(svg)
  else old.replaceWith(svg)
}

/** What the colours mean, with the newest number of each. */
export function legend(holder, entries) {
  const list = element(
    'ul',
    { class: 'legend' },
    ...entries.map(([css, name, value]) =>
      element('li', {}, element('span', { class: `swatch ${css}` }), `${name} `, element('b', {}, value)),
    ),
  )
  const old = holder.querySelector('.legend')
  if (old === null) holder.append(list)
  else old.replaceWith(list)
}

/** Horizontal bars, longest first. */
export function bars(holder, entries, empty) {
  if (entries.length === 0) {
    holder.replaceChildren(element('p', { class: 'empty' }, empty))
    return
  }
  const most = Math.max(...entries.map(({ value }) => value))
  const list = element('ol', { class: 'bars' })
  for (const { name, tag, value, css } of entries) {
    const length = element('span', { class: `length ${css ?? 'fill-refused'}`, 'aria-hidden': 'true' })
    length.style.width = `${(100 * value) / most}%`
    const label = element('span', { class: 'name' }, name)
    if (tag !== undefined) label.append(element('span', { class: 'tag' }, tag))
    list.append(element('li', {}, length, label, element('b', {}, count(value))))
  }
  holder.replaceChildren(list)
}
