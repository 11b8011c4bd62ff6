import { type Component, Refusal, toPlugin } from '@portcullis/core'
import Fastify from 'fastify'

interface Config {
  hours: [from: number, to: number]
}

const CLOSED = new Refusal(403, 'CLOSED', 'Come back during opening hours')

const openingHours: Component<Config> = {
  name: 'opening-hours',
  namespaces: ['security/opening-hours'],
  levels: ['service', 'endpoint'],
  combine: 'replace',
  schema: {
    type: 'object',
    properties: { hours: { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 2 } },
    required: ['hours'],
    additionalProperties: false,
  },
  create({ hours: [from, to] }) {
    const isOpen = (hour: number) => hour >= from && hour < to
    return { steps: [{ phase: 'onRequest', run: () => (isOpen(new Date().getHours()) ? undefined : CLOSED) }] }
  },
}

export const app = Fastify()
await app.register(toPlugin(openingHours), { hours: [0, 24] })
app.get('/', () => 'welcome')
app.get('/never', { config: { extra_config: { 'security/opening-hours': { hours: [0, 0] } } } }, () => 'never')
