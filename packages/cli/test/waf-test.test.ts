import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { main } from '../src/main.ts'

const folder = mkdtempSync(join(tmpdir(), 'waf-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
afterEach(() => vi.restoreAllMocks())

const RULES = `# Ours
SecRule ARGS "@contains attack" "id:7,phase:2,deny,status:418,msg:'An attack',severity:CRITICAL"`
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
        extra_config: { 'security/waf': { exclude_rules: [7, 'attack-sqly'] } },
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
    expect(out.split('\n')).toEqual([
      '7  An attack',
      '   ARGS:json.q matched "attack"',
      '   CRITICAL, phase 2, rules line 2',
      'refused: deny with status 418 by rule 7',
    ])
  })

  it('builds on the block of the endpoint that would answer', async () => {
    const request = file('free.txt', 'GET /free/1?q=attack HTTP/1.1\r\nHost: a\r\n\r\n')
    const { out } = await run('-c', config, '--request', request)
    expect(out.split('\n')).toEqual([
      'no rule fired',
      'with the block of endpoint /free/{id}',
      'exclude_rules leaves 1 of 8 rules out',
      'exclude_rules: no rule answers to "attack-sqly"',
      'passes',
    ])
    const off = file('off.txt', 'POST /off/x/y HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(await run('-c', config, '--request', off)).toMatchObject({ code: 1, out: /switches the WAF off/ as never })
  })

  it('speaks JSON', async () => {
    const request = file('json.txt', 'GET /?q=attack HTTP/1.1\r\nHost: a\r\n\r\n')
    const { out } = await run('-c', config, '--request', request, '--format', 'json')
    expect(JSON.parse(out)).toMatchObject({
      verdict: { status: 418, ruleId: 7 },
      fired: [
        {
          ruleId: 7,
          message: 'An attack',
          variable: 'ARGS:q',
          value: 'attack',
          severity: 'CRITICAL',
          place: 'rules line 2',
        },
      ],
      mode: 'enforce',
    })
  })

  it('tells scores, what the rule set says of a match, and the mode', async () => {
    const scoring = file(
      'scoring.json',
      JSON.stringify({ version: 3, extra_config: { 'security/waf': { crs: 'embedded', mode: 'monitor' } } }),
    )
    const request = file('script.txt', 'GET /?q=%3Cscript%3Ealert(1)%3C/script%3E HTTP/1.1\r\nHost: a\r\n\r\n')
    const { out } = await run('-c', scoring, '--request', request)
    expect(out).toMatch(/^score \d+, refused from 5 on$/m)
    expect(out).toMatch(/^refused: deny with status 403 by rule 160900$/m)
    expect(out).toMatch(/^mode monitor: it is let through, and this is recorded$/m)
  })

  it('looks at the request as the gateway does', async () => {
    const rules = [
      'SecRule REQUEST_BODY "@contains attack" "id:7,phase:2,deny"',
      'SecRule REQUEST_URI "@contains union select" "id:8,phase:1,deny"',
    ]
    const own = file(
      'own.json',
      JSON.stringify({ version: 3, extra_config: { 'security/waf': { rules, request_body_limit: 20 } } }),
    )
    const refusedBy = async (text: string) => {
      const { out } = await run('-c', own, '--request', file('one.txt', text))
      return out.split('\n').at(-1)
    }
    const body = (text: string) => `POST / HTTP/1.1\nHost: a\nContent-Type: text/plain\n\n${text}`
    expect(await refusedBy(body('an attack'))).toBe('refused: deny with status 403 by rule 7')
    expect(await refusedBy('GET /?q=union+select HTTP/1.1\nHost: a\n\n')).toBe(
      'refused: deny with status 403 by rule 8',
    )
    expect(await refusedBy(body('x'.repeat(21)))).toBe('refused: deny with status 413 the body is larger than 20 bytes')
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
