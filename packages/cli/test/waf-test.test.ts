import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { main } from '../src/main.ts'

const folder = mkdtempSync(join(tmpdir(), 'waf-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
afterEach(() => vi.restoreAllMocks())

const RULES = `SecRule ARGS "@contains attack" "id:7,phase:2,deny,status:418,msg:'An attack'"`
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const config = file(
  'gateway.json',
  JSON.stringify({
    version: 3,
    extra_config: { 'security/waf': { rules: RULES } },
    endpoints: [
      {
        endpoint: '/free/{id}',
        extra_config: { 'security/waf': { exclude_rules: [7] } },
        backend: [{ host: ['http://127.0.0.1:9'] }],
      },
      {
        endpoint: '/off/*',
        method: 'POST',
        extra_config: { 'security/waf': false },
        backend: [{ host: ['http://127.0.0.1:9'] }],
      },
    ],
  }),
)

async function run(...args: string[]): Promise<{ code: number; out: string }> {
  const lines: unknown[] = []
  vi.spyOn(console, 'log').mockImplementation((line) => lines.push(line))
  vi.spyOn(console, 'error').mockImplementation((line) => lines.push(line))
  return { code: await main(['waf', 'test', ...args]), out: lines.join('\n') }
}

describe('portcullis waf test', () => {
  it('tells which rules fire and why', async () => {
    const request = file(
      'attack.txt',
      'POST /x?a=1 HTTP/1.1\nHost: a\nContent-Type: application/json\n\n{"q":"attack"}',
    )
    const { code, out } = await run('-c', config, '--request', request)
    expect(code).toBe(0)
    expect(out).toMatch(/7 phase 2: An attack — ARGS:json\.q matched "attack"/)
    expect(out).toMatch(/refused: deny with status 418 by rule 7/)
  })

  it('builds on the block of the endpoint that would answer', async () => {
    const request = file('free.txt', 'GET /free/1?q=attack HTTP/1.1\r\nHost: a\r\n\r\n')
    const { out } = await run('-c', config, '--request', request)
    expect(out).toBe('no rule fired\nwith the block of endpoint /free/{id}\npasses')
    const off = file('off.txt', 'POST /off/x/y HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(await run('-c', config, '--request', off)).toMatchObject({ code: 1, out: /switches the WAF off/ as never })
  })

  it('speaks JSON', async () => {
    const request = file('json.txt', 'GET /?q=attack HTTP/1.1\r\nHost: a\r\n\r\n')
    const { out } = await run('-c', config, '--request', request, '--format', 'json')
    expect(JSON.parse(out)).toMatchObject({ verdict: { status: 418, ruleId: 7 }, fired: [{ ruleId: 7 }] })
  })

  it('wrong usage is told', async () => {
    expect((await run('-c', config)).code).toBe(2)
    expect(await main(['waf'])).toBe(2)
    const empty = file('empty.txt', '\n')
    expect((await run('-c', config, '--request', empty)).code).toBe(1)
  })

  it('broken rules are a refused configuration', async () => {
    const broken = file(
      'broken.json',
      JSON.stringify({ version: 3, extra_config: { 'security/waf': { rules: 'SecRul ARGS "@rx a" "id:1"' } } }),
    )
    const request = file('get.txt', 'GET / HTTP/1.1\r\n\r\n')
    const { code, out } = await run('-c', broken, '--request', request)
    expect(code).toBe(1)
    expect(out).toMatch(
      /extra_config\["security\/waf"\]\.rules: line 1: unknown directive "SecRul"; did you mean "SecRule"/,
    )
  })
})
