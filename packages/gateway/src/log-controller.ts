import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import type { LoadedConfig } from './load.ts'

/** Parts of the names of query parameters that carry credentials, whatever a configuration says. */
const SECRET_NAME =
  /token|secret|passw|pwd|api[-_]?key|access[-_]?key|credential|jwt|session|signature|assertion|^(?:auth|authorization|code|key|sig|sid)$/i

const REDACTED = '[redacted]'
/** Names of parameters whose judgement is remembered, at most; longer ones than this are judged each time. */
const KNOWN_NAMES = 1000
const LONG_NAME = 64

/**
 * Fastify's own log lines (`incoming request`, `Route … not found`, errors) without the credentials of the query: the
 * parameters from which the configuration reads tokens and keys, and those whose names say what they carry.
 *
 * An app that wants a `logController` of its own extends this one.
 */
export class RedactingLogController extends LogController {
  readonly #names: ReadonlySet<string>
  readonly #judged = new Map<string, boolean>()

  /** @param names further query parameters that carry credentials. */
  constructor(names: Iterable<string> = [], options?: ConstructorParameters<typeof LogController>[0]) {
    super(options)
    this.#names = new Set([...names].map((name) => name.toLowerCase()))
  }

  /** The server's older option `disableRequestLogging` counts as well: Fastify does not look at it beside a controller. */
  override isLogDisabled(request: FastifyRequest): boolean {
    if (super.isLogDisabled(request)) return true
    return (request as Partial<FastifyRequest>).server?.initialConfig.disableRequestLogging === true
  }

  override incomingRequest(request: FastifyRequest, reply: FastifyReply, metadata?: Record<string, unknown>): void {
    super.incomingRequest(this.#view(request), reply, metadata)
  }

  override routeNotFound(request: FastifyRequest, reply: FastifyReply, metadata?: Record<string, unknown>): void {
    super.routeNotFound(this.#view(request), reply, metadata)
  }

  override defaultErrorLog(
    error: Error,
    request: FastifyRequest,
    reply: FastifyReply,
    metadata?: Record<string, unknown>,
  ): void {
    super.defaultErrorLog(error, this.#view(request), reply, metadata)
  }

  override writeHeadError(
    error: Error,
    request: FastifyRequest,
    reply: FastifyReply,
    metadata?: Record<string, unknown>,
  ): void {
    super.writeHeadError(error, this.#view(request), reply, metadata)
  }

  /** The request as the log sees it: itself, unless its query holds a credential. */
  #view(request: FastifyRequest): FastifyRequest {
    const { url } = request.raw
    if (url?.includes('?') !== true) return request
    const shown = this.#redacted(url)
    if (shown === url) return request
    const raw = Object.create(request.raw, { url: { value: shown } }) as FastifyRequest['raw']
    return Object.create(request, {
      url: { value: shown },
      originalUrl: { value: shown },
      raw: { value: raw },
    }) as FastifyRequest
  }

  /** The URL itself when nothing in its query is secret, which is the usual case and costs little. */
  #redacted(url: string): string {
    let shown = ''
    let kept = 0
    for (let from = url.indexOf('?') + 1; from > 0; from = url.indexOf('&', from) + 1) {
      const next = url.indexOf('&', from)
      const end = next === -1 ? url.length : next
      const equals = url.indexOf('=', from)
      if (equals === -1) break
      if (equals > end || !this.#isSecret(url.slice(from, equals))) continue
      shown += `${url.slice(kept, equals)}=${REDACTED}`
      kept = end
    }
    return kept === 0 ? url : shown + url.slice(kept)
  }

  #isSecret(written: string): boolean {
    const known = this.#judged.get(written)
    if (known !== undefined) return known
    const name = decoded(written)
    const isSecret = this.#names.has(name.toLowerCase()) || SECRET_NAME.test(name)
    if (written.length <= LONG_NAME) {
      if (this.#judged.size >= KNOWN_NAMES) this.#judged.clear()
      // A copy: a part of a URL would keep the whole of it in memory.
      this.#judged.set(Buffer.from(written).toString(), isSecret)
    }
    return isSecret
  }
}

/** The query parameters from which a configuration's components read credentials. */
export function credentialParams(loaded: LoadedConfig): string[] {
  return [...loaded.blocks.values(), ...loaded.endpointBlocks.flat()].flatMap(({ component, config }) => {
    const block = config as { uri_param_names?: string[]; strategy?: string; identifier?: string } | undefined
    if (component.name === 'jwt') return block?.uri_param_names ?? []
    if (component.name === 'api-keys' && block?.strategy === 'query_string') return [block.identifier ?? 'key']
    return []
  })
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll('+', ' '))
  } catch {
    return name
  }
}
