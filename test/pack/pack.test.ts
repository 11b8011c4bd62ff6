/**
 * What npm would publish, installed where nothing else is: an ESM app, a CommonJS app, a TypeScript app and the command.
 * It builds and installs, so it runs in CI, in `npm test`, and with PORTCULLIS_PACK=1; elsewhere it is skipped.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = resolve(fileURLToPath(import.meta.url), '../../..')
const bin = (name: string): string => join(root, 'node_modules/.bin', name)
const wanted = Boolean(process.env.CI || process.env.PORTCULLIS_PACK)
if (!wanted) console.warn('the tests of what is published are skipped: PORTCULLIS_PACK=1 runs them')

const APPS = [
  new URL('./apps/esm.mjs', import.meta.url),
  new URL('./apps/cjs.cjs', import.meta.url),
  new URL('./apps/typed.ts', import.meta.url),
]

/** The source condition of the workspace must not reach the apps. */
const { NODE_OPTIONS: _, ...env } = process.env
const exec = promisify(execFile)
const run = async (program: string, args: readonly string[], cwd: string): Promise<string> => {
  try {
    return (await exec(program, args, { cwd, env, maxBuffer: 1e8 })).stdout
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error })
  }
}

/** Build information and tests stay at home. */
const PUBLISHED = /^(dist\/.*\.(js|d\.ts)(\.map)?|(src|assets)\/.*|README\.md|LICENSE|package\.json|schema\.json)$/

interface Packed {
  name: string
  tarball: string
  files: readonly string[]
  manifest: { name: string; private?: boolean; exports: Record<string, unknown>; dependencies?: Record<string, string> }
}

const published = readdirSync(join(root, 'packages'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(root, 'packages', entry.name, 'package.json')))
  .map((entry) => readFileSync(join(root, 'packages', entry.name, 'package.json'), 'utf8'))
  .map((text) => JSON.parse(text) as Packed['manifest'])
  .filter((manifest) => manifest.private !== true)
  .map(({ name }) => name)
/** Those with a module to import; the command's too. */
const names = [...published].sort()

