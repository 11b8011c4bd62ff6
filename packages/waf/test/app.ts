import type { Decision } from '@portcullis/core'
import Fastify, { type FastifyInstance } from 'fastify'
import waf, { type WafConfig } from '../src/index.ts'

/** An app behind the WAF that tells what it was given, and what was decided. */
export async function makeApp(
  config: WafConfig | undefined,
  routes?: (app: FastifyInstance) => void,
): Promise<{ app: FastifyInstance; decisions: Decision[]; facts: Record<string, unknown>[] }> {
  const app = Fastify()
  const decisions: Decision[] = []
  const facts: Record<string, unknown>[] = []
  await app.register(waf, (config ?? {}) as WafConfig)
  app.addHook('onResponse', async (request) => {
    decisions.push(...(request.portcullis?.decisions ?? []))
    if (request.portcullis?.facts !== undefined) facts.push(request.portcullis.facts)
  })
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  routes?.(app)
  app.all('/*', async (request) => ({ ok: true, body: request.body ?? null }))
  await app.ready()
  return { app, decisions, facts }
}

/** The ids of the rules in the records. */
export function fired(decisions: readonly Decision[]): number[] {
  return decisions.flatMap(({ code }) => (code.startsWith('RULE_') ? [Number(code.slice(5))] : []))
}
