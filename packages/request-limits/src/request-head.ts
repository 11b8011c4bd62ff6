import { hasBody, type Refusal } from '@portcullis/core'
import type { FastifyRequest } from 'fastify'
import type { Limits } from './limits.ts'
import { BODY_TOO_LARGE, HEADER_DUPLICATED, HEADERS_TOO_LARGE, LENGTH_REQUIRED, URL_TOO_LONG } from './refusals.ts'

/** Decides by what is known before the body: URL, headers, declared length. */
export function checkHead(request: FastifyRequest, limits: Limits): Refusal | undefined {
  const { raw } = request
  if (raw.url !== undefined && raw.url.length > limits.maxUrl) return URL_TOO_LONG
  return checkHeaders(raw.rawHeaders, limits) ?? checkLength(request, limits)
}

/** Headers of which a request has one (RFC 9110, RFC 9112 section 3.2), by length: a name is compared only where one may be meant. */
const SINGLE: readonly (string | undefined)[] = ['host', 'content-type', 'authorization', 'content-length'].reduce<
  (string | undefined)[]
>((byLength, name) => {
  byLength[name.length] = name
  return byLength
}, [])

/**
 * Counts and measures header lines as they arrived; the parsed headers have lost repeated ones.
 *
 * @param rawHeaders names and values in turn. HTTP/2 has its pseudo-headers among them, which are not counted.
 */
export function checkHeaders(rawHeaders: readonly string[], limits: Limits): Refusal | undefined {
  let lines = 0
  let bytes = 0
  let seen = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.charCodeAt(0) === 58) continue
    lines++
    bytes += name.length + rawHeaders[i + 1]!.length + 4
    const single = SINGLE[name.length]
    if (single === undefined || name.toLowerCase() !== single) continue
    const bit = 1 << name.length
    if ((seen & bit) !== 0) return HEADER_DUPLICATED
    seen |= bit
  }
  return lines > limits.maxHeaders || bytes > limits.maxHeaderSize ? HEADERS_TOO_LARGE : undefined
}

function checkLength(request: FastifyRequest, limits: Limits): Refusal | undefined {
  const declared = request.headers['content-length']
  if (declared !== undefined) return Number(declared) > limits.maxBody ? BODY_TOO_LARGE : undefined
  if (!limits.requireContentLength) return undefined
  return hasBody(request) || ['POST', 'PUT', 'PATCH'].includes(request.method) ? LENGTH_REQUIRED : undefined
}
