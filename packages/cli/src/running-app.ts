import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { addHealth, gateway, type LoadedConfig } from '@portcullis/gateway'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { RunOptions } from './run.ts'

/** One app made of one configuration: it counts its requests, so that it can be closed when the last one is done. */
export class RunningApp {
  readonly app: FastifyInstance
  readonly loaded: LoadedConfig
  #active = 0
  #idle: (() => void) | undefined

  private constructor(app: FastifyInstance, loaded: LoadedConfig) {
    this.app = app
    this.loaded = loaded
  }

  /**
   * Builds an app behind a server that listens already or will; the options are the configuration's.
   *
   * @throws ConfigurationError and whatever a component's start throws; the app is closed then.
   */
  static async start(
    loaded: LoadedConfig,
    serverOptions: FastifyServerOptions,
    server: Server,
    options: RunOptions,
  ): Promise<RunningApp> {
    const app = Fastify({
      ...serverOptions,
      logger: { level: process.env.PORTCULLIS_LOG_LEVEL ?? 'warn' },
      serverFactory: () => server,
    }) as unknown as FastifyInstance
    try {
      const { unsupported } = options
      await app.register(gateway, {
        config: options.config,
        ...(unsupported === undefined ? undefined : { unsupported }),
      })
      if (loaded.document.health !== false) addHealth(app)
      await app.ready()
      return new RunningApp(app, loaded)
    } catch (error) {
      await app.close()
      throw error
    }
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    this.#active++
    response.once('close', () => {
      this.#active--
      if (this.#active === 0) this.#idle?.()
    })
    this.app.routing(request, response)
  }

  /** Closes the app when its last request is done, or after `longest` milliseconds. */
  async close(longest: number): Promise<void> {
    if (this.#active > 0) {
      await new Promise<void>((resolve) => {
        const cut = setTimeout(resolve, longest)
        this.#idle = () => {
          clearTimeout(cut)
          resolve()
        }
      })
    }
    await this.app.close()
  }
}
