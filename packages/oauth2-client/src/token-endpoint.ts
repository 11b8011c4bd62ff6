import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { duration } from '@portcullis/core'
import * as oauth from 'oauth4webapi'
import { Agent, type Dispatcher, request } from 'undici'
import { type ClientCredentialsConfig, scopeText } from './config.ts'

/** A token as the authorization server gave it. */
export interface FetchedToken {
  value: string
  /** Milliseconds from now. */
  lifetimeMs: number
}

/** Why there is no token, in words that hold no secret. */
export class TokenError extends Error {
  /** The server asked not to be asked again for so long. */
  readonly retryAfterMs: number | undefined

  constructor(reason: string, retryAfterMs?: number) {
    super(reason)
    this.name = 'TokenError'
    this.retryAfterMs = retryAfterMs
  }
}

/** Larger answers are no token answers. */
const MAX_RESPONSE = 1024 * 1024
/** The life of a token whose `expires_in` is missing: RFC 6749 leaves it to documentation, this is ours. */
const DEFAULT_LIFETIME_S = 300
const MAX_LIFETIME_S = 86_400
/** What a Bearer token may consist of, and more: whatever cannot break out of a header. */
const HEADER_SAFE = /^[\x21-\x7e]{1,16384}$/

/** The client credentials grant (RFC 6749 section 4.4) at one token endpoint. */
export class TokenEndpoint {
  readonly #server: oauth.AuthorizationServer
  readonly #client: oauth.Client
  readonly #auth: oauth.ClientAuth
  readonly #parameters: URLSearchParams
  readonly #timeoutMs: number
  readonly #agent: Agent

  /** @throws Error when a certificate cannot be read. */
  constructor(config: ClientCredentialsConfig, baseDir: string) {
    this.#server = { issuer: new URL(config.token_url).origin, token_endpoint: config.token_url }
    this.#client = { client_id: config.client_id }
    this.#auth =
      config.auth_style === 'post'
        ? oauth.ClientSecretPost(config.client_secret)
        : oauth.ClientSecretBasic(config.client_secret)
    this.#parameters = formFields(config)
    this.#timeoutMs = duration(config.timeout ?? '5s')
    const ca = config.ca_certs?.map((file) => readFileSync(resolve(baseDir, file)))
    this.#agent = new Agent({
      connections: 2,
      keepAliveTimeout: 1000,
      connect: { timeout: this.#timeoutMs, ...(ca === undefined ? undefined : { ca }) },
    })
  }

  /** Gets a token. @throws {TokenError} whatever goes wrong, at the latest after the configured timeout. */
  async fetch(): Promise<FetchedToken> {
    const signal = AbortSignal.timeout(this.#timeoutMs)
    try {
      const response = await oauth.clientCredentialsGrantRequest(
        this.#server,
        this.#client,
        this.#auth,
        this.#parameters,
        {
          signal,
          [oauth.allowInsecureRequests]: true,
          [oauth.customFetch]: (url, init) => boundedFetch(url, init, this.#agent, signal),
        },
      )
      if (response.status !== 200) throw refused(response, await response.text())
      return checked(await oauth.processClientCredentialsResponse(this.#server, this.#client, response))
    } catch (error) {
      if (error instanceof TokenError) throw error
      throw new TokenError(signal.aborted ? 'the token endpoint does not answer in time' : reasonOf(error))
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }
}

function formFields(config: ClientCredentialsConfig): URLSearchParams {
  const fields = new URLSearchParams()
  const scope = scopeText(config.scopes)
  if (scope !== undefined) fields.set('scope', scope)
  for (const [name, values] of Object.entries(config.endpoint_params ?? {})) {
    for (const value of [values].flat()) fields.append(name, value)
  }
  return fields
}

/** No redirects (they would carry the secret elsewhere), no compression, no more than {@link MAX_RESPONSE}. */
async function boundedFetch(
  url: string,
  init: { method: string; headers: Record<string, string>; body?: unknown },
  agent: Agent,
  signal: AbortSignal,
): Promise<Response> {
  const { statusCode, headers, body } = await request(url, {
    method: init.method as Dispatcher.HttpMethod,
    headers: init.headers,
    body: String(init.body),
    dispatcher: agent,
    signal,
  })
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_RESPONSE) {
      body.destroy()
      throw new TokenError('the answer of the token endpoint is too large')
    }
    chunks.push(chunk)
  }
  const plain = new Headers()
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) plain.set(name, String(value))
  const bodiless = statusCode === 204 || statusCode === 205 || statusCode === 304
  return new Response(bodiless ? null : Buffer.concat(chunks), { status: statusCode, headers: plain })
}

/** An answer other than 200: its status and, where there is one, its RFC 6749 error code. */
function refused(response: Response, text: string): TokenError {
  let code = ''
  try {
    const { error } = JSON.parse(text) as { error?: unknown }
    if (typeof error === 'string' && /^[a-z_]{1,40}$/.test(error)) code = ` ${error}`
  } catch {
    // Not JSON: the status says enough.
  }
  const wait = Number(response.headers.get('retry-after'))
  return new TokenError(`the token endpoint answers ${response.status}${code}`, wait > 0 ? wait * 1000 : undefined)
}

function checked(answer: oauth.TokenEndpointResponse): FetchedToken {
  if (answer.token_type !== 'bearer') throw new TokenError('the token is not a Bearer token')
  if (!HEADER_SAFE.test(answer.access_token)) throw new TokenError('the token cannot stand in a header')
  const seconds = answer.expires_in ?? DEFAULT_LIFETIME_S
  if (!(seconds > 0)) throw new TokenError('the token has expired already')
  return { value: answer.access_token, lifetimeMs: Math.min(seconds, MAX_LIFETIME_S) * 1000 }
}

function reasonOf(error: unknown): string {
  if (error instanceof oauth.OperationProcessingError || error instanceof oauth.UnsupportedOperationError) {
    return 'the answer of the token endpoint is not a token'
  }
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } }
  const known = [code, cause?.code].find((one) => typeof one === 'string' && /^[A-Z][A-Z0-9_]{2,50}$/.test(one))
  return `the token endpoint cannot be reached${known === undefined ? '' : ` (${String(known)})`}`
}
