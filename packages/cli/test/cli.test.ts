import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { audit, main, run } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'portcullis-cli-'))
const bin = fileURLToPath(new URL('../src/bin.ts', import.meta.url))
const children: ChildProcess[] = []
let backend: http.Server
let origin: string

beforeAll(async () => {
  backend = http.createServer((request, response) => {
    const wait = request.url === '/slow' ? 300 : 0
    setTimeout(() => response.end(`backend ${request.url}`), wait)
  })
  backend.listen(0, '127.0.0.1')
  await once(backend, 'listening')
  origin = `http://127.0.0.1:${(backend.address() as AddressInfo).port}`
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(() => {
  backend.close()
  rmSync(folder, { recursive: true, force: true })
})

function file(name: string, config: unknown): string {
  const path = join(folder, name)
  writeFileSync(path, typeof config === 'string' ? config : JSON.stringify(config))
  return path
}

const good = (path = '/x'): object => ({
  version: 3,
  listen_ip: '127.0.0.1',
  extra_config: { 'security/ip-filter': { deny: ['10.0.0.42'] } },
  endpoints: [
    { endpoint: path, backend: [{ host: [origin] }] },
    { endpoint: '/slow', backend: [{ host: [origin] }] },
  ],
})

/** The command line in a process of its own. */
function cli(...args: string[]): { child: ChildProcess; text: () => string; exit: Promise<number> } {
  const child = spawn(process.execPath, ['--conditions=@portcullis/source', '--import', 'tsx', bin, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  let text = ''
  child.stdout!.on('data', (chunk) => {
    text += chunk
  })
  child.stderr!.on('data', (chunk) => {
    text += chunk
  })
  return { child, text: () => text, exit: once(child, 'exit').then(([code]) => code as number) }
}

/** What a command prints, run in this process. */
async function output(...args: string[]): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = []
  const { log, error } = console
  console.log = (line: string) => void lines.push(...String(line).split('\n'))
  console.error = console.log
  try {
    return { code: await main(args), lines }
  } finally {
    Object.assign(console, { log, error })
  }
}

describe('check', () => {
  it('is 0 for a good configuration', async () => {
    expect(await output('check', '-c', file('good.json', good()))).toMatchObject({
      code: 0,
      lines: [expect.stringContaining('ok')],
    })
  })

  it('prints five lines for five different mistakes, exit 1', async () => {
    const bad = {
      prot: 1,
      timeout: 'soon',
      extra_config: { 'security/htp': {}, 'security/ip-filter': { deny: ['x'] } },
      endpoints: [{ endpoint: '/x', metod: 'GET', backend: [{ host: [origin] }] }],
    }
    const { code, lines } = await output('check', '-c', file('bad.json', bad))
    expect(code).toBe(1)
    expect(lines.filter((line) => /^(prot|timeout|extra_config|endpoints)/.test(line))).toHaveLength(5)
    const json = await output('check', '-c', file('bad.json', bad), '--format', 'json')
    expect(JSON.parse(json.lines.join('\n')).issues).toHaveLength(5)
  })

  it('finds what only starting finds', async () => {
    const { code, lines } = await output(
      'check',
      '-c',
      file('tls.json', { ...good(), tls: { keys: [{ public_key: 'a.pem', private_key: 'a.key' }] } }),
    )
    expect([code, lines[0]]).toEqual([1, 'tls.keys[0].public_key: there is no file a.pem'])
  })
})

describe('usage', () => {
  it.each([
    [[], 2, /a command is missing/],
    [['fly'], 2, /unknown command "fly"/],
    [['run'], 2, /-c FILE is missing/],
    [['run', '-c', 'x', '--port', 'http'], 2, /--port http is not a port/],
    [['check', '-c', 'x', '--format', 'xml'], 2, /--format is/],
    [['check', '-x'], 2, /-x/],
    [['audit', '-c', 'x', '--fail-on', 'never'], 2, /--fail-on is one of/],
    [['run', '-c', 'nowhere.json'], 1, /cannot be read/],
    [['version'], 0, /^[0-9]+\.[0-9]+\.[0-9]+/],
    [['--help'], 0, /portcullis run -c FILE/],
  ])('%j', async (args, code, message) => {
    const result = await output(...args)
    expect(result.code).toBe(code)
    expect(result.lines.join('\n')).toMatch(message)
  })
})

describe('audit', () => {
  it('advises on values, gravest first, and fails at the level asked for', async () => {
    const config = { ...good(), client_tls: { allow_insecure_connections: true }, trusted_proxies: ['0.0.0.0/0'] }
    const findings = audit(config as never)
    expect(findings[0]).toMatchObject({ severity: 'critical', id: 'backend.insecure' })
    expect(findings.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['tls.none', 'http.none', 'rate.none', 'trust.wide', 'auth.none']),
    )
    expect((await output('audit', '-c', file('audit.json', config))).code).toBe(1)
    expect((await output('audit', '-c', file('audit2.json', good()), '--fail-on', 'critical')).code).toBe(0)
  })
})

describe('run', () => {
  it('prints one line when it listens, serves, and drains on SIGTERM', async () => {
    const { child, text, exit } = cli('run', '-c', file('run.json', good()), '--port', '0')
    await expect.poll(text, { timeout: 15_000 }).toMatch(/^portcullis listening on http:\/\/127\.0\.0\.1:[0-9]+\n/)
    const url = /http:\S+/.exec(text())![0]
    expect(await (await fetch(`${url}/x`)).text()).toBe('backend /x')
    expect(await (await fetch(`${url}/__health`)).json()).toEqual({ status: 'ok' })
    expect(await (await fetch(`${url}/__ready`)).json()).toEqual({ status: 'ready' })
    const slow = fetch(`${url}/slow`)
    await new Promise((resolve) => setTimeout(resolve, 100))
    child.kill('SIGTERM')
    expect(await (await slow).text()).toBe('backend /slow')
    expect(await exit).toBe(0)
    await expect(fetch(`${url}/x`)).rejects.toThrow()
  })

  it('is refused with exit 1 and every mistake', async () => {
    const { text, exit } = cli('run', '-c', file('refused.json', { prot: 1, nmae: 'x' }))
    expect(await exit).toBe(1)
    expect(text()).toMatch(
      /2 mistakes\n {2}prot: unknown field; did you mean "port"\?\n {2}nmae: unknown field; did you mean "name"\?/,
    )
  })

  it('reloads without dropping a request; a broken configuration changes nothing', async () => {
    const path = file('reload.json', good('/old'))
    const gateway = await run({ config: path, port: 0, signals: false, print: () => undefined })
    const status = async (route: string): Promise<number> => (await fetch(gateway.url + route)).status
    expect([await status('/old'), await status('/new')]).toEqual([200, 404])
    const slow = fetch(`${gateway.url}/slow`)
    await new Promise((resolve) => setTimeout(resolve, 50))
    file('reload.json', good('/new'))
    await gateway.reload()
    expect([await status('/old'), await status('/new')]).toEqual([404, 200])
    expect((await slow).status).toBe(200)
    file('reload.json', '{ broken')
    await gateway.reload()
    expect(await status('/new')).toBe(200)
    await gateway.stop()
  })

  it('reloads firewall rules without holding the event loop', async () => {
    const rules = (last: string) =>
      [
        ...Array.from(
          { length: 1500 },
          (_, i) => `SecRule ARGS "@rx (?:a|b)${i}[a-z]{2,5}x" "id:${i + 10},phase:2,pass"`,
        ),
        last,
      ].join('\n')
    writeFileSync(join(folder, 'rules.conf'), 'SecAction "id:1,phase:1,pass,nolog"')
    const path = file('rules.json', {
      ...good(),
      extra_config: { 'security/waf': { rules_files: [join(folder, 'rules.conf')] } },
    })
    const gateway = await run({ config: path, port: 0, signals: false, print: () => undefined })
    const status = async () => (await fetch(`${gateway.url}/x?q=bad`)).status
    expect(await status()).toBe(200)
    const rounds = async (text: string): Promise<number> => {
      writeFileSync(join(folder, 'rules.conf'), text)
      let ended = false
      let n = 0
      const reloading = gateway.reload().then(() => {
        ended = true
      })
      for (; !ended; n++) await new Promise((resolve) => setImmediate(resolve))
      await reloading
      return n
    }
    expect(await rounds(rules('SecRule ARGS:q "@streq bad" "id:2,phase:1,deny"'))).toBeGreaterThan(3)
    expect(await status()).toBe(403)
    // A broken version, too: the rules in force stay.
    expect(await rounds(rules('SecRule ARGS:q "@streqq bad" "id:2,phase:1,deny"'))).toBeGreaterThan(3)
    expect(await status()).toBe(403)
    await gateway.stop()
  })

  it('watches its file', async () => {
    const path = file('watch.json', good('/old'))
    const gateway = await run({ config: path, port: 0, signals: false, watch: true, print: () => undefined })
    file('watch.json', good('/new'))
    await expect.poll(async () => (await fetch(`${gateway.url}/new`)).status, { timeout: 5000 }).toBe(200)
    await gateway.stop()
  })

  it('serves no health routes when told so', async () => {
    const gateway = await run({
      config: file('health.json', { ...good(), health: false }),
      port: 0,
      signals: false,
      print: () => undefined,
    })
    expect((await fetch(`${gateway.url}/__health`)).status).toBe(404)
    await gateway.stop()
  })
})
