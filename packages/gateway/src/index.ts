/**
 * The umbrella. It loads a KrakenD-style configuration ({@link loadConfig}), puts the components around the routes of
 * the app that registers it, and adds the endpoints that it proxies itself.
 *
 * ```ts
 * const app = Fastify(serverOptions('gateway.json'))
 * await app.register(gateway, { config: 'gateway.json' })
 * ```
 */

import {
  type Block,
  type Component,
  ConfigurationError,
  createRedisStore,
  Engine,
  type RedisConfig,
  type Store,
} from '@portcullis/core'
import { addEndpoints } from '@portcullis/proxy'
import { identityRateLimit } from '@portcullis/rate-limit'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { checkServer } from './check-server.ts'
import type { GatewayDocument } from './document.ts'
import { endpointOptions } from './endpoints.ts'
import { unknownNamespace } from './krakend.ts'
import { type LoadedConfig, type LoadOptions, loadConfig } from './load.ts'
import { components, order, rootComponents } from './pipeline.ts'
import { requestForm } from './request-form.ts'
import { tlsConfigOf } from './server-options.ts'

/** Options of the umbrella: a configuration, in the file `config` or in place, and how to load it. */
export type GatewayOptions = (GatewayDocument | { config: string | GatewayDocument }) &
  LoadOptions & {
    /** A store for `policy: "redis"` that the app made itself; otherwise the root's `redis` says where it is. */
    redisStore?: Store
  }

declare module 'fastify' {
  interface FastifyInstance {
    /** The umbrella, where one is registered. */
    portcullis?: Gateway
  }
}

/** A registered umbrella. */
export interface Gateway {
  engine: Engine
  config: LoadedConfig
  /** Reads certificates, keys, lists and rules again; what is broken keeps its old state and is logged. */
  reload: () => Promise<void>
}

const NAMESPACES = components.flatMap(({ namespaces }) => [...namespaces])

async function gateway(fastify: FastifyInstance, options: GatewayOptions): Promise<void> {
  const loaded = loadOptions(options)
  checkServer(fastify, loaded)
  for (const { place, message } of loaded.warnings) fastify.log.warn({ place }, message)
  const redisStore = options.redisStore ?? redisStoreOf(fastify, loaded)
  const engine = new Engine(fastify, {
    components: [...rootComponents, ...components],
    order,
    blocks: allBlocks(loaded),
    baseDir: loaded.baseDir,
    unknownNamespace: (key) => unknownNamespace(key, NAMESPACES).message,
    ...(redisStore === undefined ? undefined : { redisStore }),
  })
  if (redisStore !== undefined) publishStore(engine, redisStore)
  fastify.decorate('portcullis', { engine, config: loaded, reload: () => engine.reload() })
  await fastify.register(async (scope) => addEndpoints(scope, endpointOptions(loaded)))
}

/** Blocks that no `extra_config` states: the form of requests, the root's `tls`, the rates that API keys bring along. */
function allBlocks(loaded: LoadedConfig): ReadonlyMap<string, Block> {
  const blocks = new Map(loaded.blocks)
  const add = (component: Component, place: string, config: unknown): void => {
    if (!blocks.has(component.name))
      blocks.set(component.name, { component, level: 'service', place, config, off: false })
  }
  add(requestForm as Component, '', {})
  const tls = tlsConfigOf(loaded)
  if (tls !== undefined) add(rootComponents[0]!, 'tls', tls)
  if (blocks.has('api-keys')) add(identityRateLimit as Component, 'extra_config["auth/api-keys"]', {})
  return blocks
}

const OWN = new Set(['config', 'unsupported', 'environment', 'baseDir', 'redisStore'])

function loadOptions(options: GatewayOptions): LoadedConfig {
  const document = Object.fromEntries(Object.entries(options).filter(([key]) => !OWN.has(key))) as GatewayDocument
  if (!('config' in options)) return loadConfig(document, options)
  if (Object.keys(document).length > 0) {
    throw new ConfigurationError(
      Object.keys(document).map((place) => ({
        place,
        message: 'stands beside "config": put it into the configuration',
      })),
    )
  }
  return loadConfig(options.config, options)
}

/** Is the shared store there, and how quick is it? */
function publishStore(engine: Engine, store: Store): void {
  const available = (): number => (store.healthy() === true ? 1 : 0)
  engine.publish({ name: 'store_available', help: 'Does the shared store answer', read: available })
  const seconds = (): number => (store.latency ?? 0) / 1000
  engine.publish({
    name: 'store_latency_seconds',
    help: 'Time of an operation of the shared store, lately',
    read: seconds,
  })
}

function redisStoreOf(fastify: FastifyInstance, loaded: LoadedConfig): Store | undefined {
  const { redis } = loaded.document
  if (redis === undefined) return undefined
  const store = createRedisStore({
    ...(redis as unknown as RedisConfig),
    baseDir: loaded.baseDir,
    onChange: (available, reason) => fastify.log.warn({ available, reason }, 'the shared store has changed its state'),
  })
  fastify.addHook('onClose', () => store.close())
  return store
}

const plugin: FastifyPluginAsync<GatewayOptions> = fp(gateway as FastifyPluginAsync<GatewayOptions>, {
  name: '@portcullis/gateway',
  fastify: '5.x',
})

export default plugin
export { type ConfigIssue, ConfigurationError, formatIssue } from '@portcullis/core'
export { explainRequest, type RequestExplanation } from '@portcullis/waf'
export { configSchema } from './config-schema.ts'
export type { BackendDocument, EndpointDocument, GatewayDocument } from './document.ts'
export { addHealth } from './health.ts'
export { type LoadedConfig, type LoadOptions, loadConfig } from './load.ts'
export { RedactingLogController } from './log-controller.ts'
export { components, order } from './pipeline.ts'
export { serverOptions, serverOptionsOf } from './server-options.ts'
export { plugin as gateway }
