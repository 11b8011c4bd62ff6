import { subscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, RouteOptions } from 'fastify'

/** A route and the instance (the scope) that declared it. */
interface SeenRoute {
  route: RouteOptions
  scope: FastifyInstance
}

/** Told of a route, and of the instance that declared it. */
export type RouteListener = (route: RouteOptions, scope: FastifyInstance) => void

/**
 * Fastify tells `onRoute` hooks only of routes declared after the hook. To refuse a misspelt block of a route that an
 * app declared before it registered us, every instance made after this module was loaded remembers its routes.
 */
const routes = new WeakMap<object, SeenRoute[]>()
const listeners = new WeakMap<object, RouteListener[]>()

subscribe('fastify.initialization', (message) => {
  const { fastify } = message as { fastify: FastifyInstance }
  const seen: SeenRoute[] = []
  routes.set(fastify.server, seen)
  fastify.addHook('onRoute', function (this: FastifyInstance, route: RouteOptions) {
    seen.push({ route, scope: this })
    for (const listener of listeners.get(fastify.server) ?? []) listener(route, this)
  })
})

/** The routes declared so far in the tree of this instance, HEAD twins included. */
export function seenRoutes(fastify: FastifyInstance): readonly RouteOptions[] {
  return (routes.get(fastify.server) ?? []).map(({ route }) => route)
}

/** Calls back for every route of the tree: those declared already, and each later one as it is declared. */
export function onRouteOf(fastify: FastifyInstance, listener: RouteListener): void {
  const seen = routes.get(fastify.server)
  if (seen === undefined) {
    fastify.addHook('onRoute', function (this: FastifyInstance, route: RouteOptions) {
      listener(route, this)
    })
    return
  }
  for (const { route, scope } of seen) listener(route, scope)
  const known = listeners.get(fastify.server) ?? []
  known.push(listener)
  listeners.set(fastify.server, known)
}
