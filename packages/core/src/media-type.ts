import type { FastifyRequest } from 'fastify'
import { hasBody } from './engine/body.ts'
import { isRepeated } from './raw-headers.ts'
import type { RequestState } from './request-state.ts'

/** A media type with its parameters, RFC 9110 section 8.3.1; everything but parameter values is lower-case. */
export interface MediaType {
  /** `application` */
  type: string
  /** `problem+json` */
  subtype: string
  /** `application/problem+json` */
  essence: string
  parameters: ReadonlyMap<string, string>
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/**
 * Reads a `Content-Type` as strictly as RFC 9110 writes it, so that no reader behind the gateway sees another type in
 * it: tokens, `;` with optional blanks around it, values as tokens or quoted texts, no parameter twice, nothing empty.
 *
 * @returns undefined for anything else.
 */
export function parseMediaType(text: string): MediaType | undefined {
  const [essence = '', ...rest] = splitParameters(text) ?? []
  const slash = essence.indexOf('/')
  const type = essence.slice(0, slash)
  const subtype = essence.slice(slash + 1)
  if (slash === -1 || !TOKEN.test(type) || !TOKEN.test(subtype)) return undefined
  const parameters = new Map<string, string>()
  for (const part of rest) {
    const equals = part.indexOf('=')
    const name = part.slice(0, equals).toLowerCase()
    const value = parameterValue(part.slice(equals + 1))
    if (equals === -1 || !TOKEN.test(name) || value === undefined || parameters.has(name)) return undefined
    parameters.set(name, value)
  }
  return {
    type: type.toLowerCase(),
    subtype: subtype.toLowerCase(),
    essence: essence.toLowerCase(),
    parameters,
  }
}

/** `application/json`, or a type that says by its suffix `+json` that it is JSON (RFC 6839). */
export function isJsonType(media: MediaType): boolean {
  return media.essence === 'application/json' || (media.type === 'application' && /.\+json$/.test(media.subtype))
}

/** Is the text declared as UTF-8, or as nothing, which means UTF-8 for JSON and GraphQL? */
export function isUtf8Type(media: MediaType): boolean {
  const charset = media.parameters.get('charset')?.toLowerCase()
  return charset === undefined || charset === 'utf-8' || charset === 'utf8'
}

/** The parts between semicolons that stand outside of quotes, without blanks around them. */
function splitParameters(text: string): string[] | undefined {
  const parts: string[] = []
  let start = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (quoted && char === '\\') at++
    else if (char === '"') quoted = !quoted
    else if (char === ';' && !quoted) {
      parts.push(trimBlanks(text.slice(start, at)))
      start = at + 1
    }
  }
  if (quoted) return undefined
  parts.push(trimBlanks(text.slice(start)))
  return parts
}

function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && (text[start] === ' ' || text[start] === '\t')) start++
  while (end > start && (text[end - 1] === ' ' || text[end - 1] === '\t')) end--
  return text.slice(start, end)
}

function parameterValue(written: string): string | undefined {
  if (TOKEN.test(written)) return written
  if (written.length < 2 || !written.startsWith('"') || !written.endsWith('"')) return undefined
  const inner = written.slice(1, -1)
  return /^(?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*$/.test(inner) ? inner.replace(/\\(.)/g, '$1') : undefined
}

/** Why a request's body cannot be inspected. */
export type BodyObstacle = 'encoded' | 'unread' | 'two-types' | 'bad-type'

/** A body that can be inspected: its bytes and its type. Both are undefined when there is none. */
export type InspectableBody =
  | { obstacle: BodyObstacle }
  | { obstacle?: undefined; bytes: Buffer | undefined; media: MediaType | undefined }

/**
 * The bytes of a request's body as they go upstream, for a component whose instance declares `body: { capture: true }`,
 * together with the one type that every reader will take them for.
 *
 * Obstacles: a content coding (`encoded`), bytes that Fastify did not read because the method has no body (`unread`), two
 * `Content-Type` headers (`two-types`), one that is none (`bad-type`). An inspecting component must refuse them all.
 */
export function inspectableBody(request: FastifyRequest, state: RequestState): InspectableBody {
  const bytes = state.rawBody ?? (Buffer.isBuffer(request.body) ? request.body : undefined)
  if (bytes === undefined && hasBody(request)) return { obstacle: 'unread' }
  if (bytes === undefined || bytes.length === 0) return { bytes: undefined, media: undefined }
  const coding = request.headers['content-encoding']
  if (coding !== undefined && coding.trim().toLowerCase() !== 'identity') return { obstacle: 'encoded' }
  if (isRepeated(request.raw.rawHeaders, 'content-type')) return { obstacle: 'two-types' }
  const written = request.headers['content-type']
  if (written === undefined) return { bytes, media: undefined }
  const media = parseMediaType(written)
  return media === undefined ? { obstacle: 'bad-type' } : { bytes, media }
}
