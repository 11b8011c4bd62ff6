// Runs the tests on several versions of Node, each from the npm package `node`: by hand or nightly.
// `pnpm matrix` runs 20, 22, 24 and 26; `pnpm matrix 22` runs one.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(fileURLToPath(import.meta.url), '../../..')
const versions = process.argv.slice(2)
let failed = false
for (const version of versions.length > 0 ? versions : ['20', '22', '24', '26']) {
  const folder = mkdtempSync(join(tmpdir(), `portcullis-node-${version}-`))
  try {
    const env = { ...process.env }
    spawnSync('npm', ['init', '-y'], { cwd: folder, stdio: 'ignore' })
    // npm 11 runs install scripts only where allowed; the script of `node` puts the binary in place.
    const installed = spawnSync('npm', ['install', '--no-audit', '--no-fund', `node@${version}`], {
      cwd: folder,
      stdio: 'inherit',
    })
    if (installed.status !== 0) throw new Error('npm install failed')
    env.PATH = join(folder, 'node_modules/node/bin') + delimiter + env.PATH
    console.log(`\n== Node ${version}: ${spawnSync('node', ['--version'], { env }).stdout}`)
    const { status } = spawnSync('node', [join(root, 'node_modules/vitest/vitest.mjs'), 'run'], {
      cwd: root,
      env,
      stdio: 'inherit',
    })
    if (status !== 0) failed = true
  } catch (error) {
    failed = true
    console.error(`Node ${version}: ${error.message}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
process.exitCode = failed ? 1 : 0
