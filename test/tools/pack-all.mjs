// Builds and packs every publishable package: `pnpm pack:all DIR` leaves one tarball per package in DIR.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
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

const packages = readdirSync(join(root, 'packages'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => ({ name, path: join(root, 'packages', name) }))
  .filter(({ path }) => isPublishable(path))
for (const { path } of packages) removeStale(path)
run('tsc', ['-b', 'packages'])
const filters = packages.map(({ name }) => `--filter=./packages/${name}`)
run('pnpm', ['--recursive', ...filters, 'pack', '--pack-destination', folder])

function isPublishable(path) {
  const file = join(path, 'package.json')
  return existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).private !== true
}

/** The compiler leaves what it made of files that are gone; that must not be published. */
function removeStale(path) {
  const dist = join(path, 'dist')
  if (!existsSync(dist)) return
  for (const name of readdirSync(dist, { recursive: true })) {
    const source = /^(.*?)\.(?:js|d\.ts)(?:\.map)?$/.exec(name)?.[1]
    if (source !== undefined && !existsSync(join(path, 'src', `${source}.ts`))) rmSync(join(dist, name))
  }
}

function run(program, args) {
  const { status, stdout, stderr } = spawnSync(join(root, 'node_modules/.bin', program), args, { cwd: root })
  if (status === 0) return
  process.stderr.write(stdout)
  process.stderr.write(stderr)
  process.exit(status ?? 1)
}
