import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Is a redis-server installed? Says so once when it is not: the tests that need one are skipped. */
export const redisInstalled: boolean = (() => {
  const found = spawnSync('redis-server', ['--version']).status === 0
  if (!found) console.warn('redis-server is not installed: the tests against a real Redis are skipped')
  return found
})()

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

/** A redis-server of the test's own. */
export class RedisServer {
  readonly port: number
  readonly #directory = mkdtempSync(join(tmpdir(), 'portcullis-redis-'))
  #args: readonly string[]
  #process: ChildProcess | undefined

  constructor(port: number, args: readonly string[] = []) {
    this.port = port
    this.#args = args
  }

  /** Starts it on its port and waits until it answers. */
  start(args: readonly string[] = this.#args): Promise<this> {
    this.#args = args
    const listening = args.includes('--port') ? [] : ['--port', String(this.port)]
    return this.#spawn([
      ...listening,
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      this.#directory,
      ...args,
    ])
  }

  /** Starts it as a Sentinel with a configuration file, which it writes to. */
  startSentinel(file: string): Promise<this> {
    return this.#spawn([file, '--sentinel'])
  }

  async #spawn(args: readonly string[]): Promise<this> {
    const started = spawn('redis-server', args, { stdio: 'ignore' })
    this.#process = started
    started.once('exit', () => {
      if (this.#process === started) this.#process = undefined
    })
    for (let i = 0; i < 200; i++) {
      if (await accepts(this.port)) return this
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error('redis-server did not start')
  }

  /** Sends a signal: SIGSTOP freezes it, SIGCONT lets it go on. */
  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal)
  }

  /** Kills it; waits until it is gone. */
  async stop(): Promise<void> {
    const running = this.#process
    if (running === undefined) return
    const gone = new Promise((resolve) => running.once('exit', resolve))
    running.kill('SIGKILL')
    await gone
  }

  /** Kills it and removes what it left. */
  async remove(): Promise<void> {
    await this.stop()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

/** A running redis-server on a free port. */
export async function startRedis(args: readonly string[] = []): Promise<RedisServer> {
  return new RedisServer(await freePort(), args).start()
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}
