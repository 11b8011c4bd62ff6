import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import type { LoadedConfig } from './load.ts'

/** Parts of the names of query parameters that carry credentials, whatever a configuration says. */
const SECRET_NAME =
  /token|secret|passw|pwd|api[-_]?key|access[-_]?key|credential|jwt|session|signature|assertion|^(?:auth|authorization|code|key|sig|sid)$/i

const REDACTED = '[redacted]'

/**
 * Fastify's own log lines (`incoming request`, `Route … not found`, errors) without the credentials of the query: the
 * parameters from which the configuration reads tokens and keys, and those whose names say what they carry.
 *
 * An app that wants a `logController` of its own extends this one.
 */
export class RedactingLogController extends LogController {
  readonly #names: ReadonlySet<string>

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

  #redacted(url: string): string {
    const query = url.indexOf('?') + 1
    const pairs = url
      .slice(query)
      .split('&')
      .map((pair) => {
        const equals = pair.indexOf('=')
        return equals !== -1 && this.#isSecret(pair.slice(0, equals)) ? `${pair.slice(0, equals)}=${REDACTED}` : pair
      })
    return url.slice(0, query) + pairs.join('&')
  }

  #isSecret(written: string): boolean {
    const name = decoded(written)
    return this.#names.has(name.toLowerCase()) || SECRET_NAME.test(name)
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
