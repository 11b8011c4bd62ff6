import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Is there a redis-server on this machine? */
export function redisInstalled(): boolean {
  return spawnSync('redis-server', ['--version']).status === 0
}

/** A redis-server of the example's own, which keeps nothing on disk. */
export class Redis {
  readonly port: number
  #process: ChildProcess | undefined

  private constructor(port: number) {
    this.port = port
  }

  /** Starts one on a free port. */
  static async start(): Promise<Redis> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    server.close()
    await once(server, 'close')
    const redis = new Redis(port)
    await redis.start()
    return redis
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  async start(): Promise<void> {
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
    this.#process = spawn('redis-server', args, { stdio: 'ignore' })
    for (let tries = 0; tries < 100; tries++) {
      if (await accepts(this.port)) return
      await sleep(30)
    }
    throw new Error('redis-server did not start')
  }

  async stop(): Promise<void> {
    const running = this.#process
    this.#process = undefined
    if (running === undefined || running.exitCode !== null) return
    running.kill()
    await once(running, 'exit')
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(port, '127.0.0.1')
    const end = (answer: boolean): void => {
      socket.destroy()
      settle(answer)
    }
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })
}
