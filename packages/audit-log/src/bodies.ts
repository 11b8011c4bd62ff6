import { inspectableBody, isJsonType, parseMediaType, type RequestState } from '@portcullis/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { quote } from './json-text.ts'
import { REDACTED, type Redaction } from './redaction.ts'

/** The bodies of one exchange as JSON texts, ready to be put into a line. */
export interface BodyTexts {
  request: string | undefined
  response: string | undefined
}

/** How bodies are written. */
export interface BodyOptions {
  /** Most bytes; what is larger is only named, since secrets cannot be found in a part. */
  limit: number
  redaction: Redaction
}

/** The request's body, when its bytes were kept and can be read; otherwise why not. */
export function requestBodyText(
  request: FastifyRequest,
  state: RequestState,
  options: BodyOptions,
): string | undefined {
  const body = inspectableBody(request, state)
  if (body.obstacle !== undefined) return quote(`[not readable: ${body.obstacle}]`)
  return body.bytes === undefined ? undefined : bodyText(body.bytes, body.media?.essence, options)
}

/** The response's body, when it is one piece; a stream is only named. */
export function responseBodyText(reply: FastifyReply, payload: unknown, options: BodyOptions): string | undefined {
  if (payload === undefined || payload === null) return undefined
  if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return '"[stream]"'
  const coding = reply.getHeader('content-encoding')
  if (coding !== undefined && coding !== 'identity') return '"[not readable: encoded]"'
  const type = reply.getHeader('content-type')
  return bodyText(payload, type === undefined ? undefined : parseMediaType(String(type))?.essence, options)
}

/**
 * A body as a JSON string in which secrets are hidden. Only JSON and forms are written: of other types nobody can say
 * where a secret stands. It is a string, so that clients do not choose the names of a log's fields.
 */
export function bodyText(body: Buffer | string, essence: string | undefined, options: BodyOptions): string | undefined {
  const { limit, redaction } = options
  const size = typeof body === 'string' ? Buffer.byteLength(body) : body.length
  if (size === 0) return undefined
  const hides = (name: string): boolean => redaction.hidesField(name)
  if (size <= limit && essence === 'application/x-www-form-urlencoded') {
    return quote(redaction.query(body.toString(), undefined, hides), limit * 2)
  }
  const media = parseMediaType(essence ?? '')
  if (size > limit || media === undefined || !isJsonType(media))
    return quote(`[${essence ?? 'no type'}: ${size} bytes]`)
  try {
    const shown = JSON.stringify(JSON.parse(body.toString()), (name, value: unknown) =>
      hides(name) ? REDACTED : value,
    )
    return quote(shown, limit * 2)
  } catch {
    return quote(`[broken JSON: ${size} bytes]`)
  }
}
