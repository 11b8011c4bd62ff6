/** One contestant, as a process: tells its port, then its CPU time whenever it is asked. */
import type { StartContestant } from './contestant.ts'

const [name, upstream] = process.argv.slice(2)
const { default: start } = (await import(new URL(`contestants/${name}.ts`, import.meta.url).href)) as {
  default: StartContestant
}
const port = await start(upstream!)
process.on('SIGINT', () => process.exit(0))
process.on('disconnect', () => process.exit(0))
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.(user + system)
})
process.send?.(port)
