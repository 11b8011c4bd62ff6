import { Readable } from 'node:stream'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import {
  copyStream,
  defaultJsonLimits,
  type JsonLimits,
  NewPayload,
  parseMediaType,
  Refusal,
  type RequestState,
  type SendStep,
} from '@portcullis/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type BodyRule, readBody } from '../body.ts'
import { nearness } from '../content-types.ts'
import { checkPlain } from '../parameters/parameter.ts'
import { Refusals } from '../refusals.ts'
import type { Content, OperationModel, ResponseModel } from './model.ts'

const LIMITS: JsonLimits = { ...defaultJsonLimits, maxDepth: 500, maxKeys: Number.POSITIVE_INFINITY }
const JUDGE = { limits: LIMITS, refusals: new Refusals(true) }
const DECODERS: Readonly<Record<string, (bytes: Buffer, options: { maxOutputLength: number }) => Buffer>> = {
  gzip: gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
}

/** How responses are checked. */
export interface ResponseOptions {
  mode: 'log' | 'enforce'
  /** Longest body, in bytes. */
  maxSize: number
  operationOf: (request: FastifyRequest) => OperationModel | undefined
}

/**
 * Makes the step that checks responses: 502 `RESPONSE_INVALID` when enforced, a record otherwise. What the gateway itself
 * answers is not checked. A stream is held back until it is checked, or copied on the way where it is only recorded.
 */
export function responseStep(options: ResponseOptions): SendStep {
  const { mode, maxSize } = options
  const decide = (reason: string | undefined, state: RequestState): Refusal | undefined => {
    if (reason === undefined) return undefined
    if (mode === 'enforce')
      return new Refusal(502, 'RESPONSE_INVALID', 'The response is not valid', { detail: { reason } })
    state.record({ component: 'validation/openapi', code: 'RESPONSE_INVALID', mode: 'record', detail: { reason } })
    return undefined
  }
  return (request, reply, payload, state) => {
    const operation = state.refused ? undefined : options.operationOf(request)
    if (operation === undefined) return undefined
    const response = responseOf(operation, reply.statusCode)
    if (response === undefined) return decide(`status ${reply.statusCode} is not declared`, state)
    const fault = headerFault(response, reply)
    if (fault !== undefined) return decide(fault, state)
    if (
      request.method === 'HEAD' ||
      reply.statusCode === 204 ||
      reply.statusCode === 304 ||
      response.content.length === 0
    ) {
      return undefined
    }
    const judge = (bytes: Buffer): string | undefined => bodyFault(bytes, response.content, reply, maxSize)
    if (payload instanceof Readable) {
      if (mode === 'log')
        return new NewPayload(
          copyStream(
            payload,
            maxSize,
            (bytes) => void decide(bytes === undefined ? 'the body is too long, or broke off' : judge(bytes), state),
          ),
        )
      return collect(payload, maxSize).then((bytes) =>
        bytes === undefined
          ? decide('the body is too long to check', state)
          : (decide(judge(bytes), state) ?? new NewPayload(bytes)),
      )
    }
    if (typeof payload === 'string') return decide(judge(Buffer.from(payload)), state)
    if (Buffer.isBuffer(payload)) return decide(judge(payload), state)
    return decide(payload === undefined || payload === null ? 'there is no body' : 'the body cannot be read', state)
  }
}

function responseOf(operation: OperationModel, status: number): ResponseModel | undefined {
  const { responses } = operation
  return responses.get(String(status)) ?? responses.get(`${Math.floor(status / 100)}XX`) ?? responses.get('default')
}

function headerFault(response: ResponseModel, reply: FastifyReply): string | undefined {
  for (const header of response.headers) {
    const value = reply.getHeader(header.name.toLowerCase())
    const mismatch = checkPlain(header, value === undefined ? undefined : String(value))
    if (mismatch !== undefined) return `header ${header.name}: ${mismatch.message}`
  }
  return undefined
}

function bodyFault(bytes: Buffer, content: Content, reply: FastifyReply, maxSize: number): string | undefined {
  if (bytes.length === 0) return 'there is no body'
  const written = reply.getHeader('content-type')
  const media = written === undefined ? undefined : parseMediaType(String(written))
  if (media === undefined) return 'there is no content type'
  const rule = ruleFor(content, (entry) => nearness(entry, media))
  if (rule === undefined) return `content type ${media.essence} is not declared`
  if (rule.opaque === true) return undefined
  const plain = decoded(bytes, reply.getHeader('content-encoding'), maxSize)
  if (plain === undefined) return 'the body’s encoding cannot be read'
  return readBody(plain, media, rule, JUDGE)?.message
}

/** The rule of the entry that is nearest to a type. */
export function ruleFor(content: Content, near: (entry: string) => number): BodyRule | undefined {
  let best: BodyRule | undefined
  let bestNearness = -1
  for (const [entry, rule] of content) {
    const own = near(entry)
    if (own > bestNearness) {
      best = rule
      bestNearness = own
    }
  }
  return best
}

function decoded(bytes: Buffer, encoding: unknown, maxOutputLength: number): Buffer | undefined {
  if (encoding === undefined || encoding === 'identity') return bytes
  const decoder = Object.hasOwn(DECODERS, String(encoding)) ? DECODERS[String(encoding)] : undefined
  try {
    return decoder?.(bytes, { maxOutputLength })
  } catch {
    return undefined
  }
}

/** All of a stream; undefined when it is longer than the bound. */
async function collect(stream: Readable, maxSize: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk)
    length += bytes.length
    if (length > maxSize) return undefined
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}
