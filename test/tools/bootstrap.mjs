// Sets up everything on a machine that has Node and nothing else, then runs a command: `start` or `test`.
// Plain JavaScript without dependencies: it runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(fileURLToPath(import.meta.url), '../../..')
const bin = (name) => join(root, 'node_modules/.bin', name)
const SOURCE = ['--conditions=@portcullis/source', '--import', 'tsx']

const [command] = process.argv.slice(2)
checkNode()
install()
if (command === 'start') process.exitCode = run(process.execPath, [...SOURCE, 'examples/standalone/start.ts'])
else if (command === 'test') process.exitCode = test()
else {
  console.error('usage: bootstrap.mjs start|test')
  process.exitCode = 2
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  console.error(`Portcullis needs Node 20.19 or newer; this is ${process.versions.node}`)
  process.exit(1)
}

/** Installs the locked dependencies, unless what is there was installed from this very lock file. */
function install() {
  const installed = join(root, 'node_modules/.modules.yaml')
  const lock = join(root, 'pnpm-lock.yaml')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const code = run('npx', ['-y', packageManager, 'install', '--frozen-lockfile'])
  if (code !== 0) process.exit(code)
}

function run(program, args, env = {}) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
  if (error !== undefined) console.error(`${program}: ${error.message}`)
  return status ?? 1
}

/** Every check runs, whatever the ones before said; the last line counts what passed and failed. */
function test() {
  installServers()
  let passed = 0
  let failed = 0
  const checks = [
    ['format and lint', bin('biome'), ['ci', '--error-on-warnings', '--max-diagnostics=50', '.']],
    ['unused code', bin('knip'), []],
    ['types', bin('tsc'), ['-p', 'tsconfig.json', '--noEmit']],
    ['build', bin('tsc'), ['-b', 'packages']],
  ]
  for (const [name, program, args] of checks) {
    console.log(`\n== ${name}`)
    if (run(program, args) === 0) passed++
    else {
      failed++
      console.error(`${name}: failed`)
    }
  }
  const tests = runTests()
  passed += tests.passed
  failed += tests.failed
  console.log(`\n${passed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
}

function runTests() {
  console.log('\n== tests')
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-test-'))
  const report = join(folder, 'report.json')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  // Here the packages are also packed and installed as npm would.
  const code = run(bin('vitest'), ['run', ...reporters], { PORTCULLIS_PACK: '1' })
  try {
    const {
      numPassedTests: passed,
      numFailedTests: failed,
      numFailedTestSuites: suites,
    } = JSON.parse(readFileSync(report, 'utf8'))
    // A run that fails without a failed test (an unhandled error, a file that cannot be loaded) still failed.
    return { passed, failed: failed > 0 ? failed : code !== 0 ? Math.max(1, suites) : 0 }
  } catch {
    return { passed: 0, failed: 1 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The tests of shared limits and of the rule set want a real Redis and Debian's Core Rule Set. */
function installServers() {
  const wanted = []
  if (spawnSync('redis-server', ['--version']).status !== 0) wanted.push('redis-server')
  if (!existsSync('/usr/share/modsecurity-crs/rules')) wanted.push('modsecurity-crs')
  if (wanted.length === 0) return
  const debian = existsSync('/etc/debian_version') && process.getuid?.() === 0
  if (!debian) {
    console.log(`Not installed: ${wanted.join(', ')}. Tests that need them are skipped; install them to run all.`)
    return
  }
  console.log(`installing ${wanted.join(', ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (args) => spawnSync('apt-get', ['-qq', ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] }).status
  if (apt(['install', '-y', '--no-install-recommends', ...wanted]) === 0) return
  apt(['update'])
  if (apt(['install', '-y', '--no-install-recommends', ...wanted]) !== 0)
    console.log(`could not install ${wanted.join(', ')}`)
}
