import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium, type Page } from 'playwright-core'
import { type RunningGateway, run } from 'portcullis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBackend } from './backend.ts'
import { CHROMIUM } from './screenshot.ts'
import { kinds, sendAndLeave, sendGarbage, sendOne } from './traffic.ts'

/** More than the breaker's errors. */
const ROUNDS = 6
const TOKEN = 'a-token-for-the-test-only'
const folder = mkdtempSync(join(tmpdir(), 'observability-'))
const log = join(folder, 'audit.log')
const agent = new http.Agent({ keepAlive: true })
const variables = ['BACKEND', 'AUDIT_LOG', 'PORT', 'METRICS_PORT', 'DASHBOARD_PORT', 'DASHBOARD_TOKEN']
let gateway: RunningGateway
let backend: Awaited<ReturnType<typeof startBackend>>

async function freePort(): Promise<string> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return String(port)
}

beforeAll(async () => {
  backend = await startBackend()
  const ports = [await freePort(), await freePort(), await freePort()]
  const values = [backend.url, log, ...ports, TOKEN]
  variables.forEach((name, i) => {
    process.env[name] = values[i]
  })
  const config = fileURLToPath(new URL('gateway.json', import.meta.url))
  gateway = await run({ config, signals: false, print: () => undefined })
})
afterAll(async () => {
  await gateway?.stop()
  agent.destroy()
  await backend.app.close()
  for (const name of variables) delete process.env[name]
  rmSync(folder, { recursive: true, force: true })
})

interface Line {
  outcome: string
  request: { path?: string }
  response: { status: number | null }
  decision?: { component: string; code: string }
}

let sent = 0

async function send(): Promise<void> {
  const target = new URL(gateway.url)
  for (const kind of kinds) {
    for (let n = 0; n < ROUNDS; n++) {
      const status = await sendOne(kind, target, agent)
      sent++
      expect(kind.status, kind.what).toContain(status)
    }
  }
  expect(await sendGarbage(target)).toBe('400')
  await sendAndLeave(target)
  sent += 2
}

describe('traffic of all kinds', () => {
  it('gets what it should', async () => {
    await send()
  })

  it('is in the audit log, line by line, without secrets', async () => {
    const read = () => readFileSync(log, 'utf8')
    const end = Date.now() + 5000
    while (read().split('\n').length - 1 < sent && Date.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 20))
    const text = read()
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
    expect(lines).toHaveLength(sent)
    expect(text).not.toContain('SECRET')
    expect(text).not.toContain('key-of-the-example-shop')
    const codes = new Set(lines.map(({ decision }) => decision && `${decision.component} ${decision.code}`))
    expect([...codes]).toEqual(
      expect.arrayContaining([
        'ip-filter IP_DENIED',
        'bot-detector BOT',
        'api-keys KEY_MISSING',
        'api-keys KEY_INVALID',
        'request-limits BODY_TOO_LARGE',
        'waf WAF_BLOCKED',
        'router URL_INVALID',
        'parser HPE_INVALID_METHOD',
        'circuit-breaker CIRCUIT_OPEN',
      ]),
    )
    expect(lines.filter(({ outcome }) => outcome === 'aborted')).toHaveLength(1)
  })

  it('is in the metrics', async () => {
    const response = await fetch(`http://127.0.0.1:${process.env['METRICS_PORT']}/__metrics`, {
      headers: { connection: 'close' },
    })
    const text = await response.text()
    expect(text).toContain('portcullis_requests_total{route="/users/:id",method="HEAD",status="2xx"} 6\n')
    expect(text).toContain('portcullis_refusals_total{component="ip-filter",code="IP_DENIED",mode="enforce"} 6\n')
    expect(text).toContain('portcullis_requests_total{route="/slow",method="GET",status="aborted"} 1\n')
    expect(text).toContain('portcullis_circuit_breaker_state{name="flaky"} 2\n')
    expect(text).toMatch(/portcullis_waf_matches_total\{rule="\d+"\} [1-9]/)
    expect(text).toMatch(/portcullis_waf_duration_seconds_count [1-9]/)
    expect((await fetch(`${gateway.url}/__metrics`, { headers: { connection: 'close' } })).status).toBe(401)
  })

  it('goes on after a reload: the log is opened anew, the listeners stay', async () => {
    await gateway.reload()
    const before = readFileSync(log, 'utf8').split('\n').length
    await sendOne(kinds[0]!, new URL(gateway.url), agent)
    const end = Date.now() + 5000
    while (readFileSync(log, 'utf8').split('\n').length === before && Date.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 20))
    expect(readFileSync(log, 'utf8').split('\n').length).toBe(before + 1)
    const { status } = await fetch(`http://127.0.0.1:${process.env['METRICS_PORT']}/__metrics`, {
      headers: { connection: 'close' },
    })
    expect(status).toBe(200)
    await send()
  })
})

