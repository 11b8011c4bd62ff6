import { bars, curves, element, legend, stackedAreas } from './charts.js'
import { age, count, duration, memory } from './format.js'

/** Seconds that the tiles look at: one second alone jumps about. */
const RECENT = 10
const byId = (id) => document.getElementById(id)

/** Everything but the plans. */
export function render(data) {
  renderFacts(data)
  renderTiles(data)
  renderTraffic(data)
  renderLatency(data)
  renderRefusals(data)
  renderRules(data)
  renderStates(data)
}

function renderFacts(data) {
  byId('facts').textContent = [
    `up ${age(data.uptime)}`,
    `${memory(data.process.memory)}`,
    `event loop ${Math.round(data.process.utilization * 100)} % busy, ${duration(data.process.delay)} late at most (p99)`,
  ].join(' · ')
}

function recent(data) {
  const seconds = data.seconds.slice(-RECENT)
  const sum = (index) => seconds.reduce((total, { counts }) => total + counts[index], 0) / RECENT
  const p95 = seconds.map(({ latency }) => latency[1]).filter((value) => value !== null)
  const rates = data.outcomes.map((_, index) => sum(index))
  return { rates, total: rates.reduce((a, b) => a + b, 0), p95: p95.length === 0 ? null : Math.max(...p95) }
}

function renderTiles(data) {
  const { rates, total, p95 } = recent(data)
  const share = (value) => (total === 0 ? '0 %' : `${count((100 * value) / total)} %`)
  const tiles = [
    ['requests per second', count(total), ''],
    ['refused', share(rates[1]), `${count(rates[1])}/s`],
    ['failed', share(rates[2]), `${count(rates[2])}/s`],
    ['latency, 95th percentile', duration(p95), ''],
    ['requests under way', count(data.inFlight), ''],
    ['rules matched', count(data.rules.reduce((sum, rule) => sum + rule.count, 0)), 'since the start'],
  ]
  byId('tiles').replaceChildren(
    ...tiles.map(([name, value, note]) =>
      element(
        'div',
        { class: 'tile' },
        element('dt', {}, name),
        element('dd', {}, value, ' ', element('small', {}, note)),
      ),
    ),
  )
}

const NAMES = { ok: 'served', refused: 'refused', error: 'failed', aborted: 'client went away' }

function renderTraffic(data) {
  const holder = byId('traffic')
  const rows = data.outcomes.map((_, index) => data.seconds.map(({ counts }) => counts[index]))
  const last = data.seconds.at(-1).counts
  const words = data.outcomes.map((outcome, i) => `${NAMES[outcome]} ${last[i]}`).join(', ')
  stackedAreas(holder, data.outcomes, rows, `Requests per second of the last five minutes; now: ${words}`)
  legend(
    holder,
    data.outcomes.map((outcome, i) => [`fill-${outcome}`, NAMES[outcome], count(last[i])]),
  )
}

function renderLatency(data) {
  const holder = byId('latency')
  const names = ['p50', 'p95', 'p99']
  const rows = names.map((_, index) => data.seconds.map(({ latency }) => latency[index]))
  const last = rows.map((row) => row.findLast((value) => value !== null) ?? null)
  const words = names.map((name, i) => `${name} ${duration(last[i])}`).join(', ')
  curves(holder, names, rows, `Latency percentiles of the last five minutes; now: ${words}`)
  const texts = ['half of the requests', '95 of 100', '99 of 100']
  legend(
    holder,
    names.map((name, i) => [`stroke-${name}`, `${texts[i]} within`, duration(last[i])]),
  )
}

function renderRefusals(data) {
  const decisions = data.decisions.map(({ component, code, mode, count: value }) => ({
    name: `${component}: ${code}`,
    tag: mode === 'monitor' ? 'monitor only' : undefined,
    value,
    css: mode === 'monitor' ? 'fill-aborted' : 'fill-refused',
  }))
  bars(byId('refusals'), decisions.slice(0, 12), 'Nothing was refused yet.')
  const named = (list, fallback) =>
    list.map(({ name, count: value }) => ({ name: name === '' ? fallback : name, value }))
  bars(byId('addresses'), named(data.addresses, 'unknown'), 'No address was refused yet.')
  bars(byId('routes'), named(data.routes, 'no route matched'), 'No route was refused yet.')
}

function renderRules(data) {
  const holder = byId('rules')
  if (data.rules.length === 0) {
    holder.replaceChildren(element('p', { class: 'empty' }, 'No rule matched yet.'))
    return
  }
  const items = data.rules.map(({ rule, message, tags, count: times, last }) =>
    element(
      'li',
      {},
      element('b', {}, `${rule} `),
      element('span', {}, message),
      element(
        'p',
        {},
        `${count(times)} times, last ${age(Math.max(0, data.now - last))} ago · ${tags.slice(0, 4).join(' ')}`,
      ),
    ),
  )
  const list = element('ul', { class: 'rules', tabindex: '0', 'aria-label': 'Firewall rules that matched' }, ...items)
  const old = holder.querySelector('.rules')
  const scrolled = old?.scrollTop ?? 0
  const focused = old !== null && old === document.activeElement
  holder.replaceChildren(list)
  list.scrollTop = scrolled
  if (focused) list.focus()
}

const BREAKER = [
  ['closed', 'good'],
  ['half-open', 'warn'],
  ['open', 'bad'],
]

function renderStates(data) {
  const rows = data.health.map(({ component, works }) => [
    component,
    works ? 'works' : 'cannot work',
    works ? 'good' : 'bad',
  ])
  for (const { name, samples } of data.gauges) {
    for (const { labels, value } of samples) {
      const label = Object.values(labels ?? {}).join(' ')
      if (name === 'circuit_breaker_state')
        rows.unshift([`breaker ${label}`, ...(BREAKER[value] ?? ['unknown', 'warn'])])
      else rows.push([`${name.replaceAll('_', ' ')} ${label}`, count(value), ''])
    }
  }
  if (rows.length === 0) rows.push(['No component tells of a state.', '', ''])
  byId('states').replaceChildren(
    element(
      'ul',
      { class: 'states' },
      ...rows.map(([name, value, css]) =>
        element('li', {}, element('span', {}, name), element('b', css === '' ? {} : { class: css }, value)),
      ),
    ),
  )
}
