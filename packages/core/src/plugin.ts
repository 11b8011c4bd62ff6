import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { Component } from './component.ts'
import { type Block, ComponentIndex, readBlocks } from './config/blocks.ts'
import { ConfigurationError } from './config/issues.ts'
import { Engine } from './engine/engine.ts'
import type { Store } from './store/store.ts'

/** Options of a plugin registered in code: the fields of its namespace, and what JSON cannot say. */
export type PluginOptions<Config> = Config & {
  /** The shared store for `policy: "redis"`, made by the app. */
  redisStore?: Store
}

/** A component as a Fastify plugin; it acts on the scope that registers it. */
export type ComponentPlugin<Config> = FastifyPluginAsync<PluginOptions<Config> & Record<never, never>>

/**
 * Makes a Fastify plugin of a component. The plugin runs the same engine as the umbrella, with a plan of one
 * component, and reads the same block in a route's `config.extra_config`.
 *
 * The plugin rejects with a {@link ConfigurationError} that lists every mistake in its options.
 */
export function toPlugin<Config extends object>(component: Component<Config>): ComponentPlugin<Config> {
  const erased = component as unknown as Component
  const plugin = async (fastify: FastifyInstance, options: PluginOptions<Config>): Promise<void> => {
    const { redisStore, ...config } = options
    const index = new ComponentIndex([erased])
    const namespace = component.namespaces[0]
    const level = component.levels.includes('service') ? 'service' : component.levels[0]!
    const { blocks, issues } =
      Object.keys(config).length === 0 && level !== 'service'
        ? { blocks: new Map<string, Block>(), issues: [] }
        : readBlocks({ [namespace]: config }, index, { level, place: 'options', baseDir: process.cwd() })
    if (issues.length > 0) throw new ConfigurationError(issues, `@portcullis/${component.name}`)
    new Engine(fastify, {
      components: [erased],
      blocks,
      ...(redisStore === undefined ? undefined : { redisStore }),
    })
  }
  return fp(plugin, { fastify: '5.x', name: `@portcullis/${component.name}` }) as ComponentPlugin<Config>
}
