import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { Component } from './component.ts'
import { ComponentIndex, readBlocks } from './config/blocks.ts'
import { ConfigurationError } from './config/issues.ts'
import { Engine } from './engine/engine.ts'
import type { Store } from './store/store.ts'

/** Options of a plugin registered in code: the fields of its namespace, and what JSON cannot say. */
export type PluginOptions<Config> = Config & {
  /** The shared store for `policy: "redis"`, made by the app. */
  redisStore?: Store
}

/** A further component of a plugin, see {@link toPlugin}. */
export interface Companion {
  component: Component
  /** Its service-level block; without one it acts only where a route has a block of it. */
  config?: object
}

/** A component as a Fastify plugin; it acts on the scope that registers it. */
export type ComponentPlugin<Config> = FastifyPluginAsync<PluginOptions<Config> & Record<never, never>>

/**
 * Makes a Fastify plugin of a component. The plugin runs the same engine as the umbrella, with a plan of one
 * component, and reads the same block in a route's `config.extra_config`.
 *
 * The plugin rejects with a {@link ConfigurationError} that lists every mistake in its options.
 *
 * @param companions further components of the same package that routes may use, and the service-level blocks of those
 * that always act. With companions, no options mean no block of the component's own.
 */
export function toPlugin<Config extends object>(
  component: Component<Config>,
  companions: readonly Companion[] = [],
): ComponentPlugin<Config> {
  const erased = component as unknown as Component
  const components = [erased, ...companions.map((companion) => companion.component)]
  const level = component.levels.includes('service') ? 'service' : component.levels[0]!
  const standing = companions.filter(({ config }) => config !== undefined)
  const plugin = async (fastify: FastifyInstance, options: PluginOptions<Config>): Promise<void> => {
    const { redisStore, ...config } = options
    const index = new ComponentIndex(components)
    const absent = Object.keys(config).length === 0 && (level !== 'service' || companions.length > 0)
    const given: Record<string, unknown> = absent ? {} : { [component.namespaces[0]]: config }
    for (const { component: companion, config: block } of standing) given[companion.namespaces[0]] = block
    const { blocks, issues } = readBlocks(given, index, { level, place: 'options', baseDir: process.cwd() })
    if (issues.length > 0) throw new ConfigurationError(issues, `@portcullis/${component.name}`)
    new Engine(fastify, {
      components,
      blocks,
      ...(redisStore === undefined ? undefined : { redisStore }),
    })
  }
  return fp(plugin, { fastify: '5.x', name: `@portcullis/${component.name}` }) as ComponentPlugin<Config>
}
