// Builds and packs every publishable package: `pnpm pack:all DIR` leaves one tarball per package in DIR.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(fileURLToPath(import.meta.url), '../../..')
const [target] = process.argv.slice(2)
if (target === undefined) {
  console.error('usage: pack-all.mjs DIR')
  process.exit(2)
}
const folder = resolve(target)
mkdirSync(folder, { recursive: true })

run(join(root, 'node_modules/.bin/tsc'), ['-b', 'packages'], root)
for (const name of readdirSync(join(root, 'packages'))) {
  const own = join(root, 'packages', name)
  if (!publishable(own)) continue
  run(join(root, 'node_modules/.bin/pnpm'), ['pack', '--pack-destination', folder], own)
}

function publishable(own) {
  try {
    return JSON.parse(readFileSync(join(own, 'package.json'), 'utf8')).private !== true
  } catch {
    return false
  }
}

function run(program, args, cwd) {
  const { status } = spawnSync(program, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) process.exit(status ?? 1)
}
