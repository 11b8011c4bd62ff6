/**
 * `auth/basic`: names and passwords (RFC 7617), with bcrypt hashes from an htpasswd file or the configuration.
 *
 * - {@link parseBasic} reads the header;
 * - {@link PasswordBook} knows the users; it remembers what was right and wrong, and leaves bcrypt to a thread.
 */
import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import {
  type Component,
  type ComponentInstance,
  type ComponentPlugin,
  type Context,
  type Identity,
  passesAsPreflight,
  REPEATED,
  Refusal,
  type RequestState,
  type RequestStep,
  soleHeader,
  toPlugin,
} from '@portcullis/core'
import { checkBasicAuth } from './check.ts'
import { type BasicAuthConfig, basicAuthSchema } from './config.ts'
import { isBasic, parseBasic } from './credentials.ts'
import { PasswordBook } from './password-book.ts'
import { BusyError } from './password-worker.ts'

export type { BasicAuthConfig } from './config.ts'

/** The security function `auth/basic`. */
export const basicAuth: Component<BasicAuthConfig> = {
  name: 'basic-auth',
  namespaces: ['auth/basic'],
  levels: ['service', 'endpoint'],
  schema: basicAuthSchema,
  combine: 'replace',
  check: (config, { baseDir }) => checkBasicAuth(config, baseDir),
  create: createBasicAuth,
}

/** The Fastify plugin: its options are the fields of `auth/basic`. */
const plugin: ComponentPlugin<BasicAuthConfig> = toPlugin(basicAuth)
export default plugin

/** Said when too many passwords wait to be checked; credentials that were right before still pass. */
const BUSY = new Refusal(503, 'CREDENTIALS_BUSY', 'Credentials cannot be checked now', {
  headers: { 'retry-after': '2' },
})

function createBasicAuth(config: BasicAuthConfig, context: Context): ComponentInstance {
  const book = bookOf(config, context)
  return {
    steps: [{ phase: 'onRequest', run: makeStep(config, book) }],
    reload: () => book.reload(),
    close: () => book.close(),
  }
}

/** Blocks with the same users share them, and what is known of their passwords. */
function bookOf({ users = {}, htpasswd_path: file }: BasicAuthConfig, context: Context): PasswordBook {
  const identity = createHash('sha256')
    .update(JSON.stringify([users, file]))
    .digest('hex')
  return context.shared(`basic-auth:${identity}`, () => {
    const path = file === undefined ? undefined : resolve(context.baseDir, file)
    const onError = (error: Error): void =>
      context.log.error({ file: path, reason: error.message }, 'htpasswd file not reloaded, the old users are kept')
    return new PasswordBook(users, path, onError)
  })
}

function makeStep(config: BasicAuthConfig, book: PasswordBook): RequestStep {
  const { hide_credentials: hides = true, run_on_preflight: runOnPreflight } = config
  const headers = { 'www-authenticate': `Basic realm="${config.realm ?? 'service'}"` }
  const invalid = new Refusal(401, 'CREDENTIALS_INVALID', 'A valid name and password are needed', { headers })
  const decide = (state: RequestState, name: string, right: boolean): Refusal | undefined => {
    if (!right) return invalid
    const identity: Identity = { kind: 'basic', subject: name }
    state.addIdentity(identity)
    return undefined
  }
  return (request, state) => {
    if (passesAsPreflight(request, runOnPreflight)) return undefined
    const value = soleHeader(request, 'authorization')
    if (value === REPEATED || value === undefined || !isBasic(value)) return invalid
    if (hides) state.removeRequestHeader(request, 'authorization')
    const credentials = parseBasic(value)
    if (credentials === undefined) return invalid
    const right = book.check(credentials)
    if (typeof right === 'boolean') return decide(state, credentials.name, right)
    return right.then(
      (result) => decide(state, credentials.name, result),
      (error: unknown) => {
        if (error instanceof BusyError) return BUSY
        throw error
      },
    )
  }
}
