import { render } from './panels.js'
import { renderPlan } from './plan.js'

/** Milliseconds between two looks. */
const INTERVAL = 1000
const state = document.getElementById('state')
const pause = document.getElementById('pause')
let paused = false

function tell(text, css) {
  if (state.textContent === text) return
  state.textContent = text
  state.className = `pill ${css}`
}

async function get(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(5000) })
  if (response.status === 401) throw new Error('the token is no longer valid: load the page again')
  if (!response.ok) throw new Error(`the gateway answers ${response.status}`)
  return response.json()
}

async function look() {
  if (!paused && !document.hidden) {
    try {
      const data = await get('/data')
      render(data)
      const broken = data.health.filter(({ works }) => !works).length
      if (broken === 0) tell('live', 'good')
      else tell(`live, ${broken} not working`, 'bad')
    } catch (error) {
      tell(error.name === 'Error' ? error.message : 'no connection', 'bad')
    }
  }
  setTimeout(look, INTERVAL)
}

pause.addEventListener('click', () => {
  paused = !paused
  pause.setAttribute('aria-pressed', String(paused))
  pause.textContent = paused ? 'Go on' : 'Pause'
  if (paused) tell('paused', 'warn')
})

// The token was in the address: it must not stay in the history or in a bookmark.
if (location.search !== '') history.replaceState(null, '', '/')

get('/plan').then(renderPlan, () => undefined)
look()