const hasChromium = existsSync(CHROMIUM)
if (!hasChromium) console.log(`no ${CHROMIUM}: the live page is not looked at in a browser`)

describe.skipIf(!hasChromium)('the live page in Chromium', () => {
  it('shows it all, dark and light, to eyes, keyboards and screen readers', { timeout: 60_000 }, async () => {
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
    try {
      const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: 'light' })
      const errors: string[] = []
      page.on('pageerror', (error) => errors.push(error.message))
      page.on('console', (message) => void (message.type() === 'error' && errors.push(message.text())))
      const foreign: string[] = []
      const origin = `http://127.0.0.1:${process.env['DASHBOARD_PORT']}`
      page.on(
        'request',
        (request) =>
          void (request.url().startsWith(origin) || request.url().startsWith('data:') || foreign.push(request.url())),
      )
      await page.goto(`${origin}/?token=${TOKEN}`)
      await page.getByRole('status').filter({ hasText: 'live' }).waitFor()
      await expectPanels(page)
      await expectKeyboard(page)
      const light = await page.screenshot({ fullPage: true, path: join(folder, 'light.png') })
      await page.emulateMedia({ colorScheme: 'dark' })
      const dark = await page.screenshot({ fullPage: true, path: join(folder, 'dark.png') })
      expect([light.length, dark.length].every((size) => size > 30_000)).toBe(true)
      expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(15, 20, 25)')
      expect(page.url()).toBe(`${origin}/`)
      await page.reload()
      await page.getByRole('status').filter({ hasText: 'live' }).waitFor()
      expect([errors, foreign]).toEqual([[], []])
    } finally {
      await browser.close()
    }
  })
})

async function expectPanels(page: Page): Promise<void> {
  await page.getByRole('img', { name: /^Requests per second .* served/ }).waitFor()
  await page.getByRole('img', { name: /^Latency percentiles/ }).waitFor()
  const text = async (name: string): Promise<string> => (await page.getByRole('region', { name }).textContent()) ?? ''
  expect(await text('Refusals by component and code')).toContain('ip-filter: IP_DENIED6')
  // The addresses are drawn by lot: which come first varies.
  expect(await text('Addresses refused most')).toMatch(/(?:198\.51\.100|203\.0\.113)\.\d/)
  expect(await text('Routes refused most')).toContain('/users/:id')
  expect(await text('Firewall rules that matched')).toContain('SQL injection')
  expect(await text('Breakers, stores and components')).toMatch(/breaker flakyopen.*audit-logworks/)
}

async function expectKeyboard(page: Page): Promise<void> {
  await page.keyboard.press('Tab')
  expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the numbers')
  await page.getByRole('searchbox', { name: 'Filter' }).fill('api-keys')
  const plans = page.getByRole('region', { name: 'What stands around each route' })
  await plans.getByRole('heading', { name: '/orders' }).waitFor()
  expect(await plans.getByRole('heading', { name: '/slow' }).count()).toBe(0)
  const step = plans
    .getByRole('list', { name: 'What stands around /orders' })
    .getByRole('button', { name: 'rate-limit-router' })
  await step.focus()
  await page.keyboard.press('Enter')
  expect(await step.getAttribute('aria-expanded')).toBe('true')
  expect(await plans.locator('pre:not([hidden])').textContent()).toContain('"client_max_rate": 20')
  expect(await plans.textContent()).not.toContain('key-of-the-example-shop')
}
