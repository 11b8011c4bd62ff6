/**
 * GraphQL at a gateway: two components.
 *
 * - {@link graphqlLimits} `security/graphql`: depth, complexity, queries per minute, aliases, batches, introspection … before a
 *   server parses anything.
 * - {@link graphqlCache} `qos/graphql-cache`: responses of queries, by their meaning and by who asks.
 */
import { type Component, type ComponentPlugin, toPlugin } from '@portcullis/core'
import { graphqlCache } from './cache.ts'
import type { GraphqlCacheConfig, GraphqlConfig } from './config.ts'
import { graphqlLimits } from './limits.ts'

export type { AllowedOperations, GraphqlCacheConfig, GraphqlConfig, Mode } from './config.ts'
export { graphqlCache, graphqlLimits }

/** `qos/graphql-cache` as a Fastify plugin. */
export const graphqlCachePlugin: ComponentPlugin<GraphqlCacheConfig> = toPlugin(graphqlCache)

/** `security/graphql` as a Fastify plugin; routes may have blocks of both components. */
const graphqlPlugin: ComponentPlugin<GraphqlConfig> = toPlugin(graphqlLimits, [
  { component: graphqlCache as unknown as Component },
])
export default graphqlPlugin
