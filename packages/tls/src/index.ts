/**
 * TLS of the server and towards backends, from KrakenD's `tls` and `client_tls`.
 *
 * - {@link tlsServerOptions}: what Fastify needs before any plugin: `Fastify(tlsServerOptions(config))`.
 * - the plugin (default export): reloads key pairs on change, answers plain HTTP, redirects, tells of client certificates.
 * - {@link clientTlsOptions}: what connections to a backend need.
 */
import type { Server } from 'node:tls'
import {
  type Component,
  type ComponentInstance,
  type ComponentPlugin,
  type Context,
  fastifyOptions,
  type Step,
  toPlugin,
} from '@portcullis/core'
import { checkTls } from './check.ts'
import { certificateStep } from './client-certificate.ts'
import { type TlsConfig, tlsSchema } from './config.ts'
import type { KeyRing } from './key-ring.ts'
import { Reloader } from './reload.ts'
import { ServerExtras } from './server-extras.ts'
import { contextOptions, keyRingOf } from './server-options.ts'

export { checkTls } from './check.ts'
export type { ClientCertificate } from './client-certificate.ts'
export { clientTls, clientTlsOptions } from './client-options.ts'
export { type ClientTlsConfig, type KeyPair, type TlsConfig, tlsSchema } from './config.ts'
export { type TlsServerSettings, tlsServerOptions } from './server-options.ts'

/** The running side of the root's `tls`. */
export const tls: Component<TlsConfig> = {
  name: 'tls',
  namespaces: ['tls'],
  levels: ['service'],
  refuses: false,
  schema: tlsSchema,
  check: (config, { baseDir }) => checkTls(config as Record<string, unknown>, baseDir),
  create(config, context): ComponentInstance {
    const headers = config.propagate_client_certificate ?? []
    const steps: Step[] = config.enable_mtls === true ? [{ phase: 'onRequest', run: certificateStep(headers) }] : []
    const ring = keyRingOf(fastifyOptions(context.fastify).https)
    if (config.disabled === true || ring === undefined) return { steps }
    return { steps, identityHeaders: headers.map(([, name]) => name.toLowerCase()), ...attach(config, context, ring) }
  },
}

/** What lives as long as the server: reload, the answer to plain HTTP, the redirecting listener. */
function attach(
  config: TlsConfig,
  context: Context,
  ring: KeyRing,
): Pick<ComponentInstance, 'ready' | 'reload' | 'close'> {
  const server = context.fastify.server as unknown as Server
  const extras = ServerExtras.of(server)
  const reloader: Reloader = new Reloader({
    ring,
    server,
    shared: contextOptions(config, ring.baseDir),
    inForce: () => extras.isNewest(reloader),
    log: context.log,
    ...(config.ticket_keys_file === undefined ? undefined : { ticketKeysFile: config.ticket_keys_file }),
  })
  let endRedirect: (() => void) | undefined
  return {
    async ready() {
      extras.enter(reloader)
      reloader.start()
      if (config.redirect_from !== undefined) endRedirect = await extras.redirect(config.redirect_from, ring)
    },
    reload: () => void reloader.reload(),
    close() {
      reloader.stop()
      extras.leave(reloader)
      endRedirect?.()
    },
  }
}

/** For an app of one's own: `Fastify(tlsServerOptions(config))`, then register this with the same fields. */
const plugin: ComponentPlugin<TlsConfig> = toPlugin(tls)

export default plugin
