/**
 * `auth/api-keys`: who has a key may pass. The service's block holds the keys and guards every route; an endpoint's
 * block stands in its place and says which roles may use that endpoint, with the same keys.
 *
 * - {@link KeyIndex} knows clients by the digests of their keys;
 * - {@link headerPlace} and {@link queryPlace} find the key in a request, and take it out of what goes upstream.
 */
import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import {
  type Component,
  type ComponentInstance,
  type ComponentPlugin,
  ConfigurationError,
  type Context,
  type Identity,
  passesAsPreflight,
  REPEATED,
  Refusal,
  type RequestStep,
  toPlugin,
} from '@portcullis/core'
import { checkApiKeys } from './check.ts'
import { type ApiKeysConfig, apiKeysSchema } from './config.ts'
import { type Client, KeyIndex } from './key-index.ts'
import { headerPlace, queryPlace } from './key-place.ts'

export type { ApiKeysConfig, KeyEntry, KeyHash } from './config.ts'

/** The security function `auth/api-keys`. */
export const apiKeys: Component<ApiKeysConfig> = {
  name: 'api-keys',
  namespaces: ['auth/api-keys'],
  levels: ['service', 'endpoint'],
  schema: apiKeysSchema,
  combine: 'replace',
  check: (config, { level, baseDir }) => checkApiKeys(config, level, baseDir),
  create: createApiKeys,
}

/** The Fastify plugin: its options are the fields of `auth/api-keys`. */
const plugin: ComponentPlugin<ApiKeysConfig> = toPlugin(apiKeys)
export default plugin

function createApiKeys(config: ApiKeysConfig, context: Context): ComponentInstance {
  const keys = (context.level === 'service' ? config : context.serviceBlock('auth/api-keys')) as
    | ApiKeysConfig
    | undefined
  if (keys === undefined) return withoutKeys(context)
  const index = indexOf(keys, context)
  const merged: ApiKeysConfig = { ...pickInherited(keys), ...config }
  return {
    steps: [{ phase: 'onRequest', run: makeStep(merged, index) }],
    identityHeaders: merged.propagate_role === undefined ? [] : [merged.propagate_role],
    reload: () => index.reload(),
  }
}

/** An endpoint that asks for keys where there are none must not start, and until it fails it lets nobody in. */
function withoutKeys(context: Context): ComponentInstance {
  const message = 'needs the service’s block "auth/api-keys" with the keys'
  return {
    steps: [{ phase: 'onRequest', run: () => new Refusal(401, 'KEY_INVALID', 'The API key is not valid') }],
    ready: () => Promise.reject(new ConfigurationError([{ place: context.place, message }])),
  }
}

/** What an endpoint takes over from the service unless it says otherwise. */
function pickInherited(service: ApiKeysConfig): ApiKeysConfig {
  const { keys: _keys, keys_file: _file, hash: _hash, salt: _salt, roles: _roles, mode: _mode, ...inherited } = service
  return inherited
}

/** One index per set of keys, for the service and all its endpoints. */
function indexOf(config: ApiKeysConfig, context: Context): KeyIndex {
  const { keys, keys_file: file, hash, salt } = config
  const identity = createHash('sha256')
    .update(JSON.stringify([keys, file, hash, salt]))
    .digest('hex')
  return context.shared(`api-keys:${identity}`, () => {
    const path = file === undefined ? undefined : resolve(context.baseDir, file)
    const onError = (error: Error): void =>
      context.log.error({ file: path, reason: error.message }, 'keys file not reloaded, the old keys are kept')
    const index = new KeyIndex(config, path, onError)
    context.gauge({ name: 'api_keys', help: 'API keys in force', read: () => index.size })
    return index
  })
}

function makeStep(config: ApiKeysConfig, index: KeyIndex): RequestStep {
  const { strategy = 'header', hide_credentials: hides = true, run_on_preflight: runOnPreflight } = config
  const place =
    strategy === 'header' ? headerPlace(config.identifier ?? 'Authorization') : queryPlace(config.identifier ?? 'key')
  const header = config.propagate_role?.toLowerCase()
  const headers = { 'www-authenticate': `Key realm="${config.realm ?? 'service'}"` }
  const missing = new Refusal(401, 'KEY_MISSING', 'An API key is needed', { headers })
  const invalid = new Refusal(401, 'KEY_INVALID', 'The API key is not valid', { headers })
  const forbidden = new Refusal(403, 'FORBIDDEN_ROLE', 'The API key lacks the role')
  const known = new WeakMap<Client, Access>()
  return (request, state) => {
    if (passesAsPreflight(request, runOnPreflight)) return undefined
    const key = place.read(request)
    if (key === undefined) return missing
    if (hides) place.hide(request, state)
    const client = key === REPEATED ? undefined : index.find(key)
    if (client === undefined) return invalid
    let access = known.get(client)
    if (access === undefined) {
      access = accessOf(client, config)
      known.set(client, access)
    }
    if (access.roles === undefined) return forbidden
    state.addIdentity(access.identity)
    if (header !== undefined && access.roles !== '') state.setRequestHeader(request, header, access.roles)
    return undefined
  }
}

/** What a client is to a route; worked out once. */
interface Access {
  identity: Identity
  /** The roles to propagate, joined by commas; undefined = none that the route asks for. */
  roles: string | undefined
}

function accessOf(client: Client, config: ApiKeysConfig): Access {
  const { roles: wanted, client_max_rate: routeRate } = config
  const matching = wanted === undefined ? client.roles : client.roles.filter((role) => wanted.includes(role))
  const maxRate = client.maxRate ?? routeRate
  const identity: Identity = Object.freeze({
    kind: 'api-key',
    keyId: client.id,
    roles: client.roles,
    ...(client.name === undefined ? undefined : { subject: client.name }),
    ...(maxRate === undefined ? undefined : { maxRate }),
  })
  return { identity, roles: wanted !== undefined && matching.length === 0 ? undefined : matching.join(',') }
}
