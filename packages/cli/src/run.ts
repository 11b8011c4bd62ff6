import { type FSWatcher, watch } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, dirname, resolve } from 'node:path'
import { type LoadedConfig, loadConfig, serverOptionsOf } from '@portcullis/gateway'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { checkReload, closeServer, followCertificates, makeServer, tlsOf } from './listener.ts'
import { RunningApp } from './running-app.ts'

/** How a gateway is run. */
export interface RunOptions {
  /** Path of the configuration. */
  config: string
  /** Overrides the configuration's port; 0 takes a free one. */
  port?: number
  /** Reload when the configuration's file changes. */
  watch?: boolean
  unsupported?: 'error' | 'ignore'
  /** Where the line "portcullis listening on …" goes. Default standard output. */
  print?: (line: string) => void
  /** Take SIGTERM, SIGINT and SIGHUP. Default true. */
  signals?: boolean
}

/** A gateway that listens. */
export interface RunningGateway {
  url: string
  /** The app that answers now; a reload puts another in its place. */
  readonly app: FastifyInstance
  /** Stops taking connections, lets the requests under way finish, closes. */
  stop: () => Promise<void>
  /** Settles when it has stopped. */
  stopped: Promise<void>
  /** Reads the configuration and every file it names again; a broken one changes nothing and is logged. */
  reload: () => Promise<void>
}

/** Longest wait for requests under way, in milliseconds. */
const DRAIN = 30_000

/**
 * Runs a gateway from a configuration file until it is told to stop.
 *
 * @throws ConfigurationError when the configuration is refused; nothing listens then.
 */
export async function run(options: RunOptions): Promise<RunningGateway> {
  const loaded = loadConfig(options.config, options)
  const runner = new Runner(loaded, options)
  await runner.start()
  return runner
}

class Runner implements RunningGateway {
  url = ''
  readonly stopped: Promise<void>
  readonly #options: RunOptions
  readonly #server: Server
  readonly #first: LoadedConfig
  #serverOptions: FastifyServerOptions
  readonly #onSignal = {
    stop: () => void this.stop(),
    reload: () => void this.reload(),
  }
  #current: RunningApp | undefined
  #stopping: Promise<void> | undefined
  #reloading: Promise<void> = Promise.resolve()
  #watcher: FSWatcher | undefined
  #done: () => void = () => undefined

  constructor(loaded: LoadedConfig, options: RunOptions) {
    this.#options = options
    this.#first = loaded
    this.#serverOptions = serverOptionsOf(loaded)
    const following = followCertificates(this.#serverOptions, () => this.#serverOptions)
    this.#server = makeServer(following, (request, response) => this.#current!.handle(request, response)) as Server
    this.stopped = new Promise((settle) => {
      this.#done = settle
    })
  }

  get app(): FastifyInstance {
    return this.#current!.app
  }

  async start(): Promise<void> {
    this.#current = await RunningApp.start(this.#first, this.#serverOptions, this.#server, this.#options)
    const { document } = this.#first
    try {
      await listen(this.#server, this.#options.port ?? document.port ?? 8080, document.listen_ip)
    } catch (error) {
      await this.#current.app.close()
      throw error
    }
    this.url = urlOf(this.#server, this.#first)
    if (this.#options.watch === true) this.#watcher = watchFile(this.#options.config, this.#onSignal.reload)
    if (this.#options.signals !== false) this.#takeSignals()
    const print = this.#options.print ?? ((line: string) => console.log(line))
    print(`portcullis listening on ${this.url}`)
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload())
    return this.#reloading
  }

  async #stop(): Promise<void> {
    this.#watcher?.close()
    const { stop, reload } = this.#onSignal
    process.off('SIGTERM', stop).off('SIGINT', stop).off('SIGHUP', reload)
    await this.#reloading
    await closeServer(this.#server, DRAIN)
    await this.#current!.close(DRAIN)
    this.#done()
  }

  /** Builds the next app beside the present one; only when it is ready does it take the requests. */
  async #reload(): Promise<void> {
    if (this.#stopping !== undefined) return
    const before = this.#current!
    const listeners = this.#server.listeners('clientError')
    // Firewall rules that have changed are compiled here, a little at a time: what follows finds them done.
    await before.app.portcullis?.reload()
    try {
      const loaded = loadConfig(this.#options.config, this.#options)
      const serverOptions = serverOptionsOf(loaded)
      checkReload(this.#serverOptions, serverOptions)
      this.#server.removeAllListeners('clientError')
      this.#current = await RunningApp.start(loaded, serverOptions, this.#server, this.#options)
      this.#serverOptions = serverOptions
      this.#current.app.log.info('configuration read again')
    } catch (error) {
      this.#server.removeAllListeners('clientError')
      for (const listener of listeners) this.#server.on('clientError', listener as never)
      before.app.log.error({ err: error }, 'reload refused, the running configuration stays')
      return
    }
    const secure = tlsOf(this.#serverOptions)
    if (secure !== undefined && 'setSecureContext' in this.#server)
      (this.#server as { setSecureContext: (options: object) => void }).setSecureContext(secure)
    await before.close(DRAIN)
  }

  #takeSignals(): void {
    const { stop, reload } = this.#onSignal
    process.on('SIGTERM', stop).on('SIGINT', stop).on('SIGHUP', reload)
  }
}

function listen(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((settle, reject) => {
    server.once('error', reject)
    server.listen(host === undefined ? { port } : { port, host }, () => {
      server.removeListener('error', reject)
      settle()
    })
  })
}

function urlOf(server: Server, loaded: LoadedConfig): string {
  const { address, port } = server.address() as AddressInfo
  const scheme = 'setSecureContext' in server ? 'https' : 'http'
  const any = address === '0.0.0.0' || address === '::'
  const host = any ? '127.0.0.1' : address.includes(':') ? `[${address}]` : (loaded.document.listen_ip ?? address)
  return `${scheme}://${host}:${port}`
}

/** Editors replace files, so the folder is watched; several events of one change count once. */
function watchFile(config: string, changed: () => void): FSWatcher {
  const file = resolve(config)
  let timer: NodeJS.Timeout | undefined
  return watch(dirname(file), (_event, name) => {
    if (name !== basename(file)) return
    clearTimeout(timer)
    timer = setTimeout(changed, 100)
  })
}
