/** Refuses requests that lack a header. A new component starts from this one. */
import { type Component, type ComponentInstance, type ComponentPlugin, Refusal, toPlugin } from '@portcullis/core'
import { type RequiredHeaderConfig, requiredHeaderSchema } from './config.ts'

export type { RequiredHeaderConfig } from './config.ts'

const MISSING = new Refusal(400, 'HEADER_MISSING', 'A required header is missing')

/** The component: what the gateway's pipeline takes. */
export const requiredHeader: Component<RequiredHeaderConfig> = {
  name: 'required-header',
  namespaces: ['security/required-header'],
  levels: ['service', 'endpoint'],
  schema: requiredHeaderSchema,
  create(config): ComponentInstance {
    // Whatever the configuration decides is computed here, once.
    const name = config.header.toLowerCase()
    return {
      steps: [{ phase: 'onRequest', run: (request) => (request.headers[name] === undefined ? MISSING : undefined) }],
    }
  },
}

/** The same as a Fastify plugin of its own. */
const plugin: ComponentPlugin<RequiredHeaderConfig> = toPlugin(requiredHeader)

export default plugin
