/**
 * TLS of the server and towards backends, from KrakenD's `tls` and `client_tls`.
 *
 * - {@link tlsServerOptions}: what Fastify needs before any plugin: `Fastify(tlsServerOptions(config))`.
 * - the plugin (default export): reloads key pairs on change, answers plain HTTP, redirects, tells of client certificates.
 * - {@link clientTlsOptions}: what connections to a backend need.
 */
import type { Server as HttpServer } from 'node:http'
import type { Http2SecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
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
import { answerPlainHttp } from './plain-http.ts'
import { redirectServer } from './redirect.ts'
import { Reloader } from './reload.ts'
import { contextOptions, keyRingOf } from './server-options.ts'
import { guardSessions } from './session-guard.ts'

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
  const reloader = new Reloader({
    ring,
    server,
    shared: contextOptions(config, ring.baseDir),
    log: context.log,
    ...(config.ticket_keys_file === undefined ? undefined : { ticketKeysFile: config.ticket_keys_file }),
  })
  let redirecting: HttpServer | undefined
  let restore: (() => void) | undefined
  return {
    async ready() {
      restore = answerPlainHttp(server)
      if ('setTimeout' in server && config.http2 !== false) guardSessions(server as unknown as Http2SecureServer)
      reloader.start()
      if (config.redirect_from === undefined) return
      redirecting = redirectServer({ ring, port: () => (server.address() as AddressInfo | null)?.port ?? 443 })
      await new Promise<void>((resolve, reject) =>
        redirecting!.once('error', reject).listen(config.redirect_from, () => resolve()),
      )
    },
    reload: () => void reloader.reload(),
    async close() {
      reloader.stop()
      restore?.()
      redirecting?.closeAllConnections()
      redirecting?.close()
    },
  }
}

/** For an app of one's own: `Fastify(tlsServerOptions(config))`, then register this with the same fields. */
const plugin: ComponentPlugin<TlsConfig> = toPlugin(tls)

export default plugin