describe.skipIf(!wanted)('what is published', () => {
  let folder: string
  let app: string
  let packed: Packed[]

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'portcullis-pack-'))
    app = join(folder, 'app')
    const tarballs = join(folder, 'tarballs')
    mkdirSync(app)
    await run(process.execPath, [join(root, 'test/tools/pack-all.mjs'), tarballs], root)
    packed = await Promise.all(readdirSync(tarballs).map((file) => read(join(tarballs, file))))
    writeFileSync(join(app, 'package.json'), '{ "name": "app", "private": true, "type": "module" }')
    for (const source of APPS) copyFileSync(source, join(app, basename(source.pathname)))
    const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
    await run('npm', ['install', ...quiet, ...packed.map(({ tarball }) => tarball), 'fastify', '@types/node@20'], app)
  }, 120_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('is every package that is not private', () => {
    expect(packed.map(({ name }) => name).sort()).toEqual(names)
    expect(names.length).toBeGreaterThan(20)
    expect(names).not.toContain('@portcullis/template')
  })

  it('has in it what it needs and nothing else', () => {
    const problems: string[] = []
    for (const { name, files, manifest } of packed) {
      const needed = ['README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts']
      // Each compiled file has its source beside it, for source maps.
      for (const file of files)
        if (/^dist\/.*\.js$/.test(file)) needed.push(file.replace(/^dist/, 'src').replace(/js$/, 'ts'))
      for (const file of needed) if (!files.includes(file)) problems.push(`${name} lacks ${file}`)
      for (const file of files) if (!PUBLISHED.test(file)) problems.push(`${name} has ${file}`)
      if (/source|src/.test(JSON.stringify(manifest.exports))) problems.push(`${name} exports its source`)
      if (Object.values(manifest.dependencies ?? {}).some((range) => range.startsWith('workspace:')))
        problems.push(`${name} depends on the workspace`)
    }
    expect(problems).toEqual([])
  })

  it('passes publint', async () => {
    for (const { name, tarball } of packed) {
      const { buffer } = new Uint8Array(readFileSync(tarball))
      const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true })
      expect([name, messages.map((message) => formatMessage(message, pkg))]).toEqual([name, []])
    }
  }, 60_000)

  it.each(['@portcullis/jwt', '@portcullis/gateway'])(
    '%s has types that resolve',
    async (name) => {
      const { tarball } = packed.find((one) => one.name === name)!
      // ECMAScript modules alone: what require() of Node 20.19 does not need is no mistake.
      await run(bin('attw'), [tarball, '--profile', 'esm-only', '--no-color'], root)
    },
    60_000,
  )

  it('works in an ESM app', async () => {
    expect(await run(process.execPath, ['esm.mjs', ...names], app)).toBe('esm ok\n')
  }, 60_000)

  it('works in a CommonJS app', async () => {
    expect(await run(process.execPath, ['--no-warnings', 'cjs.cjs', ...names], app)).toBe('cjs ok\n')
  }, 60_000)

  it('works in a TypeScript app', async () => {
    const compilerOptions = {
      ...{ strict: true, noEmit: true, target: 'es2022', lib: ['es2023'], module: 'nodenext', types: ['node'] },
      ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false },
    }
    const imports = names.map((name, i) => `import * as n${i} from '${name}'`)
    const all = `${imports.join('\n')}\nexport const all: readonly object[] = [${names.map((_name, i) => `n${i}`)}]\n`
    writeFileSync(join(app, 'all.ts'), all)
    writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['typed.ts', 'all.ts'] }))
    expect(await run(bin('tsc'), ['-p', '.'], app)).toBe('')
  }, 60_000)

  it('has a command that tells its version', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'packages/cli/package.json'), 'utf8')) as { version: string }
    expect(await run('npx', ['--no-install', 'portcullis', 'version'], app)).toBe(`${version}\n`)
  }, 60_000)

  it('and runs a gateway', async () => {
    const extra_config = { 'security/bot-detector': { deny: ['bot'] } }
    const endpoints = [{ endpoint: '/x', backend: [{ host: ['http://127.0.0.1:9'] }] }]
    writeFileSync(
      join(app, 'gateway.json'),
      JSON.stringify({ version: 3, listen_ip: '127.0.0.1', extra_config, endpoints }),
    )
    const command = spawn(join(app, 'node_modules/.bin/portcullis'), ['run', '-c', 'gateway.json', '--port', '0'], {
      cwd: app,
      env,
    })
    const ended = new Promise<number | null>((settle) => command.once('exit', settle))
    const url = await firstLine(command).then((line) => /^portcullis listening on (http:\S+)$/.exec(line)![1])
    expect((await fetch(`${url}/__health`)).status).toBe(200)
    expect((await fetch(`${url}/x`, { headers: { 'user-agent': 'bot' } })).status).toBe(403)
    expect((await fetch(`${url}/x`)).status).toBe(502)
    command.kill('SIGTERM')
    expect(await ended).toBe(0)
  }, 60_000)
})

/** Reads a tarball: its files and its package.json. */
async function read(tarball: string): Promise<Packed> {
  const files = (await run('tar', ['-tzf', tarball], root))
    .trim()
    .split('\n')
    .map((file) => file.replace(/^package\//, ''))
  const manifest = JSON.parse(await run('tar', ['-xzOf', tarball, 'package/package.json'], root)) as Packed['manifest']
  return { name: manifest.name, tarball, files, manifest }
}

function firstLine(command: ChildProcess): Promise<string> {
  return new Promise((settle, reject) => {
    let text = ''
    command.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (text.includes('\n')) settle(text.slice(0, text.indexOf('\n')))
    })
    command.once('exit', (code) => reject(new Error(`ended with ${code}`)))
  })
}
