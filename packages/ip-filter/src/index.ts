/**
 * `security/ip-filter`: who may come in, by address. Deny wins over allow; what cannot be read as an address is
 * refused. The address is the client's as Fastify sees it: that of the connection, or what a trusted proxy says.
 */

import { resolve } from 'node:path'
import {
  type Component,
  type ComponentInstance,
  type ComponentPlugin,
  type Context,
  fastifyOptions,
  Refusal,
  type RequestStep,
  toPlugin,
} from '@portcullis/core'
import { AddressList } from './address-list.ts'
import { checkIpFilter } from './check.ts'
import { type IpFilterConfig, ipFilterSchema } from './config.ts'
import { IpFilter } from './ip-filter.ts'

export { type IpFilterConfig, ipFilterSchema } from './config.ts'
export { fromKrakend, type TranslatedFilter } from './krakend.ts'

/** The component: a block at the service and one at the endpoint both hold. */
export const ipFilter: Component<IpFilterConfig> = {
  name: 'ip-filter',
  namespaces: ['security/ip-filter'],
  levels: ['service', 'endpoint'],
  schema: ipFilterSchema,
  combine: 'both',
  check: checkIpFilter,
  create(config, context): ComponentInstance {
    const allow = listOf('allow', config, context)
    const deny = listOf('deny', config, context)
    const filter = new IpFilter({
      ...(allow === undefined ? undefined : { allow }),
      ...(deny === undefined ? undefined : { deny }),
    })
    const denied = new Refusal(
      config.status ?? 403,
      'IP_DENIED',
      config.message ?? 'Access from this address is not allowed',
    )
    const behindProxy = Boolean(fastifyOptions(context.fastify)['trustProxy'])
    const run: RequestStep = behindProxy
      ? (request) => (filter.allows(request.ip) ? undefined : denied)
      : bySocket(filter, denied)
    return { steps: [{ phase: 'onRequest', run }], reload: () => filter.reload() }
  },
}

/** Without proxies a connection has one address: the verdict is kept with its socket until a file changes. */
function bySocket(filter: IpFilter, denied: Refusal): RequestStep {
  let verdicts = new WeakMap<object, boolean>()
  let [allowVersion, denyVersion] = filter.versions
  return (request) => {
    const [allow, deny] = filter.versions
    if (allow !== allowVersion || deny !== denyVersion) {
      verdicts = new WeakMap()
      allowVersion = allow
      denyVersion = deny
    }
    const { socket } = request.raw
    let allowed = verdicts.get(socket)
    if (allowed === undefined) {
      allowed = filter.allows(request.ip)
      verdicts.set(socket, allowed)
    }
    return allowed ? undefined : denied
  }
}

function listOf(kind: 'allow' | 'deny', config: IpFilterConfig, context: Context): AddressList | undefined {
  const entries = config[kind]
  const file = config[`${kind}_file`]
  if (entries === undefined && file === undefined) return undefined
  if (file === undefined) return new AddressList({ entries: entries ?? [] })
  return new AddressList({
    entries: entries ?? [],
    file: resolve(context.baseDir, file),
    onError: (error) =>
      context.log.error({ err: error, component: 'ip-filter', file }, 'the list is broken, the one before it is kept'),
  })
}

/** `app.register(ipFilter, { deny: ['10.0.0.42'] })` */
const plugin: ComponentPlugin<IpFilterConfig> = toPlugin(ipFilter)
export default plugin
