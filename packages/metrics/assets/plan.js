import { element } from './charts.js'

/** Most routes that are drawn; the filter finds the others. */
const MOST_ROUTES = 200

/** Draws the plans, and again when the filter changes. */
export function renderPlan(plan) {
  const input = document.getElementById('filter')
  const draw = () => drawRoutes(plan, input.value.trim().toLowerCase())
  input.addEventListener('input', draw)
  draw()
}

function drawRoutes(plan, wanted) {
  const holder = document.getElementById('plan')
  const matching = plan.routes.filter(({ url, methods, steps }) => {
    const words = [url, ...methods, ...steps.map((index) => plan.steps[index].component)]
    return words.join(' ').toLowerCase().includes(wanted)
  })
  const drawn = matching.slice(0, MOST_ROUTES).map((route) => drawRoute(route, plan.steps))
  const rest = matching.length - drawn.length
  if (rest > 0) drawn.push(element('p', { class: 'hint' }, `${rest} more: use the filter.`))
  if (matching.length === 0) drawn.push(element('p', { class: 'empty' }, 'No route matches.'))
  holder.replaceChildren(...drawn)
}

function drawRoute({ url, methods, steps }, all) {
  const settings = element('pre', { class: 'settings', hidden: '' })
  const flow = element('ol', { class: 'flow', 'aria-label': `What stands around ${url}` })
  flow.append(element('li', {}, element('span', { class: 'end' }, 'client')))
  for (const index of steps) flow.append(element('li', {}, stepButton(all[index], settings, flow)))
  flow.append(element('li', {}, element('span', { class: 'end' }, 'handler')))
  const title = element('h3', {}, element('span', {}, `${methods.join(', ')} `), url)
  return element('section', { class: 'route' }, title, flow, settings)
}

function stepButton(step, settings, flow) {
  const css = step.level === 'service' ? 'step' : 'step endpoint'
  const button = element(
    'button',
    { type: 'button', class: css, 'aria-expanded': 'false', title: step.place },
    step.component,
  )
  if (step.mode === 'monitor') button.append(element('span', { class: 'tag' }, 'monitor'))
  button.addEventListener('click', () => {
    const open = button.getAttribute('aria-expanded') === 'true'
    for (const other of flow.querySelectorAll('button')) other.setAttribute('aria-expanded', 'false')
    button.setAttribute('aria-expanded', String(!open))
    settings.hidden = open
    settings.textContent = `${step.place} (${step.level}, ${step.mode})\n${JSON.stringify(step.settings, null, 2)}`
  })
  return button
}
