/** The packages are measured as they are published: built, without the names that a loader adds to functions. */
import { spawnSync } from 'node:child_process'

/** Options of Node for a contestant: only the benchmark's own files are translated on the way. */
export const LOADER: string[] = ['--import', 'tsx']

/** Builds all packages; ends the process when that fails. */
export function buildPackages(): void {
  const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'packages'], {
    stdio: 'inherit',
  })
  if (status !== 0) process.exit(1)
}
