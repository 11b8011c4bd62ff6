/**
 * `pnpm bench [suite …] [--runs N] [--seconds S]`: what a request costs, as CPU time of the serving process.
 *
 * Every contestant is a process of its own; short runs are interleaved in shuffled order, so that whatever else the
 * machine does meets all of them alike. The lower quartile of the runs leads, since other work only ever adds time.
 * Only ratios within one run mean anything.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { buildPackages, LOADER } from './built.ts'
import { load } from './load.ts'
import { measureTokens } from './new-tokens.ts'
import { type Suite, suites } from './suites.ts'

interface Runner {
  name: string
  child: ChildProcess
  port: number
  costs: number[]
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '1' },
    warm: { type: 'string', default: '4' },
  },
})
buildPackages()
const chosen = positionals.length > 0 ? positionals : ['proxy']
for (const name of chosen) {
  if (name === 'tokens') {
    await measureTokens()
    continue
  }
  const suite = suites[name]
  if (suite === undefined) throw new Error(`unknown suite "${name}": tokens, ${Object.keys(suites).join(', ')}`)
  await measure(name, suite)
}
process.exit(0)

async function measure(name: string, suite: Suite): Promise<void> {
  const upstream = await start('upstream', '')
  const runners: Runner[] = []
  for (const contestant of suite.contestants) runners.push(await start(contestant, `http://127.0.0.1:${upstream.port}`))
  for (const runner of runners) await load(runner.port, suite.request, Number(values.warm))
  for (let i = 0; i < Number(values.runs); i++) {
    for (const runner of shuffled(runners)) runner.costs.push(await oneRun(runner, suite))
  }
  for (const { child } of [upstream, ...runners]) child.kill()
  print(name, suite, runners)
}

async function start(name: string, upstream: string): Promise<Runner> {
  const child = fork(new URL('serve.ts', import.meta.url), [name, upstream], {
    execArgv: LOADER,
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const [port] = (await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [0])])) as [number]
  if (port === 0) throw new Error(`${name} did not start`)
  return { name, child, port, costs: [] }
}

/** CPU microseconds of the serving process per request. */
async function oneRun(runner: Runner, suite: Suite): Promise<number> {
  const before = await cpu(runner.child)
  const { requests, wrong } = await load(runner.port, suite.request, Number(values.seconds))
  const after = await cpu(runner.child)
  if (wrong > 0)
    throw new Error(`${runner.name}: ${wrong} of ${requests} answers were not ${suite.request.status ?? 200}`)
  return (after - before) / requests
}

async function cpu(child: ChildProcess): Promise<number> {
  child.send('cpu')
  const [microseconds] = (await once(child, 'message')) as [number]
  return microseconds
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) * q)]!
}

function print(name: string, suite: Suite, runners: readonly Runner[]): void {
  const base = runners[0]!
  console.log(`\n${name}: ${suite.title}`)
  console.log('ratio to the first row of CPU time per request; lower quartile of the runs (median)')
  for (const { name: contestant, costs } of runners) {
    const low = quantile(costs, 0.25) / quantile(base.costs, 0.25)
    const middle = quantile(costs, 0.5) / quantile(base.costs, 0.5)
    console.log(
      `  ${contestant.padEnd(28)} ${low.toFixed(2).padStart(6)}  (${middle.toFixed(2)})   ${quantile(costs, 0.25).toFixed(0)} us`,
    )
  }
}
