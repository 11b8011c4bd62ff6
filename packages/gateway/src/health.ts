import type { FastifyInstance } from 'fastify'

/**
 * Serves `/__health` (the process answers) and `/__ready` (every component can work: keys are there, stores answer).
 * No component stands before them, so that a probe needs neither host nor token; they say nothing but yes or no.
 */
export function addHealth(fastify: FastifyInstance): void {
  const config = { portcullisExempt: true }
  fastify.get('/__health', { config, logLevel: 'warn' }, () => ({ status: 'ok' }))
  fastify.get('/__ready', { config, logLevel: 'warn' }, async (_request, reply) => {
    const ready = (await fastify.portcullis?.engine.healthy()) ?? true
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready' })
  })
}
