/**
 * `pnpm bench:waf [--runs N] [--seconds S] [--crs DIR]`: the CPU time that the WAF adds to a request, with the Core Rule
 * Set at paranoia level 1; beside it what libmodsecurity adds in nginx with the same rules, where Debian's packages are
 * installed (nginx, libnginx-mod-http-modsecurity).
 *
 * Every contestant is a process of its own; short runs are interleaved in shuffled order. What is added is the
 * difference of two contestants in the lower quartile of their runs. Values differ from request to request, so that no
 * cache remembers them; `--same` sends equal requests.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildPackages, LOADER } from './built.ts'
import { hasNginx, startNginx } from './nginx.ts'
import { loadVaried } from './waf-load.ts'
import { kinds } from './waf-requests.ts'

interface Runner {
  name: string
  port: number
  cpu: () => number | Promise<number>
  stop: () => void
  /** CPU microseconds per request, by kind of request. */
  costs: Map<string, number[]>
}

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '1' },
    warm: { type: 'string', default: '4' },
    crs: { type: 'string' },
    same: { type: 'boolean', default: false },
  },
})
buildPackages()
const crs = values.crs ?? defaultCrs()
const upstream = await startNode('upstream', '')
const address = `http://127.0.0.1:${upstream.port}`
const runners = [await startNode('portcullis-bare', address), await startNode('portcullis-waf', address)]
if (hasNginx()) {
  for (const [name, rules] of [['nginx'], ['nginx-modsecurity', crs]] as const) {
    runners.push({ name, costs: new Map(), ...(await startNginx(address, rules)) })
  }
} else console.log('nginx with ModSecurity is not installed: measuring Portcullis alone')

const sent = new Map(kinds.map((kind) => [kind.name, kind.requests(values.same ? 1 : 2048)]))
// Everything is warm before anything is measured: the WAF's plan settles with what the requests ask.
for (let round = 0; round < 2; round++) {
  for (const [name, requests] of sent) {
    for (const runner of runners) await measure(runner, name, requests, Number(values.warm), false)
  }
}
for (const kind of kinds) {
  const requests = sent.get(kind.name)!
  for (let i = 0; i < Number(values.runs); i++) {
    for (const runner of shuffled(runners)) await measure(runner, kind.name, requests, Number(values.seconds), true)
  }
}
for (const { stop } of [upstream, ...runners]) stop()
print()
process.exit(0)

async function measure(
  runner: Runner,
  kind: string,
  requests: readonly Buffer[],
  seconds: number,
  counts: boolean,
): Promise<void> {
  const before = await runner.cpu()
  const { done, wrong } = await loadVaried(runner.port, requests, seconds)
  const after = await runner.cpu()
  if (wrong > 0) throw new Error(`${runner.name}, ${kind}: ${wrong} of ${done} answers were not 200`)
  if (!counts) return
  const costs = runner.costs.get(kind) ?? []
  costs.push((after - before) / done)
  runner.costs.set(kind, costs)
}

async function startNode(name: string, upstreamAddress: string): Promise<Runner> {
  const child: ChildProcess = fork(new URL('serve.ts', import.meta.url), [name, upstreamAddress], {
    execArgv: LOADER,
    env: { ...process.env, NODE_ENV: 'production', BENCH_CRS: crs },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const [port] = (await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [0])])) as [number]
  if (port === 0) throw new Error(`${name} did not start`)
  const cpu = async (): Promise<number> => {
    child.send('cpu')
    const [microseconds] = (await once(child, 'message')) as [number]
    return microseconds
  }
  return { name, port, cpu, stop: () => child.kill(), costs: new Map() }
}

function defaultCrs(): string {
  const shared = fileURLToPath(new URL('../../../shared/crs/3.3.4', import.meta.url))
  const found = ['/usr/share/modsecurity-crs', shared].find(existsSync)
  if (found === undefined) throw new Error('no Core Rule Set found: name one with --crs DIR')
  return found
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

function low(runner: Runner | undefined, kind: string): number {
  const sorted = [...(runner?.costs.get(kind) ?? [])].sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 4)] ?? Number.NaN
}

function print(): void {
  const by = (name: string): Runner | undefined => runners.find((runner) => runner.name === name)
  console.log(`CPU microseconds per request, ${crs}, ${values.same ? 'equal' : 'varied'} requests`)
  for (const { name, title } of kinds) {
    const plain = runners.map((runner) => `${runner.name} ${low(runner, name).toFixed(0)}`).join(', ')
    const ours = low(by('portcullis-waf'), name) - low(by('portcullis-bare'), name)
    const theirs = low(by('nginx-modsecurity'), name) - low(by('nginx'), name)
    const ratio = Number.isNaN(theirs)
      ? ''
      : `, ModSecurity adds ${theirs.toFixed(0)}: ratio ${(ours / theirs).toFixed(3)}`
    console.log(`  ${title}: the WAF adds ${ours.toFixed(0)}${ratio}`)
    console.log(`    ${plain}`)
  }
  console.log('goal: a ratio of at most 0.2, better 0.1')
}
