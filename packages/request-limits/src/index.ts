/**
 * `security/request-limits`: sizes and times of requests. What the head tells is decided at once (URL, headers,
 * declared length); bodies are counted and timed as they arrive, also those that are streamed; connections are limited
 * at the server.
 */

import { type Component, type ComponentInstance, type ComponentPlugin, type Context, toPlugin } from '@portcullis/core'
import { checkConfig } from './check.ts'
import { type RequestLimitsConfig, requestLimitsSchema } from './config.ts'
import { decompression } from './decompression.ts'
import { type Limits, limitsOfServer, readLimits } from './limits.ts'
import { BODY_TOO_LARGE, PAUSE_TIMEOUT, TIMEOUT } from './refusals.ts'
import { checkHead } from './request-head.ts'
import { prepareServer } from './server.ts'

export { type RequestLimitsConfig, requestLimitsSchema } from './config.ts'
export { fromKrakend, type TranslatedLimits } from './krakend.ts'
export { type ServerLimitOptions, serverLimits } from './server-limits.ts'

/** The component. An endpoint's block replaces the service's, and inherits each field that it does not state. */
export const requestLimits: Component<RequestLimitsConfig> = {
  name: 'request-limits',
  namespaces: ['security/request-limits'],
  levels: ['service', 'endpoint'],
  schema: requestLimitsSchema,
  combine: 'replace',
  check: checkConfig,
  create(config, context): ComponentInstance {
    const limits = readLimits(config, inherited(context))
    const steps: ComponentInstance['steps'][number][] = [
      { phase: 'onRequest', run: (request) => checkHead(request, limits) },
    ]
    if (limits.decompressGzip) {
      const monitor = config.mode === 'monitor'
      steps.push({ phase: 'preParsing', run: decompression(limits.maxDecompressedBody, monitor) })
    }
    return { steps, body: bodyNeeds(limits), ready: prepareServer(limitsOfServer(limits, config.mode), context) }
  },
}

function inherited(context: Context): RequestLimitsConfig | undefined {
  if (context.level === 'service') return undefined
  return context.serviceBlock('security/request-limits') as RequestLimitsConfig | undefined
}

function bodyNeeds(limits: Limits): NonNullable<ComponentInstance['body']> {
  const { maxBody, bodyTimeout, requestTimeout } = limits
  return {
    ...(Number.isFinite(maxBody) ? { max: { bytes: maxBody, refusal: BODY_TOO_LARGE } } : undefined),
    ...(Number.isFinite(bodyTimeout) ? { pause: { ms: bodyTimeout, refusal: PAUSE_TIMEOUT } } : undefined),
    ...(Number.isFinite(requestTimeout) ? { deadline: { ms: requestTimeout, refusal: TIMEOUT } } : undefined),
  }
}

/** `app.register(requestLimits, { max_body: '64K' })` */
const plugin: ComponentPlugin<RequestLimitsConfig> = toPlugin(requestLimits)
export default plugin
