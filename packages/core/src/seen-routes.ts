import { subscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, RouteOptions } from 'fastify'

/**
 * Fastify tells `onRoute` hooks only of routes declared after the hook. To refuse a misspelt block of a route that an
 * app declared before it registered us, every instance made after this module was loaded remembers its routes.
 */
const routes = new WeakMap<object, RouteOptions[]>()
const listeners = new WeakMap<object, ((route: RouteOptions) => void)[]>()

subscribe('fastify.initialization', (message) => {
  const { fastify } = message as { fastify: FastifyInstance }
  const seen: RouteOptions[] = []
  routes.set(fastify.server, seen)
  fastify.addHook('onRoute', (route) => {
    seen.push(route)
    for (const listener of listeners.get(fastify.server) ?? []) listener(route)
  })
})

/** The routes declared so far in the tree of this instance, HEAD twins included. */
export function seenRoutes(fastify: FastifyInstance): readonly RouteOptions[] {
  return routes.get(fastify.server) ?? []
}

/** Calls back for every route of the tree: those declared already, and each later one as it is declared. */
export function onRouteOf(fastify: FastifyInstance, listener: (route: RouteOptions) => void): void {
  for (const route of seenRoutes(fastify)) listener(route)
  if (!routes.has(fastify.server)) {
    fastify.addHook('onRoute', listener)
    return
  }
  const known = listeners.get(fastify.server) ?? []
  known.push(listener)
  listeners.set(fastify.server, known)
}
